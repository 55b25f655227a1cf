import { fixture } from "../../src/drivers/lmdb/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
