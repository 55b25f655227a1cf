import { queueFixture } from "../src/drivers/shared/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(queueFixture);
