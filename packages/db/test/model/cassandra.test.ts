import { fixture } from "../../src/drivers/cassandra/fixture.js";
import { testModel } from "./test-model.js";

// Each write is agreed on by the replicas: 20,000 steps take a quarter of an hour on a busy machine.
testModel(fixture, 6_000);
