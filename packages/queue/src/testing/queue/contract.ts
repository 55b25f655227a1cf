import { expect } from "vitest";
import type { NewMessage } from "../../queue/driver.js";
import { type QueueSuite, until } from "./suite.js";

const message = (id: string, body = '"x"'): NewMessage => ({
  id,
  body,
  delayMs: 0,
  priority: 0,
  groupKey: undefined,
  dedupeKey: undefined,
});
const never = new AbortController().signal;

export function contract(suite: QueueSuite): void {
  suite.topic("driver", ({ test }) => {
    test("an empty queue gives nothing, at once or when the waiting ends", async ({ driver, fresh }) => {
      const own = await driver(fresh());
      expect(await own.take({ count: 1, visibilityMs: 30_000, waitMs: 0, signal: never })).toEqual([]);
      const waiting = new AbortController();
      const take = own.take({ count: 1, visibilityMs: 30_000, waitMs: 20_000, signal: waiting.signal });
      waiting.abort();
      expect(await take).toEqual([]);
    });

    test("a take that waits has the message that comes", async ({ driver, fresh }) => {
      const name = fresh();
      const [own, other] = [await driver(name), await driver(name)];
      const take = own.take({ count: 5, visibilityMs: 30_000, waitMs: 20_000, signal: never });
      await other.submit([message("a")]);
      expect(await take).toMatchObject([{ id: "a", body: '"x"', attempt: 1 }]);
    });

    test("what was settled is not this consumer's any more", async ({ driver, fresh }) => {
      const own = await driver(fresh());
      await own.submit([message("a"), message("b")]);
      const taken = [...(await own.take({ count: 2, visibilityMs: 30_000, waitMs: 5_000, signal: never }))];
      while (taken.length < 2) taken.push(...(await own.take({ count: 1, visibilityMs: 30_000, waitMs: 5_000, signal: never })));
      const done = { kind: "done" } as const;
      expect(await own.extend(taken, 30_000)).toEqual([true, true]);
      expect(await own.settle(taken.map((each) => ({ taken: each, verdict: done })))).toEqual([true, true]);
      if (own.capabilities.visibility === "timeout") expect(await own.extend(taken, 30_000)).toEqual([false, false]);
      expect(await own.settle(taken.map((each) => ({ taken: each, verdict: done })))).toEqual([false, false]);
      expect(await own.settle(taken.map((each) => ({ taken: each, verdict: { kind: "dead", error: "x" } })))).toEqual([false, false]);
      expect((await own.dead?.list(10, undefined))?.rows).toEqual([]);
    });

    test("what came back to another is not the first consumer's any more", async ({ driver, fresh, unitMs, capabilities }) => {
      if (capabilities.visibility !== "timeout") return;
      const name = fresh();
      const [first, second] = [await driver(name), await driver(name)];
      await first.submit([message("a")]);
      const [old] = await first.take({ count: 1, visibilityMs: unitMs, waitMs: 5_000, signal: never });
      const [own] = await second.take({ count: 1, visibilityMs: 30_000, waitMs: 20_000, signal: never });
      expect(own).toMatchObject({ id: "a", attempt: 2 });
      expect(await first.extend([old!], 30_000)).toEqual([false]);
      expect(await first.settle([{ taken: old!, verdict: { kind: "done" } }])).toEqual([false]);
      expect(await first.settle([{ taken: old!, verdict: { kind: "retry", delayMs: 0, counts: true } }])).toEqual([false]);
      expect(await second.settle([{ taken: own!, verdict: { kind: "done" } }])).toEqual([true]);
    });

    test("what was extended stays with its consumer", async ({ driver, fresh, unitMs, capabilities }) => {
      if (capabilities.visibility !== "timeout") return;
      const name = fresh();
      const [first, second] = [await driver(name), await driver(name)];
      await first.submit([message("a")]);
      const [own] = await first.take({ count: 1, visibilityMs: 2 * unitMs, waitMs: 5_000, signal: never });
      expect(await first.extend([own!], 60_000)).toEqual([true]);
      expect(await second.take({ count: 1, visibilityMs: 30_000, waitMs: 3 * unitMs, signal: never })).toEqual([]);
      expect(await first.settle([{ taken: own!, verdict: { kind: "done" } }])).toEqual([true]);
    });

    test("takes that run at the same time get different messages", async ({ driver, fresh }) => {
      const name = fresh();
      const drivers = [await driver(name), await driver(name), await driver(name)];
      const ids = Array.from({ length: 60 }, (_, index) => `m${index}`);
      const { submit, take } = drivers[0]!.capabilities.most;
      for (let from = 0; from < ids.length; from += submit)
        await drivers[0]!.submit(ids.slice(from, from + submit).map((id) => message(id)));
      const taken: string[] = [];
      await until(async () => {
        const round = await Promise.all(
          drivers.flatMap((each) =>
            [1, 2].map(() => each.take({ count: Math.min(7, take), visibilityMs: 60_000, waitMs: 100, signal: never })),
          ),
        );
        taken.push(...round.flat().map(({ id }) => id));
        return taken.length >= ids.length;
      }, "all are taken");
      expect(taken.sort()).toEqual(ids.sort());
    });
  });
}
