// The slot of a queue is moved to another node of its cluster, and the node that has it is killed, while the queue is in use.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openQueue } from "@bk/queue";
import { moveSlots } from "../../../../test/move-slot.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { collect, dataOf, until } from "../../src/testing/queue/suite.js";
import { canRun, idOf } from "../test-pubsub.js";

const fixture = { name: "redis-cluster", env: "BK_TEST_REDIS_CLUSTER" };
const listening = { concurrency: 5, visibilityTimeoutMs: 10_000, waitMs: 300 };
const pause = (ms: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!canRun(fixture) || process.env["BK_TEST_QUICK"] === "1")(`driver: ${idOf(fixture.name)}`, { timeout: 120_000 }, () => {
  let server: Service;
  beforeAll(async () => {
    server = await startService("redis-cluster");
  }, 180_000);
  afterAll(() => server?.stop());

  it("submits succeed while the slot is moved, every message is done once, and consumers that wait go on", async () => {
    await using queue = await openQueue(server.url, { name: "moving" });
    await using other = await openQueue(server.url, { name: "moving" });
    const all = [await collect(queue, listening, () => pause(5)), await collect(other, listening, () => pause(5))];
    const seen = (): unknown[] => all.flatMap((each) => dataOf(each.seen));
    let next = 0;
    let isOver = false;
    const submitting = (async () => {
      while (!isOver) await Promise.all([1, 2, 3].map(() => queue.submit(next++)));
    })();
    // It is waited for below, and may fail before.
    submitting.catch(() => undefined);
    try {
      await until(() => seen().length > 50, "some are done");
      for (let round = 0; round < 3; round++) {
        expect(await moveSlots(server.url, "{bk:moving}*")).toBe(1);
        const before = seen().length;
        await until(() => seen().length > before + 20, "more are done");
      }
    } finally {
      isOver = true;
    }
    await submitting;
    await queue.idle({ timeoutMs: 30_000 });
    expect(seen().length).toBe(next);
    expect(new Set(seen()).size).toBe(next);
    // Those that wait for a message when the slot is moved.
    expect(await moveSlots(server.url, "{bk:moving}*")).toBeGreaterThanOrEqual(0);
    await queue.submit("last");
    await until(() => seen().includes("last"), "the last one is done");
  });

  it("while a node is gone calls end with unavailable or timeout; when it is back all that was acknowledged is done", async () => {
    const names = Array.from({ length: 6 }, (_, n) => `killed${n}`);
    const queues = await Promise.all(names.map((name) => openQueue(server.url, { name, requestTimeoutMs: 3000 })));
    try {
      // Queues lie on all nodes.
      await Promise.all(queues.map((queue) => queue.submitMany([1, 2, 3].map((message) => ({ message })))));
      await server.kill(0);
      const calls = await Promise.allSettled(queues.map((queue) => queue.submit("while away")));
      const failed = calls.filter((call) => call.status === "rejected");
      expect(failed.length).toBeGreaterThan(0);
      for (const { reason } of failed)
        expect(reason).toMatchObject({ name: "QueueError", code: expect.stringMatching(/^(unavailable|timeout)$/) });
      const all = await Promise.all(queues.map((queue) => collect(queue, listening)));
      await server.start();
      for (const [at, { seen }] of all.entries()) {
        const expected = [1, 2, 3, ...(calls[at]!.status === "fulfilled" ? ["while away"] : [])];
        await until(() => expected.every((each) => dataOf(seen).includes(each)), `all of queue ${at} are done`);
      }
      await Promise.all(queues.map((queue) => queue.submit("afterwards")));
      for (const { seen } of all) await until(() => dataOf(seen).includes("afterwards"), "all go on");
    } finally {
      await Promise.all(queues.map((queue) => queue.close()));
    }
  });
});
