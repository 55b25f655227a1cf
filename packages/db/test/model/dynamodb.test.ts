import { fixture } from "../../src/drivers/dynamodb/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture, 2);
