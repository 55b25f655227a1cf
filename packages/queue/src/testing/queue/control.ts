import { expect } from "vitest";
import { QueueError } from "../../errors.js";
import { collect, dataOf, type QueueSuite, until } from "./suite.js";

const code = (code: string, outcome = "none"): unknown => expect.objectContaining({ code, outcome });

export function control(suite: QueueSuite): void {
  suite.topic("control", ({ test }) => {
    test("a paused listener takes nothing until it goes on", async ({ queue, fresh }) => {
      const name = fresh();
      const own = await queue(name);
      const seen: unknown[] = [];
      const listener = await own.listen((message) => void seen.push(message), { concurrency: 2 });
      listener.pause();
      await own.submitMany([1, 2, 3].map((message) => ({ message })));
      // Another consumer takes what this one leaves, so this one's turn has passed.
      const other = await collect(await queue(name));
      await until(() => other.seen.length === 3, "the other has all");
      await other.close();
      expect(seen).toEqual([]);
      listener.resume();
      await own.submit(4);
      await until(() => seen.length === 1, "it goes on");
      expect(seen).toEqual([4]);
    });

    test("drain waits for what runs, and takes no more", async ({ queue, fresh }) => {
      const name = fresh();
      const own = await queue(name);
      let end = (): void => undefined;
      const listener = await own.listen(() => new Promise<void>((resolve) => (end = resolve)));
      await own.submit("runs");
      await until(() => listener.running === 1, "it runs");
      await own.submit("waits");
      expect(await listener.drain(20)).toBe(false);
      expect(await own.drain(20)).toBe(false);
      end();
      expect(await own.drain()).toBe(true);
      const { seen } = await collect(await queue(name));
      await until(() => seen.length === 1, "the other one has come");
      expect(dataOf(seen)).toEqual(["waits"]);
    });

    test("close waits for handlers, and what they did is kept", async ({ queue, fresh }) => {
      const name = fresh();
      const own = await queue(name);
      const ended: unknown[] = [];
      let goOn = (): void => undefined;
      const closing = new Promise<void>((resolve) => (goOn = resolve));
      await own.listen(
        async (message) => {
          // Some engines hand over the second one long after the first.
          await closing;
          await new Promise((resolve) => setTimeout(resolve, 30));
          ended.push(message);
        },
        { concurrency: 2 },
      );
      await own.submitMany([1, 2].map((message) => ({ message })));
      await until(() => own.metrics().running === 2, "both run");
      const closed = Promise.all([own.close(), own.close()]);
      goOn();
      await closed;
      expect(ended.sort()).toEqual([1, 2]);
      const { seen } = await collect(await queue(name));
      const last = await queue(name);
      await last.submit("last");
      await until(() => seen.length > 0, "the next one has come");
      expect(dataOf(seen)).toEqual(["last"]);
    });

    test("close keeps what was submitted before it, and refuses what comes after", async ({ queue, fresh }) => {
      const name = fresh();
      const own = await queue(name);
      const submits = [1, 2, 3].map((message) => own.submit(message));
      const closed = own.close();
      await Promise.all([...submits, closed]);
      await expect(own.submit(4)).rejects.toEqual(code("closed"));
      await expect(own.submitMany([{ message: 4 }])).rejects.toEqual(code("closed"));
      await expect(own.listen(() => undefined)).rejects.toEqual(code("closed"));
      await expect(own.stats()).rejects.toEqual(code("closed"));
      const { seen } = await collect(await queue(name), { concurrency: 3 });
      await until(() => seen.length === 3, "all have come");
      expect(dataOf(seen).sort()).toEqual([1, 2, 3]);
    });

    test("closing is told once, to those who still listen", async ({ queue }) => {
      const own = await queue();
      const told: string[] = [];
      own.on("close", () => told.push("first"));
      const stop = own.on("close", () => told.push("second"));
      stop();
      await Promise.all([own.close(), own.close()]);
      expect(told).toEqual(["first"]);
    });

    test("a handler that goes on after close has its signal aborted", async ({ queue }) => {
      const own = await queue();
      let reason: unknown;
      await own.submit("endless");
      await own.listen(
        (_message, { signal }) =>
          new Promise<void>((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              reason = signal.reason;
              reject(signal.reason as Error);
            });
          }),
        { closeTimeoutMs: 0 },
      );
      await until(() => own.metrics().running === 1, "it runs");
      await own.close();
      expect(reason).toMatchObject({ reason: "closing" });
    });

    test("a listener tells when many messages wait; or cannot", async ({ queue, capabilities }) => {
      const own = await queue();
      const alarm = { length: 3, everyMs: 20 };
      if (!capabilities.stats.includes("waiting")) {
        await expect(own.listen(() => undefined, { alarm })).rejects.toEqual(code("unsupported"));
        return;
      }
      const told: number[] = [];
      own.on("long", ({ waiting }) => told.push(waiting));
      const listener = await own.listen(() => undefined, { alarm });
      listener.pause();
      await own.submitMany([1, 2, 3].map((message) => ({ message })));
      await until(() => told.length > 0, "it is told");
      expect(told[0]).toBe(3);
      await expect(own.listen(() => undefined, { alarm: { length: 0 } })).rejects.toEqual(code("invalid"));
    });

    test("a listener that asks seldom gets what it asks for", async ({ queue }) => {
      const own = await queue();
      await own.submitMany([1, 2, 3].map((message) => ({ message })));
      const { seen } = await collect(own, { maxPollRate: 20, concurrency: 3, waitMs: 0 });
      await until(() => seen.length === 3, "all have come");
      await expect(own.listen(() => undefined, { maxPollRate: 0 })).rejects.toEqual(code("invalid"));
    });

    test("stats count, and idle waits until nothing is left", async ({ queue, capabilities }) => {
      const own = await queue();
      const told = capabilities.stats;
      const expected = (numbers: Record<string, number>): Record<string, number> =>
        Object.fromEntries(Object.entries(numbers).filter(([name]) => (told as readonly string[]).includes(name)));
      await own.submitMany([{ message: 1 }, { message: 2 }, { message: 3, maxAttempts: 1 }]);
      if (capabilities.delay) await own.submit("later", { delayMs: 50 });
      const before = await own.stats();
      // An engine that does not tell what is delayed may count it as waiting.
      const [waiting, most] = [told.includes("waiting") ? 3 : 0, capabilities.delay ? 4 : 3];
      expect((before.waiting ?? 0) + (before.delayed ?? 0)).toBeGreaterThanOrEqual(told.includes("delayed") ? most : waiting);
      expect((before.waiting ?? 0) + (before.delayed ?? 0)).toBeLessThanOrEqual(most);
      const ends: (() => void)[] = [];
      await collect(own, { concurrency: 4 }, async ({ data }) => {
        await new Promise<void>((resolve) => ends.push(resolve));
        if (data === 3) throw new Error("failed");
      });
      const count = capabilities.delay ? 4 : 3;
      await until(() => ends.length === count, "all run");
      expect(await own.stats()).toMatchObject(expected({ waiting: 0, running: count, delayed: 0 }));
      if (!told.includes("waiting") || !told.includes("running") || !told.includes("delayed"))
        return expect(own.idle()).rejects.toEqual(code("unsupported"));
      const idle = own.idle();
      for (const end of ends) end();
      await idle;
      expect(await own.stats()).toEqual(expected({ waiting: 0, running: 0, delayed: 0, dead: 1 }));
    });

    test("stats count a message whatever becomes of it meanwhile", async ({ queue, capabilities }) => {
      const own = await queue();
      if (!["waiting", "running", "delayed"].every((name) => (capabilities.stats as readonly string[]).includes(name))) return;
      const times = 30;
      let runs = 0;
      await own.submit("restless", { maxAttempts: 0 });
      await collect(own, { backoff: { delayMs: 0, jitter: 0 } }, () => {
        if (++runs < times) throw new Error("once more");
      });
      const sums: number[] = [];
      // While its last run is not over it is pending, so what is counted before that is one at least.
      while (runs < times) {
        const { waiting = 0, delayed = 0, running = 0 } = await own.stats();
        if (runs < times) sums.push(waiting + delayed + running);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      expect(sums.filter((sum) => sum === 0)).toEqual([]);
      await own.idle();
      expect(runs).toBe(times);
    });

    test("purge removes what waits and is delayed", async ({ queue, capabilities }) => {
      const own = await queue();
      if (!capabilities.purge) return expect(own.purge()).rejects.toEqual(code("unsupported"));
      await own.submitMany([1, 2, 3].map((message) => ({ message })));
      if (capabilities.delay) await own.submit(4, { delayMs: 3_600_000 });
      if (capabilities.groups) await own.submitMany([5, 6].map((message) => ({ message, groupKey: "g" })));
      const count = 3 + (capabilities.delay ? 1 : 0) + (capabilities.groups ? 2 : 0);
      expect(await own.purge()).toBe(count);
      expect(await own.purge()).toBe(0);
      const { seen } = await collect(own);
      await own.submit("after", capabilities.groups ? { groupKey: "g" } : {});
      await until(() => seen.length > 0, "the next one has come");
      expect(dataOf(seen)).toEqual(["after"]);
    });

    test("cancel takes a message back, or tells its handler to stop", async ({ queue, capabilities }) => {
      const own = await queue();
      const { id } = await own.submit("not wanted");
      if (!capabilities.remove) return expect(own.cancel(id)).rejects.toEqual(code("unsupported"));
      expect(await own.cancel(id)).toBe(true);
      expect(await own.cancel(id)).toBe(false);
      expect(await own.cancel("none")).toBe(false);
      const running = await own.submit("runs");
      let reason: unknown;
      await own.listen(
        (_message, { signal }) =>
          new Promise<void>((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              reason = signal.reason;
              reject(signal.reason as Error);
            });
          }),
      );
      await until(() => own.metrics().running === 1, "it runs");
      expect(await own.cancel(running.id)).toBe(true);
      await until(() => own.metrics().dropped === 1, "it was dropped");
      expect(reason).toMatchObject({ reason: "cancelled" });
    });

    test("a handler that takes longer than the visibility timeout keeps its message", async ({ queue, fresh, unitMs }) => {
      const name = fresh();
      const own = await queue(name);
      await own.submit("long");
      let end = (): void => undefined;
      // Long enough for a renewal to be in time on a busy machine.
      const visibilityTimeoutMs = 5 * unitMs;
      const first = await collect(own, { visibilityTimeoutMs }, () => new Promise<void>((resolve) => (end = resolve)));
      await until(() => first.seen.length === 1, "it runs");
      const other = await queue(name);
      const second = await collect(other, { visibilityTimeoutMs });
      const from = Date.now();
      await until(() => Date.now() - from > 2 * visibilityTimeoutMs, "two timeouts have passed");
      end();
      await until(() => own.metrics().done === 1, "it was done");
      await other.submit("next");
      await until(() => first.seen.length + second.seen.length === 2, "the next one has come");
      expect([...dataOf(first.seen), ...dataOf(second.seen)].sort()).toEqual(["long", "next"]);
      end();
    });

    test("a message that is larger than allowed is refused, with the sizes", async ({ queue }) => {
      const own = await queue(undefined, { maxPayloadBytes: 100 });
      await own.submit("x".repeat(98));
      await expect(own.submit("x".repeat(99))).rejects.toMatchObject({
        code: "too-large",
        outcome: "none",
        detail: { bytes: 101, maxBytes: 100 },
      });
    });

    test("what a call may not be given is refused at once", async ({ queue }) => {
      const own = await queue();
      const wrong: readonly object[] = [
        { delayMs: -1 },
        { delayMs: 1.5 },
        { delayMs: 1, startTime: 1 },
        { priority: 10 },
        { groupKey: "" },
        { groupKey: "a b" },
      ];
      for (const options of [
        ...wrong,
        { dedupeKey: "é" },
        { maxAttempts: -1 },
        { endTime: NaN },
        { atMostOnce: 1 },
        { delay: 5 },
        { timeoutMs: 0 },
      ])
        await expect(own.submit(1, options)).rejects.toEqual(code("invalid"));
      for (const message of [undefined, () => 1, NaN, new Date(), 1n]) await expect(own.submit(message)).rejects.toEqual(code("invalid"));
      for (const options of [{ concurrency: 0 }, { visibilityTimeoutMs: 1 }, { backoff: { factor: 0.5 } }, { what: 1 }])
        await expect(own.listen(() => undefined, options)).rejects.toEqual(code("invalid"));
      await expect(own.dead.list({ count: 0 })).rejects.toEqual(code("invalid"));
      expect(() => own.dead.retry({} as { all: true })).toThrow(QueueError);
    });

    test("a call that was cancelled before it began does nothing", async ({ queue }) => {
      const own = await queue();
      const signal = AbortSignal.abort();
      await expect(own.submit("no", { signal })).rejects.toEqual(code("cancelled"));
      await expect(own.submitMany([{ message: "no" }], { signal })).rejects.toEqual(code("cancelled"));
      await own.submit("yes", { signal: new AbortController().signal, timeoutMs: 20_000 });
      const { seen } = await collect(own);
      await until(() => seen.length > 0, "one has come");
      expect(dataOf(seen)).toEqual(["yes"]);
    });
  });
}
