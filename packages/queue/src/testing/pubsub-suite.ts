// The behaviour suite of publish and subscribe: what @bk/queue promises of every driver.

import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";

import type { PubSubOptions } from "../pubsub/options.js";
import type { PubSub } from "../pubsub/pubsub.js";
import { pubSubCalls } from "./pubsub-calls.js";
import type { PubSubContext } from "./pubsub-context.js";
import { pubSubChannels } from "./pubsub-channels.js";
import { pubSubSubscribers } from "./pubsub-subscribers.js";

/** A driver as its author hands it to {@link testPubSub}. */
export interface PubSubUnderTest {
  /** Names the tests: `driver: <id>`. */
  readonly id: string;
  /** Opens a bus on the engine, as an app would; all reach each other. The suite closes what it opens. */
  open(options?: PubSubOptions): Promise<PubSub>;
}

/**
 * Registers the tests that every driver of publish and subscribe passes, under `describe("driver: <id>")`. Call it in a vitest file.
 *
 * What a driver does not claim in its capabilities is called all the same: it is `unsupported`.
 */
export function testPubSub(driver: PubSubUnderTest): void {
  describe(`driver: ${driver.id}`, () => {
    const opened: PubSub[] = [];
    const context: PubSubContext = {
      async open(options) {
        const bus = await driver.open(options);
        opened.push(bus);
        return bus;
      },
      fresh: () => `t${randomUUID().slice(0, 13)}`,
    };
    afterAll(async () => {
      await Promise.all(opened.map((bus) => bus.close()));
    });
    describe("publish and subscribe", () => {
      pubSubCalls(context);
      pubSubChannels(context);
      pubSubSubscribers(context);
      it("says what it can as plain data", async () => {
        const { capabilities } = await context.open();
        expect(structuredClone(capabilities)).toEqual(capabilities);
      });
    });
  });
}
