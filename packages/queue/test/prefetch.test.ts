// What a listener takes before a handler is free for it.

import { afterEach, describe, expect, it } from "vitest";
import { openQueue, type Queue } from "../src/index.js";
import type { QueueDriver } from "../src/queue/driver.js";
import { localQueue } from "../src/drivers/local/queue.js";
import { silentLog, systemClock } from "@bk/core";

const open: Queue<number>[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((queue) => queue.close()));
});

/** A queue of this process, and how many messages each take asked for. */
async function recorded(name: string): Promise<{ queue: Queue<number>; asked: number[]; driver: QueueDriver }> {
  const inner = await localQueue({ queue: name, url: "local:", options: {}, clock: systemClock, log: silentLog });
  const asked: number[] = [];
  const driver: QueueDriver = Object.assign(Object.create(inner) as QueueDriver, {
    take: (request: Parameters<QueueDriver["take"]>[0]) => {
      asked.push(request.count);
      return inner.take(request);
    },
  });
  const queue = await openQueue<number>({ driver, name });
  open.push(queue);
  return { queue, asked, driver };
}

const numbers = (count: number) => Array.from({ length: count }, (_each, message) => ({ message }));

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Handlers that hold the messages until they are let go. */
function held() {
  const going: (() => void)[] = [];
  let isOpen = false;
  return {
    running: () => going.length,
    handler: () => (isOpen ? undefined : new Promise<void>((resolve) => going.push(resolve))),
    go() {
      isOpen = true;
      for (const end of going.splice(0)) end();
    },
  };
}

describe("what a listener takes ahead", () => {
  it("grows while handlers are quick, within the option", async () => {
    const { queue, asked } = await recorded("quick");
    await queue.submitMany(numbers(3000));
    const seen: number[] = [];
    await queue.listen((n) => void seen.push(n), { concurrency: 2, prefetch: 100 });
    await until(() => seen.length === 3000);
    expect(new Set(seen).size).toBe(3000);
    expect(asked[0]).toBe(2);
    expect(Math.max(...asked)).toBe(102);
  });

  it("is nothing with prefetch 0, nor for handlers that take long", async () => {
    const none = await recorded("none");
    await none.queue.submitMany(numbers(500));
    let count = 0;
    await none.queue.listen(() => void count++, { concurrency: 3, prefetch: 0 });
    await until(() => count === 500);
    expect(Math.max(...none.asked)).toBe(3);

    const slow = await recorded("slow");
    await slow.queue.submitMany(numbers(12));
    const { handler, go, running } = held();
    await slow.queue.listen(handler, { concurrency: 3 });
    await until(() => running() === 3);
    expect(await slow.queue.stats()).toMatchObject({ running: 3, waiting: 9 });
    go();
    await until(async () => slow.queue.metrics().done === 12);
  });

  it("is given back when handlers become slow, and others get it", async () => {
    const { queue } = await recorded("becomes-slow");
    await queue.submitMany(numbers(1000));
    const { handler, go, running } = held();
    let quick = 0;
    await queue.listen(() => (quick < 700 ? void quick++ : handler()), { concurrency: 2, prefetch: 50 });
    await until(() => running() === 2);
    // The two that run are all that is kept.
    await until(async () => (await queue.stats()).running === 2);
    expect((await queue.stats()).waiting).toBe(298);
    go();
    await until(() => queue.metrics().done === 1000);
    // It was no attempt.
    expect(await queue.stats()).toMatchObject({ dead: 0, waiting: 0 });
  });

  it("is given back by pause, drain and close, and counts no attempt", async () => {
    const { queue } = await recorded("ends");
    for (const end of ["pause", "drain", "close"] as const) {
      await queue.submitMany(numbers(300));
      const { handler, go, running } = held();
      let quick = 0;
      const attempts: number[] = [];
      const listener = await queue.listen(
        (_n, { attempt }) => {
          attempts.push(attempt);
          return quick < 120 ? void quick++ : handler();
        },
        { concurrency: 1, prefetch: 40 },
      );
      await until(() => running() === 1);
      const ended = listener[end]();
      await until(async () => (await queue.stats()).running === 1);
      expect((await queue.stats()).waiting).toBe(179);
      go();
      await ended;
      listener.resume();
      const rest = end === "pause" ? listener : await queue.listen((_n, { attempt }) => void attempts.push(attempt));
      await queue.idle();
      expect(attempts).toEqual(Array.from({ length: 300 }, () => 1));
      await rest.close();
      await listener.close();
    }
  });

  it("can be cancelled", async () => {
    const { queue } = await recorded("cancelled");
    const receipts = await queue.submitMany(numbers(200));
    const { handler, go, running } = held();
    const seen: number[] = [];
    await queue.listen(
      (n) => {
        seen.push(n);
        return seen.length <= 150 ? undefined : handler();
      },
      { concurrency: 1, prefetch: 60 },
    );
    await until(() => running() === 1);
    expect(await queue.cancel(receipts[155]!.id)).toBe(true);
    go();
    await queue.idle();
    expect(seen).not.toContain(155);
    expect(new Set(seen).size).toBe(199);
  });
});
