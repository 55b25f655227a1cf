// The behaviour suite of work queues: what @bk/queue promises on every engine.

import { describe } from "vitest";

import { contract } from "./contract.js";
import { control } from "./control.js";
import { delivery } from "./delivery.js";
import { failures } from "./failures.js";
import { order } from "./order.js";
import { type QueueDriverUnderTest, QueueSuite } from "./suite.js";

const topics = [contract, delivery, failures, order, control];

/**
 * Registers the tests that every driver of work queues passes, under `describe("driver: <id>")`. Call it in a vitest file.
 *
 * What a driver does not claim in its capabilities is called all the same: the answer is `unsupported`.
 *
 * @param driver  its id, how a clean store on it is opened, and its known defects
 */
export function testQueueDriver(driver: QueueDriverUnderTest): void {
  describe(`driver: ${driver.id}`, () => {
    describe("work queue", () => {
      const suite = new QueueSuite(driver);
      for (const topic of topics) topic(suite);
      suite.end();
    });
  });
}
