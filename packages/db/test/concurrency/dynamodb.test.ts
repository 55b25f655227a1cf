import { fixture } from "../../src/drivers/dynamodb/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(fixture);
