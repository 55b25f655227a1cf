import { expect } from "vitest";
import { collect, dataOf, type QueueSuite, until } from "./suite.js";

const values: readonly unknown[] = [
  null,
  0,
  -0.5,
  9_007_199_254_740_991,
  "",
  " ",
  "~{}\n",
  "é😀\u2028\r\n\"'\\",
  "x".repeat(10_000),
  false,
  [],
  {},
  [[], [null]],
  { a: { b: [1, "2", null] }, constructor: 1, "\u0001": "\u0001" },
];

export function delivery(suite: QueueSuite): void {
  suite.topic("delivery", ({ test }) => {
    test("hands over what JSON can hold as it was", async ({ queue }) => {
      const own = await queue();
      const { seen } = await collect(own, { concurrency: 10 });
      for (const value of values) await own.submit(value);
      await until(() => seen.length === values.length, "all have come");
      expect(
        dataOf(seen)
          .map((each) => JSON.stringify(each))
          .sort(),
      ).toEqual(values.map((each) => JSON.stringify(each)).sort());
      await until(async () => own.metrics().done === values.length, "all are done");
    });

    test("takes a message as it is at the time of the call", async ({ queue }) => {
      const own = await queue();
      const message = { list: [1] };
      const submitted = own.submit(message);
      message.list.push(2);
      await submitted;
      const { seen } = await collect(own);
      await until(() => seen.length === 1, "it has come");
      expect(dataOf(seen)).toEqual([{ list: [1] }]);
    });

    test("gives each message an id of its own, and equal messages are two", async ({ queue }) => {
      const own = await queue();
      const receipts = [await own.submit("same"), await own.submit("same"), ...(await own.submitMany([{ message: "same" }]))];
      expect(new Set(receipts.map(({ id }) => id)).size).toBe(3);
      expect(receipts.every(({ duplicate }) => !duplicate)).toBe(true);
      const { seen } = await collect(own);
      await until(() => seen.length === 3, "all have come");
      expect(seen.map(({ id }) => id).sort()).toEqual(receipts.map(({ id }) => id).sort());
    });

    test("gives each message to one of several consumers", async ({ queue, fresh }) => {
      const name = fresh();
      const producer = await queue(name);
      const consumers = await Promise.all([1, 2, 3].map(() => queue(name)));
      const all = await Promise.all(consumers.map((each) => collect(each, { concurrency: 7 })));
      const numbers = Array.from({ length: 200 }, (_, index) => index);
      await producer.submitMany(numbers.slice(0, 100).map((message) => ({ message })));
      await Promise.all(numbers.slice(100).map((message) => producer.submit(message)));
      const count = (): number => all.reduce((sum, { seen }) => sum + seen.length, 0);
      await until(() => count() >= numbers.length, "all have come");
      const came = all.flatMap(({ seen }) => dataOf(seen) as number[]);
      expect(came.sort((a, b) => a - b)).toEqual(numbers);
    });

    test("keeps messages until somebody listens", async ({ queue, fresh }) => {
      const name = fresh();
      const producer = await queue(name);
      await producer.submit("kept");
      const { seen } = await collect(await queue(name));
      await until(() => seen.length === 1, "it has come");
      expect(seen[0]).toMatchObject({ data: "kept", attempt: 1 });
    });

    test("runs as many handlers at once as the options say, and no more", async ({ queue }) => {
      const own = await queue();
      await own.submitMany(Array.from({ length: 12 }, (_, message) => ({ message })));
      let running = 0;
      let most = 0;
      const held: (() => void)[] = [];
      const { seen } = await collect(own, { concurrency: 3 }, async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => held.push(resolve));
        running--;
      });
      while (seen.length < 12 || held.length > 0) {
        await until(() => held.length === 3 || seen.length === 12, "three run");
        held.shift()?.();
      }
      expect(most).toBe(3);
    });

    test("queues of different names do not meet", async ({ queue, fresh }) => {
      const name = fresh();
      const other = await queue(`${name}.x`);
      const own = await queue(name);
      const { seen } = await collect(other);
      await own.submit("own");
      await other.submit("other");
      await until(() => seen.length > 0, "one has come");
      expect(dataOf(seen)).toEqual(["other"]);
    });

    test("a message that is run at most once is not tried again", async ({ queue }) => {
      const own = await queue();
      const dropped: unknown[] = [];
      own.on("dropped", (event) => dropped.push(event.reason));
      await own.submit("once", { atMostOnce: true });
      const { seen } = await collect(own, { backoff: { delayMs: 0 } }, () => {
        throw new Error("failed");
      });
      await until(() => dropped.length > 0, "it was dropped");
      await own.submit("another", { maxAttempts: 1 });
      await until(() => seen.length > 1, "the next one has come");
      expect(dataOf(seen)).toEqual(["once", "another"]);
    });
  });
}
