import { fifoQueueFixture } from "../src/drivers/sqs/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(fifoQueueFixture);
