import { fixture } from "../../src/drivers/level/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture);
