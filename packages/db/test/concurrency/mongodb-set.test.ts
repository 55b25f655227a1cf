import { setFixture } from "../../src/drivers/mongodb/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(setFixture);
