import { expect } from "vitest";
import { refuses, type Suite } from "../suite.js";

const values: readonly unknown[] = [
  "text",
  "",
  "0",
  "null",
  "\u0002wrapped?",
  'ünï\u{1f600}\u0000\n"',
  0,
  -0.5,
  1e300,
  true,
  false,
  null,
  [],
  {},
  [1, [2, { a: null }]],
  { a: { b: [true] } },
  "x".repeat(100_000),
];

/** Keys that a careless driver confuses with others, or cannot store. */
export const hostileKeys: readonly string[] = [
  " ",
  "a b",
  "a\nb",
  "a\r\nget b",
  "a\0b",
  "!",
  "!!",
  "!lock:a",
  "!map:a",
  "!!map:a",
  "*",
  "?",
  "\\",
  "[a]",
  "{a}",
  "{}",
  "a{b}c",
  ":",
  "a:b",
  "%",
  "%00",
  "'",
  '"',
  "__proto__",
  "constructor",
  "ü",
  "ｕ",
  "\u{1f600}",
  "e\u0301",
  "é",
  "A",
  "a",
  "k".repeat(1024),
  "ü".repeat(1000),
  "\u0001",
  "\u007f",
  "\ufeff",
  "$where",
];

export function valueTopics(suite: Suite): void {
  suite.topic("values", (test) => {
    test("what is put comes back equal, and a missing key is undefined", async ({ cache, fresh }) => {
      for (const value of values) {
        const key = fresh();
        expect(await cache.get(key)).toBeUndefined();
        await cache.put(key, value);
        expect(await cache.get(key)).toEqual(value);
        expect(await cache.has(key)).toBe(true);
      }
    });

    test("minus zero is zero, and members that are undefined are left out", async ({ cache, fresh }) => {
      const key = fresh();
      await cache.put(key, [-0, { a: undefined, b: 1 }]);
      expect(await cache.get(key)).toStrictEqual([0, { b: 1 }]);
    });

    test("values that JSON cannot hold are refused, and nothing is written", async ({ cache, fresh }) => {
      const circle: unknown[] = [];
      circle.push(circle);
      const bad = [
        undefined,
        NaN,
        Infinity,
        1n,
        Symbol("a"),
        () => 1,
        new Date(),
        new Map(),
        new Set(),
        new Uint8Array(1),
        [undefined],
        { a: [NaN] },
        { a: 1n },
        circle,
      ];
      for (const value of bad) {
        const key = fresh();
        await refuses(cache.put(key, value), "invalid", { outcome: "none" });
        expect(await cache.get(key)).toBeUndefined();
      }
    });

    test("values are taken when the call is made, and what comes back belongs to the caller", async ({ cache, fresh }) => {
      const key = fresh();
      const value = { list: [1] };
      const put = cache.put(key, value);
      value.list.push(2);
      await put;
      const first = await cache.get<{ list: number[] }>(key);
      expect(first).toEqual({ list: [1] });
      first!.list.push(3);
      expect(await cache.get(key)).toEqual({ list: [1] });
    });

    test("frozen objects come out where the cache is opened so", async ({ open, fresh }) => {
      const cache = await open({ frozen: true });
      const key = fresh();
      await cache.put(key, { list: [{}] });
      for (let i = 0; i < 2; i++) {
        const got = await cache.get<{ list: object[] }>(key);
        expect([got, got?.list, got?.list[0]].every((part) => Object.isFrozen(part))).toBe(true);
      }
    });

    test("the codec raw keeps texts and bytes as they are, and refuses the rest", async ({ open, fresh }) => {
      const cache = await open({ codec: "raw" });
      const bytes = [Uint8Array.of(), Uint8Array.of(0, 255, 1), Uint8Array.of(255), Uint8Array.from({ length: 70_000 }, (_byte, i) => i)];
      for (const value of ["", "1", "\u0002x", "ÿ", "\ufeffa", ...bytes]) {
        const key = fresh();
        await cache.put(key, value);
        const got = await cache.get(key);
        expect(got instanceof Uint8Array).toBe(value instanceof Uint8Array);
        expect(got instanceof Uint8Array ? [...got] : got).toEqual(value instanceof Uint8Array ? [...value] : value);
      }
      for (const value of [1, null, true, {}, undefined, "\ud800"]) await refuses(cache.put(fresh(), value), "invalid");
      const taken = Uint8Array.of(1, 2);
      const key = fresh();
      const put = cache.put(key, taken);
      taken[0] = 9;
      await put;
      expect([...((await cache.get<Uint8Array>(key)) ?? [])]).toEqual([1, 2]);
    });

    test("hostile keys are keys like others, and no two of them meet", async ({ open }) => {
      const cache = await open();
      await cache.putMany(new Map(hostileKeys.map((key, i) => [key, i])));
      expect(await cache.getMany(hostileKeys)).toEqual(hostileKeys.map((_key, i) => i));
      for (const [i, key] of hostileKeys.entries()) expect(await cache.get(key)).toBe(i);
      await cache.lock("a", { ttlMs: 1000 });
      await cache.map("a").put("f", "map");
      await cache.limit("a", { rate: 1 });
      expect(await cache.getMany(hostileKeys)).toEqual(hostileKeys.map((_key, i) => i));
      expect(await cache.del(hostileKeys)).toBe(hostileKeys.length);
      expect(await cache.map("a").get("f")).toBe("map");
    });

    test("keys that are no keys are refused", async ({ cache }) => {
      for (const key of ["", "k".repeat(1025), "\ud800", undefined, 1, null, {}] as string[]) {
        await refuses(cache.get(key), "invalid");
        await refuses(cache.put(key, 1), "invalid");
        await refuses(cache.getMany([key]), "invalid");
      }
    });

    test("unknown and wrong options are refused", async ({ cache, fresh }) => {
      const key = fresh();
      const wrong = [
        { ttl: 5 },
        { ttlMs: -1 },
        { ttlMs: NaN },
        { ttlMs: "5" },
        { timeoutMs: 0 },
        { signal: 1 },
        { tags: "a" },
        { onDown: "miss" },
      ];
      for (const options of wrong) await refuses(cache.put(key, 1, options as object), "invalid", { outcome: "none" });
      await refuses(cache.get(key, { onDown: "hope" } as object), "invalid");
      await refuses(cache.incr(key, 1.5), "invalid");
      await refuses(cache.limit(key, {} as { rate: number }), "invalid");
      await refuses(cache.limit(key, { rate: 1, burst: 2, cost: 3 }), "invalid");
    });
  });

  suite.topic("many at once", (test) => {
    test("getMany gives values in the order asked, keys that repeat included", async ({ cache, fresh }) => {
      const [a, b, c] = [fresh(), fresh(), fresh()];
      await cache.putMany({ [a]: 1, [b]: { x: 2 } });
      expect(await cache.getMany([b, c, a, b])).toEqual([{ x: 2 }, undefined, 1, { x: 2 }]);
      expect(await cache.getMany([])).toEqual([]);
      await cache.putMany(new Map());
    });

    test("a thousand of them at once", async ({ cache, fresh }) => {
      const keys = Array.from({ length: 1000 }, () => fresh());
      await Promise.all(keys.map((key, i) => cache.put(key, i)));
      expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual(keys.map((_key, i) => i));
      expect(await cache.getMany(keys)).toEqual(keys.map((_key, i) => i));
      expect(await cache.del(keys)).toBe(1000);
      expect(await cache.del(keys)).toBe(0);
    });

    test("one bad entry of putMany refuses all", async ({ cache, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      await refuses(cache.putMany({ [a]: 1, [b]: NaN }), "invalid");
      expect(await cache.getMany([a, b])).toEqual([undefined, undefined]);
    });

    test("calls on one key that do not wait for each other keep their order", async ({ cache, fresh }) => {
      const key = fresh();
      const calls = [
        cache.put(key, 1),
        cache.get(key),
        cache.del(key),
        cache.get(key),
        cache.put(key, 2),
        cache.incr(key, 3),
        cache.get(key),
      ];
      expect(await Promise.all(calls)).toEqual([undefined, 1, 1, undefined, undefined, 5, 5]);
    });
  });

  suite.topic("single steps", (test) => {
    test("add writes once, and of many at once one", async ({ cache, fresh }) => {
      const key = fresh();
      const results = await Promise.all(Array.from({ length: 20 }, (_each, i) => cache.add(key, i)));
      expect(results.filter(Boolean)).toHaveLength(1);
      expect(await cache.get(key)).toBe(results.indexOf(true));
      expect(await cache.add(key, "no")).toBe(false);
    });

    test("getOrPut gives what is there, or writes", async ({ cache, fresh }) => {
      const key = fresh();
      expect(await cache.getOrPut(key, { a: 1 })).toBeUndefined();
      expect(await cache.getOrPut(key, { a: 2 })).toEqual({ a: 1 });
    });

    test("getAndPut and getAndDel give the value before, which one caller alone gets", async ({ cache, fresh }) => {
      const key = fresh();
      expect(await cache.getAndPut(key, 1)).toBeUndefined();
      expect(await cache.getAndPut(key, 2)).toBe(1);
      const taken = await Promise.all(Array.from({ length: 10 }, () => cache.getAndDel(key)));
      expect(taken.filter((value) => value !== undefined)).toEqual([2]);
      expect(await cache.get(key)).toBeUndefined();
    });

    test("incr adds atomically, from nothing and below zero", async ({ cache, fresh }) => {
      const key = fresh();
      expect(await cache.incr(key)).toBe(1);
      expect(await cache.incr(key, -5)).toBe(-4);
      expect(await cache.incr(key, 0)).toBe(-4);
      await Promise.all(Array.from({ length: 50 }, () => cache.incr(key, 2)));
      expect(await cache.get(key)).toBe(96);
    });

    test("closing is told once, to those who still listen", async ({ open }) => {
      const cache = await open();
      const told: string[] = [];
      cache.on("close", () => told.push("first"));
      const stop = cache.on("close", () => told.push("second"));
      stop();
      await Promise.all([cache.close(), cache.close()]);
      expect(told).toEqual(["first"]);
    });

    test("incrMany adds to each of many numbers, and says which when some cannot", async ({ cache, fresh, pass, capabilities }) => {
      const [a, b, text, short] = [fresh(), fresh(), fresh(), fresh()];
      await cache.put(a, 5);
      expect(await cache.incrMany({ [a]: 2, [b]: -1 })).toEqual(
        new Map([
          [a, 7],
          [b, -1],
        ]),
      );
      expect(await cache.incrMany(new Map([[b, 4]]))).toEqual(new Map([[b, 3]]));
      expect(await cache.incrMany({})).toEqual(new Map());
      await cache.put(text, "no number");
      await refuses(cache.incrMany({ [text]: 1 }), "invalid", { outcome: "none" });
      await refuses(cache.incrMany({ [a]: 1, [text]: 1 }), "invalid", { outcome: "some", detail: { done: [a] } });
      expect(await cache.getMany([a, text])).toEqual([8, "no number"]);
      await refuses(cache.incrMany({ [a]: 0.5 }), "invalid", { outcome: "none" });
      await cache.incrMany({ [a]: 1, [short]: 1 }, { ttlMs: { [short]: 1 } });
      await pass(50 + 2 * capabilities.ttlStepMs);
      expect(await cache.getMany([a, short])).toEqual([9, undefined]);
    });

    test("incr of what is no integer, or beyond the safe ones, is refused and changes nothing", async ({ cache, fresh }) => {
      const [text, fraction, big] = [fresh(), fresh(), fresh()];
      await cache.putMany({ [text]: "7", [fraction]: 1.5, [big]: Number.MAX_SAFE_INTEGER });
      for (const key of [text, fraction, big]) await refuses(cache.incr(key), "invalid", { outcome: "none" });
      expect(await cache.getMany([text, fraction, big])).toEqual(["7", 1.5, Number.MAX_SAFE_INTEGER]);
      expect(await cache.incr(big, -1)).toBe(Number.MAX_SAFE_INTEGER - 1);
    });

    test("setMax keeps the larger number and gives the one before", async ({ cache, fresh }) => {
      const key = fresh();
      expect(await cache.setMax(key, 5)).toBeUndefined();
      expect(await cache.setMax(key, 3)).toBe(5);
      expect(await cache.setMax(key, 7.25)).toBe(5);
      expect(await cache.get(key)).toBe(7.25);
      await Promise.all(Array.from({ length: 20 }, (_each, i) => cache.setMax(key, i)));
      expect(await cache.get(key)).toBe(19);
      expect(await cache.setMax(key, 19)).toBe(19);
      const negative = fresh();
      expect(await cache.setMax(negative, -3)).toBeUndefined();
      expect(await cache.setMax(negative, -1e21)).toBe(-3);
      await refuses(cache.setMax(key, NaN), "invalid");
      await cache.put(key, "text");
      await refuses(cache.setMax(key, 1), "invalid");
    });

    test("del counts keys that were there, each once", async ({ cache, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      await cache.putMany({ [a]: 1, [b]: 2 });
      expect(await cache.del([a, a, b, fresh()])).toBe(2);
      expect(await cache.del(a)).toBe(0);
    });
  });
}
