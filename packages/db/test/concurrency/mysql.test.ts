import { fixture } from "../../src/drivers/mysql/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
