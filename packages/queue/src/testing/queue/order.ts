import { expect } from "vitest";
import { collect, dataOf, type QueueSuite, type Seen, until } from "./suite.js";

export function order(suite: QueueSuite): void {
  suite.topic("order and time", ({ test }) => {
    test("a delayed message is not taken before its time, and others are meanwhile", async ({ queue, capabilities, unitMs }) => {
      const own = await queue();
      if (!capabilities.delay) return expect(own.submit(1, { delayMs: 1 })).rejects.toMatchObject({ code: "unsupported", outcome: "none" });
      const from = Date.now();
      await own.submit("late", { delayMs: 2 * unitMs });
      await own.submit("start", { startTime: new Date(from + unitMs) });
      await own.submit("now", { delayMs: 0 });
      const { seen } = await collect(own, { concurrency: 3 });
      await until(() => seen.length === 3, "all have come");
      const at = (data: string): number => seen.find((each) => each.data === data)!.at - from;
      expect(at("late")).toBeGreaterThanOrEqual(2 * unitMs - 50);
      expect(at("start")).toBeGreaterThanOrEqual(unitMs - 50);
      expect(seen.every(({ attempt }) => attempt === 1)).toBe(true);
    });

    test("a delay may be long", async ({ queue, capabilities }) => {
      if (!capabilities.delay) return;
      const own = await queue();
      await own.submit("next month", { delayMs: 30 * 86_400_000 });
      await own.submit("long past", { startTime: 0 });
      const { seen } = await collect(own);
      await until(() => seen.length === 1, "one has come");
      expect(dataOf(seen)).toEqual(["long past"]);
      if (capabilities.stats.includes("delayed")) expect(await own.stats()).toMatchObject({ delayed: 1 });
    });

    test("a message is dropped when its end time has passed before it was begun", async ({ queue }) => {
      const own = await queue();
      const dropped: unknown[] = [];
      own.on("dropped", ({ id, reason }) => dropped.push([id, reason]));
      const { id } = await own.submit("too late", { endTime: Date.now() - 1 });
      await own.submit("in time", { endTime: new Date(Date.now() + 3_600_000) });
      const { seen } = await collect(own);
      await until(() => seen.length === 1 && dropped.length === 1, "one has come and one was dropped");
      expect(dataOf(seen)).toEqual(["in time"]);
      expect(dropped).toEqual([[id, "expired"]]);
    });

    test("those of a higher priority are taken first", async ({ queue, capabilities }) => {
      const own = await queue();
      if (!capabilities.priorities)
        return expect(own.submit(1, { priority: 1 })).rejects.toMatchObject({ code: "unsupported", outcome: "none" });
      for (const priority of [0, 5, 1, 9, 5, 0]) await own.submit(priority, { priority });
      const { seen } = await collect(own);
      await until(() => seen.length === 6, "all have come");
      expect(dataOf(seen)).toEqual([9, 5, 5, 1, 0, 0]);
    });

    test("messages of a group are handled in order, one at a time, and groups beside each other", async ({
      queue,
      fresh,
      capabilities,
    }) => {
      const name = fresh();
      const own = await queue(name);
      if (!capabilities.groups)
        return expect(own.submit(1, { groupKey: "g" })).rejects.toMatchObject({ code: "unsupported", outcome: "none" });
      const groups = ["a", "b", "c:{}", "__proto__"];
      for (let n = 0; n < 10; n++) for (const groupKey of groups) await own.submit([groupKey, n], { groupKey });
      const running = new Map<string, number>();
      let together = 0;
      let most = 0;
      const work = async ({ data }: Seen): Promise<void> => {
        const [group] = data as [string, number];
        most = Math.max(most, (running.get(group) ?? 0) + 1);
        running.set(group, 1);
        together = Math.max(
          together,
          [...running.values()].reduce((sum, each) => sum + each, 0),
        );
        await new Promise((resolve) => setTimeout(resolve, 2));
        running.set(group, 0);
      };
      const all = await Promise.all([own, await queue(name)].map((each) => collect(each, { concurrency: 5 }, work)));
      const seen = (): Seen[] => all.flatMap((each) => each.seen);
      await until(() => seen().length === 40, "all have come");
      expect(most).toBe(1);
      expect(together).toBeGreaterThan(1);
      for (const group of groups) {
        const its = seen().filter(({ data }) => (data as [string, number])[0] === group);
        expect(its.sort((a, b) => a.at - b.at).map(({ data }) => (data as [string, number])[1])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      }
    });

    test("a message of a group that fails holds its group back until it succeeds or is dead", async ({ queue, capabilities }) => {
      if (!capabilities.groups) return;
      const own = await queue();
      await own.submit("fails", { groupKey: "g", maxAttempts: 3 });
      await own.submit("follows", { groupKey: "g" });
      await own.submit("other", { groupKey: "h" });
      const { seen } = await collect(own, { concurrency: 3, backoff: { delayMs: 20, factor: 1 } }, ({ data }) => {
        if (data === "fails") throw new Error("failed");
      });
      await until(() => dataOf(seen).includes("follows"), "the next one has come");
      expect(dataOf(seen).filter((each) => each !== "other")).toEqual(["fails", "fails", "fails", "follows"]);
      expect(dataOf(seen)).toContain("other");
    });

    test("a message of a group whose consumer is gone comes back before those behind it", async ({
      queue,
      fresh,
      capabilities,
      unitMs,
    }) => {
      if (!capabilities.groups) return;
      const name = fresh();
      const first = await queue(name);
      await first.submitMany([1, 2, 3].map((message) => ({ message, groupKey: "g" })));
      const hanging = await collect(first, { visibilityTimeoutMs: unitMs, closeTimeoutMs: 0 }, () => new Promise(() => undefined));
      await until(() => hanging.seen.length === 1, "it has come");
      await hanging.close();
      await first.close();
      const { seen } = await collect(await queue(name), { concurrency: 3, visibilityTimeoutMs: unitMs });
      await until(() => seen.length === 3, "all have come");
      expect(dataOf(seen)).toEqual([1, 2, 3]);
    });

    test("while an equal message waits or runs it is not added", async ({ queue, capabilities }) => {
      const own = await queue();
      if (capabilities.dedupe === "none")
        return expect(own.submit(1, { dedupeKey: "k" })).rejects.toMatchObject({ code: "unsupported", outcome: "none" });
      const first = await own.submit("first", { dedupeKey: "k" });
      expect(await own.submit("second", { dedupeKey: "k" })).toEqual({ id: first.id, duplicate: true });
      const [another, same] = await own.submitMany([
        { message: "another", dedupeKey: "k:2" },
        { message: "same", dedupeKey: "k:2" },
      ]);
      expect(same).toEqual({ id: another!.id, duplicate: true });
      let end = (): void => undefined;
      const { seen } = await collect(own, { concurrency: 2 }, ({ data }) =>
        data === "first" ? new Promise<void>((resolve) => (end = resolve)) : undefined,
      );
      await until(() => seen.length === 2, "both have come");
      expect(await own.submit("third", { dedupeKey: "k" })).toEqual({ id: first.id, duplicate: true });
      end();
      await until(() => own.metrics().done === 2, "both are done");
      expect(dataOf(seen).sort()).toEqual(["another", "first"]);
    });

    test("when the equal message has ended, it is added again", async ({ queue, capabilities }) => {
      if (capabilities.dedupe !== "pending") return;
      const own = await queue();
      await own.submit("done", { dedupeKey: "k" });
      await own.submit("dead", { dedupeKey: "l", maxAttempts: 1 });
      const { seen } = await collect(own, {}, ({ data }) => {
        if (data === "dead") throw new Error("failed");
      });
      await until(async () => own.metrics().done === 1 && (await own.dead.list()).rows.length === 1, "both have ended");
      const isAdded = async (data: string, dedupeKey: string): Promise<boolean> => !(await own.submit(data, { dedupeKey })).duplicate;
      // The engine may learn of the end a moment later than the event.
      await until(() => isAdded("done again", "k"), "the key of the done one is free");
      await until(() => isAdded("dead again", "l"), "the key of the dead one is free");
      await until(() => seen.length === 4, "they have come");
      expect(dataOf(seen).sort()).toEqual(["dead", "dead again", "done", "done again"]);
    });
  });
}
