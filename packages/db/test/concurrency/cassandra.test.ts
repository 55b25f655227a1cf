import { fixture } from "../../src/drivers/cassandra/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
