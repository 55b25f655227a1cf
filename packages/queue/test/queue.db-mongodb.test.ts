import { mongodbQueueFixture } from "../src/drivers/db/fixture.js";
import { testQueueFixture } from "./test-queue.js";

testQueueFixture(mongodbQueueFixture);
