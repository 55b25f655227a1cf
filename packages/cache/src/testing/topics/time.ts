import { expect } from "vitest";
import { patiently, type Suite } from "../suite.js";

export function timeTopics(suite: Suite): void {
  suite.topic("expiry", (test) => {
    test("a value is gone when its time is over, whoever reads it", async (context) => {
      const { cache, fresh, pass, open } = context;
      await patiently(context, async ({ soon, past, later }) => {
        const [short, long] = [fresh(), fresh()];
        await cache.put(short, 1, { ttlMs: soon });
        await cache.put(long, 2, { ttlMs: later });
        expect(await cache.getMany([short, long])).toEqual([1, 2]);
        await pass(past);
        const other = await open();
        for (const each of [cache, ...(cache.capabilities.scope === "process" ? [] : [other])])
          expect(await each.getMany([short, long])).toEqual([undefined, 2]);
        expect(await cache.has(short)).toBe(false);
        expect(await cache.del(short)).toBe(0);
        expect(await cache.add(short, 3)).toBe(true);
      });
    });

    test("put without ttlMs takes the cache's, and none where it has none: an earlier expiry goes", async (context) => {
      const { cache, open, fresh, pass } = context;
      await patiently(context, async ({ soon, past }) => {
        const brief = await open({ ttlMs: soon });
        const [a, b, c] = [fresh(), fresh(), fresh()];
        await cache.put(a, 1, { ttlMs: soon });
        await cache.put(a, 2);
        await brief.put(b, 1);
        await brief.put(c, 1, { ttlMs: 0 });
        await pass(past);
        expect(await cache.get(a)).toBe(2);
        expect(await brief.getMany([b, c])).toEqual([undefined, 1]);
      });
    });

    test("incr renews the expiry, or with ttlMode create sets it once; without one it keeps it", async (context) => {
      const { cache, fresh, pass } = context;
      await patiently(context, async ({ soon, past, later }) => {
        const [renewed, fixed, kept] = [fresh(), fresh(), fresh()];
        await cache.incr(renewed, 1, { ttlMs: soon });
        await cache.incr(renewed, 1, { ttlMs: later });
        await cache.incr(fixed, 1, { ttlMs: soon, ttlMode: "create" });
        await cache.incr(fixed, 1, { ttlMs: later, ttlMode: "create" });
        await cache.incr(kept, 1, { ttlMs: soon });
        await cache.incr(kept, 1);
        await pass(past);
        expect(await cache.getMany([renewed, fixed, kept])).toEqual([2, undefined, undefined]);
        expect(await cache.incr(fixed)).toBe(1);
      });
    });

    test("what writes nothing leaves the expiry alone", async (context) => {
      const { cache, fresh, pass } = context;
      await patiently(context, async ({ soon, past, later }) => {
        const [added, highest] = [fresh(), fresh()];
        await cache.put(added, 1, { ttlMs: soon });
        expect(await cache.add(added, 2, { ttlMs: later })).toBe(false);
        await cache.setMax(highest, 5, { ttlMs: soon });
        await cache.setMax(highest, 4, { ttlMs: later });
        await pass(past);
        expect(await cache.getMany([added, highest])).toEqual([undefined, undefined]);
      });
    });

    test("touch sets and removes an expiry", async (context) => {
      const { cache, fresh, pass } = context;
      await patiently(context, async ({ soon, past, later }) => {
        const [longer, shorter, never] = [fresh(), fresh(), fresh()];
        await cache.put(longer, 1, { ttlMs: soon });
        await cache.putMany({ [shorter]: 1, [never]: 1 }, { ttlMs: later });
        expect(await cache.touch(longer, later)).toBe(true);
        expect(await cache.touch(shorter, soon)).toBe(true);
        expect(await cache.touch(never, 0)).toBe(true);
        expect(await cache.touch(fresh(), soon)).toBe(false);
        await pass(past);
        expect(await cache.getMany([longer, shorter, never])).toEqual([1, undefined, 1]);
      });
    });
  });
}
