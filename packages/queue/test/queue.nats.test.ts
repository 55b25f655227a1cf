import { queueFixture } from "../src/drivers/nats/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(queueFixture);
