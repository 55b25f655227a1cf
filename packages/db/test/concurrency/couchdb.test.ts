import { fixture } from "../../src/drivers/couchdb/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
