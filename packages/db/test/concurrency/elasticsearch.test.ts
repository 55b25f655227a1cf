import { fixture } from "../../src/drivers/elasticsearch/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
