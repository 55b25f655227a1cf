import { fixture } from "../../src/drivers/mongodb/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
