import { fixture } from "../../src/drivers/riak/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
