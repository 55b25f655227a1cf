import { clusterQueueFixture } from "../src/drivers/redis/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(clusterQueueFixture);
