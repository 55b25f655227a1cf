import { queueFixture } from "../src/drivers/amqp/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(queueFixture);
