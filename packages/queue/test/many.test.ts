// Very many messages wait: they are counted, taken in order and removed as a few are.

import { openQueue } from "@bk/queue";
import { describe, expect, it } from "vitest";
import { queueFixture as amqp } from "../src/drivers/amqp/fixture.js";
import { postgresQueueFixture, queueFixture as sqlite } from "../src/drivers/db/fixture.js";
import { queueFixture as local } from "../src/drivers/local/fixture.js";
import { queueFixture as nats } from "../src/drivers/nats/fixture.js";
import { queueFixture as redis } from "../src/drivers/redis/fixture.js";
import { collect, dataOf, until } from "../src/testing/queue/suite.js";
import { canRun, idOf } from "./test-pubsub.js";
import type { QueueFixture } from "./test-queue.js";

/** How many: of the slower ones a part in an ordinary run, and all by `BK_TEST_MANY=100000`. */
const all = 100_000;
const part = Number(process.env["BK_TEST_MANY"] ?? 5_000);
const few = 1000;

const fixtures: readonly (QueueFixture & { readonly count: number })[] = [
  { ...local, count: all },
  { ...redis, count: all },
  { ...sqlite, count: part },
  { ...postgresQueueFixture, count: part },
  { ...nats, count: part },
  { ...amqp, count: part },
];

for (const fixture of fixtures.filter(canRun))
  describe(`driver: ${idOf(fixture.name)}`, { timeout: 300_000 }, () => {
    it(`${fixture.count} messages wait`, async () => {
      const { count } = fixture;
      const { url, options = {}, clean } = await fixture.open();
      const begun = performance.now();
      try {
        // `clean` of RabbitMQ knows names like this one.
        await using queue = await openQueue(url, { name: "q0", options, requestTimeoutMs: 60_000 });
        const receipts = await queue.submitMany(Array.from({ length: count }, (_, message) => ({ message })));
        expect(new Set(receipts.map(({ id }) => id)).size).toBe(count);
        await until(async () => (await queue.stats()).waiting === count, "all wait");
        const listener = await collect(queue, { concurrency: 10, waitMs: 500 });
        await until(() => listener.seen.length >= few, "some have come");
        await listener.close();
        const seen = dataOf(listener.seen) as number[];
        // About in order: none was overtaken by more than are taken together.
        expect(seen.filter((data) => data >= seen.length + few)).toEqual([]);
        expect(new Set(seen).size).toBe(seen.length);
        // What had been taken ahead is given back; until it is taken again some engines count it as what runs.
        const left = async (): Promise<number> => {
          const { waiting = 0, running = 0 } = await queue.stats();
          return waiting + running;
        };
        await until(async () => (await left()) === count - seen.length, "the others wait");
        expect(await queue.purge({ timeoutMs: 60_000 })).toBe(count - seen.length);
        expect(await left()).toBe(0);
        if (process.env["BK_TEST_MANY"] !== undefined)
          process.stderr.write(`${fixture.name}: ${count} messages, ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
      } finally {
        await clean?.();
      }
    });
  });
