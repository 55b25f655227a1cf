import { expect } from "vitest";
import { eventually, patiently, refuses, type Suite } from "../suite.js";

export function loadingTopics(suite: Suite): void {
  suite.topic("remember", (test) => {
    test("loads once for a thousand callers, each of whom has a value of its own", async ({ cache, fresh }) => {
      const key = fresh();
      let loads = 0;
      const load = async (): Promise<{ n: number }> => {
        await new Promise((resolve) => setImmediate(resolve));
        return { n: ++loads };
      };
      const values = await Promise.all(Array.from({ length: 1000 }, () => cache.remember(key, load)));
      expect(loads).toBe(1);
      expect(values.every(({ n }) => n === 1)).toBe(true);
      expect(new Set(values).size).toBe(1000);
      expect(await cache.remember(key, load)).toEqual({ n: 1 });
      expect(await cache.get(key)).toEqual({ n: 1 });
    });

    test("loads once for several caches on one store", async ({ open, capabilities, fresh }) => {
      if (capabilities.scope === "process") return;
      const caches = await Promise.all([open(), open(), open()]);
      const key = fresh();
      let loads = 0;
      const load = async (): Promise<number> => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return ++loads;
      };
      const values = await Promise.all(Array.from({ length: 30 }, (_each, i) => caches[i % 3]!.remember(key, load)));
      expect(values).toEqual(values.map(() => 1));
      expect(loads).toBe(1);
    });

    test("what a loader rejects with goes to all who wait, and the next call loads again", async ({ cache, fresh }) => {
      const key = fresh();
      let loads = 0;
      const fails = async (): Promise<never> => {
        loads++;
        throw new Error("not today");
      };
      const results = await Promise.allSettled([cache.remember(key, fails), cache.remember(key, fails)]);
      expect(results.map((result) => (result.status === "rejected" ? String(result.reason) : ""))).toEqual([
        "Error: not today",
        "Error: not today",
      ]);
      expect(loads).toBe(1);
      expect(await cache.remember(key, () => "now")).toBe("now");
    });

    test("that there is nothing is remembered for negativeTtlMs, else not at all", async (context) => {
      const { cache, fresh, pass } = context;
      let loads = 0;
      const none = (): undefined => void loads++;
      const plain = fresh();
      await cache.remember(plain, none);
      await cache.remember(plain, none);
      expect(loads).toBe(2);
      await patiently(context, async ({ soon: negativeTtlMs, past }) => {
        loads = 0;
        const key = fresh();
        expect(await cache.remember(key, none, { negativeTtlMs })).toBeUndefined();
        expect(await cache.remember(key, none, { negativeTtlMs })).toBeUndefined();
        expect(loads).toBe(1);
        expect([await cache.has(key), await cache.get(key)]).toEqual([false, undefined]);
        await pass(past);
        await cache.remember(key, none, { negativeTtlMs });
        expect(loads).toBe(2);
      });
    });

    test("an old value is given while a new one is loaded, once", async (context) => {
      const { cache, fresh, pass } = context;
      await patiently(context, async ({ soon: ttlMs, past }) => {
        const key = fresh();
        let version = 0;
        const load = (): number => ++version;
        const options = { ttlMs, staleMs: 3_600_000 };
        expect(await cache.remember(key, load, options)).toBe(1);
        expect(await cache.remember(key, load, options)).toBe(1);
        await pass(past);
        expect(await cache.get(key)).toBeUndefined();
        expect(await Promise.all([cache.remember(key, load, options), cache.remember(key, load, options)])).toEqual([1, 1]);
        await eventually(async () => (await cache.remember(key, load, options)) >= 2, "the new value");
        expect(version).toBe(2);
      });
    });

    test("a value that is removed while it is loaded is not kept", async ({ cache, fresh }) => {
      const key = fresh();
      let begun: () => void = () => undefined;
      const isLoading = new Promise<void>((resolve) => (begun = resolve));
      let finish: (value: string) => void = () => undefined;
      const loaded = cache.remember(key, () => {
        begun();
        return new Promise<string>((resolve) => (finish = resolve));
      });
      await isLoading;
      await cache.del(key);
      const anew = cache.remember(key, () => "new");
      finish("old");
      expect(await loaded).toBe("old");
      expect(await anew).toBe("new");
      expect(await cache.get(key)).toBe("new");
    });

    test("a value that is removed by another cache while it is loaded is not kept", async ({ cache, open, capabilities, fresh }) => {
      if (capabilities.scope === "process") return;
      const other = await open();
      const [removed, written] = [fresh(), fresh()];
      for (const key of [removed, written]) {
        let finish: (value: string) => void = () => undefined;
        let begun: () => void = () => undefined;
        const isLoading = new Promise<void>((resolve) => (begun = resolve));
        const loaded = cache.remember(key, () => {
          begun();
          return new Promise<string>((resolve) => (finish = resolve));
        });
        await isLoading;
        if (key === removed) await other.del(key);
        else await other.put(key, "newer");
        finish("old");
        expect(await loaded).toBe("old");
      }
      expect(await cache.getMany([removed, written])).toEqual([undefined, "newer"]);
    });

    test("a caller's signal ends its wait, and that of the last one the loader's", async ({ cache, fresh }) => {
      const key = fresh();
      const [abort, abortLast] = [new AbortController(), new AbortController()];
      let loaderSignal: AbortSignal | undefined;
      let begun: () => void = () => undefined;
      const isLoading = new Promise<void>((resolve) => (begun = resolve));
      const load = ({ signal }: { signal: AbortSignal }): Promise<never> => {
        loaderSignal = signal;
        begun();
        return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("given up")), { once: true }));
      };
      const one = cache.remember(key, load, { signal: abort.signal });
      const two = cache.remember(key, load, { signal: abortLast.signal });
      await isLoading;
      abort.abort();
      await refuses(one, "cancelled");
      expect(loaderSignal!.aborted).toBe(false);
      abortLast.abort();
      await refuses(two, "cancelled");
      expect(loaderSignal!.aborted).toBe(true);
      await refuses(cache.remember(fresh(), load, { timeoutMs: 20 }), "timeout");
      await eventually(async () => (await cache.remember(key, () => "again").catch(() => "")) === "again", "a new load");
    });

    test("values that cannot be stored fail the call that asked", async ({ cache, fresh }) => {
      await refuses(
        cache.remember(fresh(), () => 1n as unknown),
        "invalid",
      );
      await refuses(cache.remember(fresh(), "no function" as unknown as () => 1), "invalid");
      await refuses(
        cache.remember(fresh(), () => 1, { ttlMs: 0, staleMs: 1 }),
        "invalid",
      );
    });
  });

  suite.topic("tags", (test) => {
    test("invalidate drops what has one of the tags, and nothing else", async ({ cache, fresh }) => {
      const [red, blue] = [fresh(), fresh()];
      const [a, b, c, d] = [fresh(), fresh(), fresh(), fresh()];
      await cache.put(a, 1, { tags: [red] });
      await cache.putMany({ [b]: 2 }, { tags: [red, blue], ttlMs: 60_000 });
      await cache.remember(c, () => 3, { tags: [blue] });
      await cache.put(d, 4);
      expect(await cache.getMany([a, b, c, d])).toEqual([1, 2, 3, 4]);
      await cache.invalidate(red);
      expect(await cache.getMany([a, b, c, d])).toEqual([undefined, undefined, 3, 4]);
      expect([await cache.has(a), await cache.has(c)]).toEqual([false, true]);
      expect(await cache.remember(a, () => "anew", { tags: [red] })).toBe("anew");
      expect(await cache.remember(a, () => "no", { tags: [red] })).toBe("anew");
      await cache.invalidate([blue, "never used"]);
      expect(await cache.getMany([a, b, c, d])).toEqual(["anew", undefined, undefined, 4]);
    });

    test("what is being loaded while its tag is invalidated is not kept", async ({ cache, fresh }) => {
      const [key, tag] = [fresh(), fresh()];
      let finish: (value: string) => void = () => undefined;
      let begun: () => void = () => undefined;
      const isLoading = new Promise<void>((resolve) => (begun = resolve));
      const loaded = cache.remember(
        key,
        () => {
          begun();
          return new Promise<string>((resolve) => (finish = resolve));
        },
        { tags: [tag] },
      );
      await isLoading;
      await cache.invalidate(tag);
      finish("old");
      expect(await loaded).toBe("old");
      expect(await cache.get(key)).toBeUndefined();
    });

    test("another cache's invalidation counts", async ({ cache, open, capabilities, fresh }) => {
      if (capabilities.scope === "process") return;
      const other = await open();
      const [key, tag] = [fresh(), fresh()];
      await cache.put(key, 1, { tags: [tag] });
      expect(await other.get(key)).toBe(1);
      await other.invalidate(tag);
      await eventually(async () => (await cache.get(key)) === undefined, "the invalidation");
    });
  });

  suite.topic("life", (test) => {
    test("closing twice is closing once, and later calls are closed", async ({ open, fresh }) => {
      const cache = await open();
      await cache.put(fresh(), 1);
      const late = cache.put(fresh(), 2);
      await Promise.all([cache.close(), cache.close(), late]);
      for (const call of [
        () => cache.get("a"),
        () => cache.put("a", 1),
        () => cache.remember("a", () => 1),
        () => cache.lock("a"),
        () => cache.limit("a", { rate: 1 }),
        () => cache.clear(),
      ])
        await refuses(call(), "closed", { outcome: "none" });
    });

    test("a signal that has aborted ends a call before it begins", async ({ cache, fresh }) => {
      const key = fresh();
      await refuses(cache.put(key, 1, { signal: AbortSignal.abort() }), "cancelled", { outcome: "none" });
      expect(await cache.get(key)).toBeUndefined();
    });

    test("counts hits and misses", async ({ open, fresh }) => {
      const cache = await open();
      const key = fresh();
      await cache.put(key, 1);
      await cache.getMany([key, fresh()]);
      await cache.get(key);
      await cache.del(key);
      expect(await cache.stats()).toMatchObject({ driver: cache.driver, hits: 2, misses: 1, sets: 1, deletes: 1 });
    });

    test("peek reads at once, or is unsupported", async ({ cache, capabilities, fresh }) => {
      const key = fresh();
      await cache.put(key, { a: 1 });
      if (!capabilities.peek) return expect(() => cache.peek(key)).toThrow(expect.objectContaining({ code: "unsupported" }) as Error);
      // A store behind this process is read first, and kept here once changes are heard of.
      await eventually(async () => (await cache.get(key)) !== undefined && cache.peek(key) !== undefined, "the value here");
      expect(cache.peek(key)).toEqual({ a: 1 });
      expect(cache.peek(fresh())).toBeUndefined();
    });
  });
}
