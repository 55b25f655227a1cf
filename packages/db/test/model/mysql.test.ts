import { fixture } from "../../src/drivers/mysql/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture);
