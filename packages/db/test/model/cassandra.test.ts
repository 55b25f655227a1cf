import { fixture } from "../../src/drivers/cassandra/fixture.js";
import { testModel } from "./test-model.js";

// Each write is agreed on by the replicas, which is mostly waiting.
testModel(fixture, 4);
