import { expect } from "vitest";
import { patiently, refuses, type Suite } from "../suite.js";

export function lockTopics(suite: Suite): void {
  suite.topic("locks", (test) => {
    test("one holder at a time, with tokens that grow", async ({ cache, fresh }) => {
      const key = fresh();
      let last = 0;
      for (let round = 0; round < 3; round++) {
        const taken = await Promise.all(Array.from({ length: 10 }, () => cache.lock(key, { ttlMs: 60_000 })));
        const [lock] = taken.filter((each) => each !== null);
        expect(taken.filter((each) => each !== null)).toHaveLength(1);
        expect(lock!.token).toBeGreaterThan(last);
        expect(Number.isSafeInteger(lock!.token)).toBe(true);
        last = lock!.token;
        expect(await cache.locked(key)).toBe(true);
        expect(lock!.isHeld).toBe(true);
        expect(await lock!.release()).toBe(true);
        expect(await lock!.release()).toBe(false);
        expect(await cache.locked(key)).toBe(false);
      }
    });

    test("a lock whose time is over can be taken, and its late holder neither extends nor frees it", async (context) => {
      const { cache, fresh, pass } = context;
      await patiently(context, async ({ soon, past }) => {
        const key = fresh();
        const first = await cache.lock(key, { ttlMs: soon });
        expect(await cache.lock(key, { ttlMs: soon })).toBeNull();
        await pass(past);
        const second = await cache.lock(key, { ttlMs: 60_000 });
        expect(second!.token).toBeGreaterThan(first!.token);
        expect(await first!.extend(60_000)).toBe(false);
        expect(first!.signal.aborted).toBe(true);
        expect(await first!.release()).toBe(false);
        expect(await cache.locked(key)).toBe(true);
        expect(await second!.release()).toBe(true);
      });
    });

    test("extend holds it longer", async (context) => {
      const { cache, fresh, pass } = context;
      await patiently(context, async ({ soon, past }) => {
        const key = fresh();
        const lock = await cache.lock(key, { ttlMs: soon });
        expect(await lock!.extend(600_000)).toBe(true);
        await pass(past);
        expect(await cache.lock(key)).toBeNull();
        expect(await lock!.release()).toBe(true);
      });
    });

    test("a waiter gets it when it is released, or null when its wait is over", async ({ cache, fresh }) => {
      const key = fresh();
      const lock = await cache.lock(key, { ttlMs: 60_000 });
      const waiter = cache.lock(key, { ttlMs: 60_000, waitMs: 20_000 });
      expect(await cache.lock(key, { waitMs: 30 })).toBeNull();
      await lock!.release();
      const next = await waiter;
      expect(next!.token).toBeGreaterThan(lock!.token);
      await next!.release();
    });

    test("a waiter's signal ends the wait", async ({ cache, fresh }) => {
      const key = fresh();
      const lock = await cache.lock(key, { ttlMs: 60_000 });
      const abort = new AbortController();
      const waiter = cache.lock(key, { waitMs: 60_000, signal: abort.signal });
      abort.abort();
      await refuses(waiter, "cancelled");
      await lock!.release();
      const free = await cache.lock(key);
      expect(free).not.toBeNull();
      await free!.release();
    });

    test("a lock that is taken away is told of at the next renewal", async ({ cache, fresh }) => {
      const key = fresh();
      const lock = await cache.lock(key, { ttlMs: 300, renew: true });
      const lost = new Promise((resolve) => lock!.signal.addEventListener("abort", resolve, { once: true }));
      expect(await cache.unlock(key, { force: true })).toBe(true);
      expect(await cache.unlock(key, { force: true })).toBe(false);
      await lost;
      expect(lock!.isHeld).toBe(false);
      await refuses(cache.unlock(key, {} as { force: true }), "invalid");
    });

    test("withLock holds it while it runs, frees it when it fails, and is refused when it is held", async ({ cache, fresh }) => {
      const key = fresh();
      expect(await cache.withLock(key, { ttlMs: 60_000 }, async (lock) => ((await cache.locked(key)) ? lock.token : 0))).toBeGreaterThan(0);
      await expect(cache.withLock(key, undefined, () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
      expect(await cache.locked(key)).toBe(false);
      const lock = await cache.lock(key);
      await refuses(
        cache.withLock(key, undefined, () => "ran"),
        "condition-failed",
      );
      await lock!.release();
    });

    test("closing a cache frees its locks", async ({ cache, open, capabilities, fresh }) => {
      if (capabilities.scope === "process") return;
      const key = fresh();
      const other = await open();
      const lock = await other.lock(key, { ttlMs: 60_000, renew: true });
      expect(await cache.locked(key)).toBe(true);
      await other.close();
      expect(lock!.isHeld).toBe(false);
      expect(await cache.locked(key)).toBe(false);
    });
  });

  suite.topic("limits", (test) => {
    test("a bucket begins full, empties, and says how long to wait", async ({ cache, fresh }) => {
      const key = fresh();
      const options = { rate: 1, perMs: 600_000, burst: 3 };
      expect(await cache.limit(key, options)).toEqual({ allowed: true, delayMs: 0, remaining: 2, total: 1 });
      expect(await cache.limit(key, { ...options, cost: 2 })).toEqual({ allowed: true, delayMs: 0, remaining: 0, total: 2 });
      const denied = await cache.limit(key, options);
      expect(denied).toMatchObject({ allowed: false, remaining: 0, total: 3 });
      expect(denied.delayMs).toBeGreaterThan(590_000);
      expect(denied.delayMs).toBeLessThanOrEqual(600_000);
      expect(await cache.limit(key, { ...options, cost: 0 })).toMatchObject({ allowed: true });
    });

    test("many at once get no more than there are", async ({ cache, fresh }) => {
      const key = fresh();
      const replies = await Promise.all(Array.from({ length: 50 }, () => cache.limit(key, { rate: 20, perMs: 3_600_000 })));
      expect(replies.filter(({ allowed }) => allowed)).toHaveLength(20);
    });

    test("tokens come back with time, up to the burst", async ({ cache, fresh, pass }) => {
      const key = fresh();
      const options = { rate: 10, perMs: 1000, burst: 4, cost: 4 };
      expect((await cache.limit(key, options)).allowed).toBe(true);
      expect((await cache.limit(key, options)).allowed).toBe(false);
      await pass(1500);
      expect(await cache.limit(key, options)).toMatchObject({ allowed: true, remaining: 0 });
    });

    test("a bucket is dropped when it denies, or by a call of a number, where that is asked for", async ({ cache, fresh }) => {
      const key = fresh();
      const options = { rate: 1, perMs: 600_000, reset: true } as const;
      for (const allowed of [true, false, true, false]) expect(await cache.limit(key, options)).toMatchObject({ allowed });
      const other = fresh();
      const third = { rate: 1, perMs: 600_000, reset: 3 };
      const replies = [];
      for (let i = 0; i < 5; i++) replies.push(await cache.limit(other, third));
      expect(replies.map(({ allowed, total }) => [allowed, total])).toEqual([
        [true, 1],
        [false, 2],
        [false, 3],
        [true, 1],
        [false, 2],
      ]);
      // Dropped by its first call, of which nothing is kept.
      expect(await cache.limit(fresh(), { rate: 1, cost: 0, reset: 2, ttlMs: 60_000 })).toMatchObject({ allowed: true, total: 1 });
      await refuses(cache.limit(key, { rate: 1, reset: 1 }), "invalid");
      await refuses(cache.limit(key, { rate: 1, reset: -2 }), "invalid");
    });

    test("who goes on trying waits longer each time, where that is asked for", async ({ cache, fresh }) => {
      const [key, other] = [fresh(), fresh()];
      const options = { rate: 1, perMs: 600_000, multiplier: 2 };
      const delayOf = async (name: string, more: object = {}): Promise<number> =>
        Math.round((await cache.limit(name, { ...options, ...more })).delayMs / 600_000);
      expect([await delayOf(key), await delayOf(key), await delayOf(key), await delayOf(key)]).toEqual([0, 2, 4, 8]);
      // One that is allowed ends it, where the multiplier is negative.
      await cache.limit(other, options);
      expect([await delayOf(other, { multiplier: -2 }), await delayOf(other, { multiplier: -2 })]).toEqual([2, 4]);
      expect(await delayOf(other, { cost: 0, multiplier: -2 })).toBe(0);
      expect(await delayOf(other, { multiplier: -2 })).toBe(2);
      // Never beyond all measure.
      expect((await cache.limit(other, { ...options, multiplier: 1e6 })).delayMs).toBeLessThanOrEqual(3e10);
      await refuses(cache.limit(key, { rate: 1, multiplier: 0.5 }), "invalid");
    });

    test("a bucket is remembered for as long as it is asked to", async ({ cache, capabilities, fresh, pass }) => {
      const [kept, forgotten] = [fresh(), fresh()];
      await cache.limit(kept, { rate: 1000, ttlMs: 60_000 });
      await cache.limit(forgotten, { rate: 1000 });
      await pass(1500 + 2 * capabilities.ttlStepMs);
      expect(await cache.limit(kept, { rate: 1000 })).toMatchObject({ total: 2 });
      expect(await cache.limit(forgotten, { rate: 1000 })).toMatchObject({ total: 1 });
    });

    test("who waits gets tokens when they are there, or is told at once that it takes too long", async ({ cache, fresh }) => {
      const key = fresh();
      await cache.limit(key, { rate: 1, perMs: 600_000 });
      expect(await cache.limit(key, { rate: 1, perMs: 600_000, waitMs: 1000 })).toMatchObject({ allowed: false });
    });
  });
}
