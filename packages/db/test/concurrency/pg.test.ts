import { fixture } from "../../src/drivers/postgres/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
