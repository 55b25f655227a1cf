import { queueFixture } from "../src/drivers/local/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(queueFixture);
