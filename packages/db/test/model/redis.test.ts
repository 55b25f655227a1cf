import { fixture } from "../../src/drivers/redis/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture);
