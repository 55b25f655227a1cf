import { fixture } from "../../src/drivers/postgres/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture);
