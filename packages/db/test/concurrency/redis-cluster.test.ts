import { taggedClusterFixture } from "../../src/drivers/redis/fixture.js";
import { testConcurrency } from "./test-concurrency.js";

testConcurrency(taggedClusterFixture);
