import { fixture } from "../../src/drivers/sqlite/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
