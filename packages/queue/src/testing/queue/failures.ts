import { expect } from "vitest";
import { HandlerStopped } from "../../queue/delivery.js";
import { GiveUp, TryLater } from "../../queue/verdict.js";
import { collect, dataOf, type QueueSuite, until } from "./suite.js";

const fail = (): never => {
  throw new Error("out of paper");
};

export function failures(suite: QueueSuite): void {
  suite.topic("failures", ({ test }) => {
    test("a message whose handler failed comes back after its backoff, as another attempt", async ({ queue, unitMs }) => {
      const own = await queue();
      const { id } = await own.submit({ n: 1 });
      const { seen } = await collect(own, { backoff: { delayMs: unitMs } }, ({ attempt }) => (attempt === 1 ? fail() : undefined));
      await until(() => own.metrics().done === 1, "it was done");
      expect(seen.map(({ data, id: own, attempt }) => ({ data, id: own, attempt }))).toEqual([
        { data: { n: 1 }, id, attempt: 1 },
        { data: { n: 1 }, id, attempt: 2 },
      ]);
      // Engines and this process round and measure for themselves.
      expect(seen[1]!.at - seen[0]!.at).toBeGreaterThanOrEqual(unitMs - 50);
    });

    test("a message whose attempts are used up is dead, and is not tried again", async ({ queue }) => {
      const own = await queue(undefined, { maxAttempts: 5 });
      const { id } = await own.submit("doomed", { maxAttempts: 2 });
      const before = Date.now();
      const { seen } = await collect(own, { backoff: { delayMs: 0 } }, fail);
      await until(async () => (await own.dead.list()).rows.length === 1, "it is dead");
      const { rows } = await own.dead.list();
      expect(rows).toEqual([{ id, data: "doomed", error: "Error: out of paper", attempts: 2, lastTime: expect.any(Date) }]);
      // The engine's clock may be another one.
      expect(Math.abs(rows[0]!.lastTime.getTime() - before)).toBeLessThan(60_000);
      expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2]);
    });

    test("GiveUp makes it dead at once", async ({ queue }) => {
      const own = await queue();
      await own.submit("no");
      const { seen } = await collect(own, {}, () => {
        throw new GiveUp("never");
      });
      await until(async () => (await own.dead.list()).rows.length === 1, "it is dead");
      expect((await own.dead.list()).rows[0]).toMatchObject({ data: "no", error: "GiveUp: never", attempts: 1 });
      expect(seen.length).toBe(1);
    });

    test("TryLater is no attempt", async ({ queue }) => {
      const own = await queue();
      await own.submit("later", { maxAttempts: 1 });
      let refusals = 0;
      const { seen } = await collect(own, {}, () => {
        if (++refusals <= 3) throw new TryLater(1);
      });
      await until(() => own.metrics().done === 1, "it was done");
      expect(seen.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
    });

    test("an error may mean that the message is dropped", async ({ queue }) => {
      const own = await queue();
      await own.submit("not wanted");
      await collect(own, { failure: () => "drop" }, fail);
      await until(() => own.metrics().dropped === 1, "it was dropped");
      await until(async () => ((await own.stats()).waiting ?? 0) + ((await own.stats()).running ?? 0) === 0, "it is gone");
      expect((await own.dead.list()).rows).toEqual([]);
    });

    test("dead messages are listed in pages, and tried again or removed by id and all together", async ({ queue }) => {
      const own = await queue();
      const receipts = await own.submitMany(Array.from({ length: 7 }, (_, message) => ({ message, maxAttempts: 1 })));
      const failing = await collect(own, {}, fail);
      await until(async () => (await own.dead.list()).rows.length === 7, "all are dead");
      await failing.close();
      const listed: unknown[] = [];
      let start: string | undefined;
      do {
        const page = await own.dead.list({ count: 3, ...(start === undefined ? {} : { start }) });
        expect(page.rows.length).toBeLessThanOrEqual(3);
        listed.push(...page.rows.map(({ data }) => data));
        start = page.next;
      } while (start !== undefined);
      expect(listed.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);

      const [first, second, third, fourth] = receipts.map(({ id }) => id);
      expect(await own.dead.retry(first!)).toBe(1);
      expect(await own.dead.retry(["none", second!])).toBe(1);
      expect(await own.dead.purge([third!, "none"])).toBe(1);
      expect(await own.dead.purge(fourth!)).toBe(1);
      expect(await own.dead.retry({ all: true })).toBe(3);
      expect((await own.dead.list()).rows).toEqual([]);
      const { seen } = await collect(own);
      await until(() => seen.length === 5, "they have come again");
      expect(seen.map(({ data, attempt }) => ({ data, attempt })).sort((a, b) => Number(a.data) - Number(b.data))).toEqual(
        [0, 1, 4, 5, 6].map((data) => ({ data, attempt: 1 })),
      );
      expect(await own.dead.purge({ all: true })).toBe(0);
    });

    test("a message whose consumer is gone comes back, and that counts as an attempt", async ({ queue, fresh, unitMs }) => {
      const name = fresh();
      const [first, second] = [await queue(name), await queue(name)];
      await first.submit("left behind");
      const hanging = await collect(first, { visibilityTimeoutMs: unitMs, closeTimeoutMs: 0 }, () => new Promise(() => undefined));
      await until(() => hanging.seen.length === 1, "it has come");
      await hanging.close();
      // Where the broker watches the connection, the consumer is gone when that is.
      await first.close();
      const { seen } = await collect(second, { visibilityTimeoutMs: unitMs });
      await until(() => seen.length === 1, "it has come back");
      expect(seen[0]).toMatchObject({ data: "left behind", attempt: 2 });
    });

    test("a message whose consumers are gone time after time is dead, and is not run again", async ({ queue, fresh, unitMs }) => {
      const name = fresh();
      const producer = await queue(name);
      await producer.submit("poison", { maxAttempts: 2 });
      for (const attempt of [1, 2]) {
        const own = await queue(name);
        const hanging = await collect(own, { visibilityTimeoutMs: unitMs, closeTimeoutMs: 0 }, () => new Promise(() => undefined));
        await until(() => hanging.seen.length === 1, `attempt ${attempt} has begun`);
        await hanging.close();
        await own.close();
      }
      const own = await queue(name);
      const { seen } = await collect(own, { visibilityTimeoutMs: unitMs });
      await until(async () => (await own.dead.list()).rows.length === 1, "it is dead");
      expect((await own.dead.list()).rows[0]).toMatchObject({ data: "poison", error: expect.stringContaining("ended without an answer") });
      expect(seen).toEqual([]);
    });

    test("what is not JSON is dead, and no handler sees it", async ({ queue, driver, fresh }) => {
      const name = fresh();
      const raw = await driver(name);
      for (const [index, body] of ["{", "~{}", "~[1]\nx", "~1\n1", "\u2028"].entries())
        await raw.submit([{ id: `foreign${index}`, body, delayMs: 0, priority: 0, groupKey: undefined, dedupeKey: undefined }]);
      const own = await queue(name);
      await own.submit("good");
      const { seen } = await collect(own);
      await until(async () => (await own.dead.list()).rows.length === 5, "they are dead");
      await until(() => seen.length > 0, "the good one has come");
      expect(dataOf(seen)).toEqual(["good"]);
      expect((await own.dead.list()).rows.map(({ data }) => data)).toEqual(Array.from({ length: 5 }, () => undefined));
    });

    test("a handler that never ends is told to stop, and its message does not wait for it", async ({ queue }) => {
      const own = await queue();
      const reasons: unknown[] = [];
      const stuck: string[] = [];
      own.on("stuck", ({ id }) => stuck.push(id));
      const { id } = await own.submit("endless", { maxAttempts: 1 });
      await own.listen(
        (_message, { signal }) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          return new Promise(() => undefined);
        },
        { maxRunMs: 10, graceMs: 10, closeTimeoutMs: 0 },
      );
      await until(async () => (await own.dead.list()).rows.length === 1, "it is dead");
      expect(reasons).toEqual([expect.any(HandlerStopped)]);
      expect(reasons[0]).toMatchObject({ reason: "overdue" });
      expect((await own.dead.list()).rows[0]).toMatchObject({ id, error: expect.stringContaining("time limit") });
      await until(() => stuck.length === 1, "it is reported");
      expect(stuck).toEqual([id]);
    });
  });
}
