// Brokers that die, connections that break and answers that do not come, while a work queue is in use.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { openQueue, type Queue, type QueueOptions, type Receipt } from "@bk/queue";
import { type FaultProxy, openFaultProxy } from "../../../../test/fault-proxy.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { collect, dataOf, until } from "../../src/testing/queue/suite.js";
import { refused } from "../../src/testing/refused.js";
import { canRun, idOf } from "../test-pubsub.js";

export interface QueueUnderFaults {
  /** As in `driver: queue-<name>`. */
  readonly name: string;
  /** The variable of its server; it only says whether such servers can be had. */
  readonly env: string;
  /** The server of test/services. */
  readonly service: string;
  /** The URL of the queue, from that of the server; default: the same. */
  readonly url?: (server: string) => string;
  /** Milliseconds after which a queue that was made outlives the server's SIGKILL; default 0: at once. */
  readonly makingMs?: number;
  /** Options that make it give up soon. */
  readonly impatient?: Readonly<Record<string, unknown>>;
}

/** A call that is made while the broker goes away ends with one of these. */
const wayOut = expect.objectContaining({ name: "QueueError", code: expect.stringMatching(/^(unavailable|timeout)$/) });

/** Registers the fault tests of a driver, on a server of their own. */
export function testQueueFaults({
  name,
  env,
  service,
  url: urlOf = (server) => server,
  impatient = {},
  makingMs = 0,
}: QueueUnderFaults): void {
  if (!canRun({ name, env }) || process.env["BK_TEST_QUICK"] === "1") {
    describe("not run here", () => it.skip(idOf(name), () => undefined));
    return;
  }
  describe(`driver: ${idOf(name)}`, { timeout: 180_000 }, () => {
    let server: Service;
    let proxy: FaultProxy;
    let opened: Queue[] = [];
    let count = 0;

    beforeAll(async () => {
      server = await startService(service);
      proxy = await openFaultProxy(server.url);
    }, 180_000);
    afterEach(async () => {
      await proxy.mode("pass");
      proxy.cutAll();
      await Promise.all(opened.map((queue) => queue.close()));
      opened = [];
    });
    afterAll(async () => {
      await proxy?.close();
      await server?.stop();
    });

    async function open(server: string, options: QueueOptions = {}): Promise<Queue> {
      const queue = await openQueue(urlOf(server), { requestTimeoutMs: 5000, ...options });
      opened.push(queue);
      return queue;
    }
    const fresh = (): string => `faults${++count}`;

    /** Submits until it is acknowledged. */
    async function submit(queue: Queue, message: unknown): Promise<Receipt> {
      for (;;) {
        const receipt = await queue.submit(message).catch((error: unknown) => error);
        if (!(receipt instanceof Error)) return receipt as Receipt;
        expect(receipt).toEqual(wayOut);
      }
    }

    it("what was acknowledged is done though the broker is killed and started, and consumers go on by themselves", async () => {
      const queue = await open(server.url, { name: fresh() });
      const hasDelay = queue.capabilities().delay;
      if (makingMs > 0) {
        // What delayed messages need is made with the first of them.
        if (hasDelay) await queue.submit("first", { delayMs: 1500 });
        await sleep(makingMs);
      }
      const early = Array.from({ length: 60 }, (_, n) => n);
      await queue.submitMany(early.map((message) => ({ message })));
      if (hasDelay) await queue.submitMany([{ message: "delayed", delayMs: 1500 }]);
      await queue.submit("doomed", { maxAttempts: 1 });
      const { seen } = await collect(queue, { concurrency: 3, visibilityTimeoutMs: 2000, waitMs: 500 }, async ({ data }) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (data === "doomed") throw new Error("failed");
      });
      await until(() => seen.length > 20, "some are done");
      await server.kill();
      const away = await queue.submit("while away").catch((error: unknown) => error);
      expect(away).toEqual(wayOut);
      await expect(queue.stats({ timeoutMs: 500 })).rejects.toEqual(wayOut);
      await server.start();
      await submit(queue, "afterwards");
      const expected = [...early, "afterwards", "doomed", ...(hasDelay ? ["delayed"] : [])];
      await until(() => expected.every((each) => dataOf(seen).includes(each)), "all are done", 60_000);
      await until(async () => ((await queue.stats().catch(() => undefined))?.waiting ?? 1) === 0, "nothing is left", 60_000);
      // Not every broker counts what is being settled.
      const dead = async (): Promise<unknown[]> => (await queue.dead.list()).rows.map(({ data }) => data);
      await until(async () => (await dead().catch(() => [])).length > 0, "the doomed one is dead", 60_000);
      expect(await dead()).toEqual(["doomed"]);
      // Of those that were done before, only what the broker had not yet heard of comes again: what three handlers had, and what was being settled.
      expect(seen.length - new Set(dataOf(seen)).size).toBeLessThan(30);
    });

    it("while the broker is away calls are refused in time and nothing piles up; then the same queue works", async () => {
      const queue = await open(proxy.url(server.url), { name: fresh(), options: impatient });
      await queue.submit(1);
      await proxy.mode("refuse");
      proxy.cutAll();
      // What is sent before the loss is noticed may have arrived.
      await queue.submit(2).catch(() => undefined);
      await refused(queue.submit(3), "unavailable", "none");
      const many = await Promise.allSettled(Array.from({ length: 3000 }, (_, n) => queue.submit({ n })));
      for (const each of many) {
        // Where each is a request of its own they may be too many for the time of one.
        if (queue.capabilities().transactions) expect(each).toMatchObject({ status: "rejected", reason: wayOut });
        else expect(each).toMatchObject({ status: "rejected", reason: { code: "unavailable", outcome: "none" } });
      }
      const mayBeDone = new Set(many.flatMap((each, n) => (each.status === "rejected" && each.reason.outcome === "unknown" ? [n] : [])));
      await proxy.mode("pass");
      const { id } = await submit(queue, 5);
      const { seen } = await collect(queue, { waitMs: 500 });
      await until(() => dataOf(seen).includes(5), "it is done");
      await until(() => queue.metrics().done === seen.length, "they are settled");
      // What was told to have had no effect had none.
      expect(dataOf(seen)).not.toContain(3);
      expect(dataOf(seen).filter((data) => typeof data === "object" && !mayBeDone.has((data as { n: number }).n))).toEqual([]);
      expect(seen.filter((each) => each.id === id).length).toBe(1);
    });

    it("a submit whose answer is lost is told as unknown, and the message is there once", async () => {
      const name = fresh();
      const queue = await open(proxy.url(server.url), { name, options: impatient });
      await queue.submit("first");
      await proxy.mode("cut-after-request");
      const error = await queue.submit("second").then(
        () => expect.fail("expected a failure"),
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ name: "QueueError", outcome: "unknown" });
      expect(error).toEqual(wayOut);
      await proxy.mode("pass");
      const { seen } = await collect(await open(server.url, { name }), { waitMs: 500 });
      await until(() => seen.length >= 2, "both have come");
      expect(dataOf(seen).sort()).toEqual(["first", "second"]);
    });

    it("a broker that does not answer is a timeout, closing ends all the same, and what was taken comes back", async () => {
      const name = fresh();
      const queue = await open(proxy.url(server.url), { name, options: impatient, requestTimeoutMs: 1000 });
      await queue.submit("held");
      const { seen } = await collect(
        queue,
        { visibilityTimeoutMs: 1500, waitMs: 500, closeTimeoutMs: 100 },
        () => new Promise(() => undefined),
      );
      await until(() => seen.length === 1, "it has come");
      await proxy.mode("hang");
      await refused(queue.submit("hangs", { timeoutMs: 200 }), "timeout", "unknown");
      await refused(queue.stats({ timeoutMs: 200 }), "timeout", "none");
      const late = queue.submit("late").catch((error: unknown) => error);
      await queue.close();
      opened = [];
      expect(await late).toMatchObject({ name: "QueueError" });
      await refused(queue.submit("too late"), "closed", "none");
      proxy.cutAll();
      const other = await collect(await open(server.url, { name }), { visibilityTimeoutMs: 1500, waitMs: 500 });
      await until(() => dataOf(other.seen).includes("held"), "it has come back");
      expect(other.seen.find(({ data }) => data === "held")?.attempt).toBe(2);
    });
  });
}
