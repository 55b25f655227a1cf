import { fixture } from "../../src/drivers/sqlite/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture);
