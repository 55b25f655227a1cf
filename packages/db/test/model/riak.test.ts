import { fixture } from "../../src/drivers/riak/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture, 4);
