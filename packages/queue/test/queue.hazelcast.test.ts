import { queueFixture } from "../src/drivers/hazelcast/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(queueFixture);
