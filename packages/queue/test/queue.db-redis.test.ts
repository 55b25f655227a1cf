import { redisQueueFixture } from "../src/drivers/db/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(redisQueueFixture);
