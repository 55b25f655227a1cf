import { fixture } from "../../src/drivers/cassandra/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture);
