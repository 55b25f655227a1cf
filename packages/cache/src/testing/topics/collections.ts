import { expect } from "vitest";
import { keysOf, patiently, refuses, type Suite } from "../suite.js";
import { hostileKeys } from "./values.js";

export function collectionTopics(suite: Suite): void {
  suite.topic("maps", (test) => {
    test("fields are set, read, removed and listed", async ({ cache, fresh }) => {
      const map = cache.map(fresh());
      expect(await map.all()).toEqual(new Map());
      expect(await map.get("a")).toBeUndefined();
      await map.putMany({ a: 1, b: { x: [] } });
      await map.put("c", "three");
      expect(await map.get("b")).toEqual({ x: [] });
      expect(await map.getMany(["c", "no", "a"])).toEqual(["three", undefined, 1]);
      expect(await map.del(["a", "no", "a"])).toBe(1);
      expect(await map.all()).toEqual(
        new Map<string, unknown>([
          ["b", { x: [] }],
          ["c", "three"],
        ]),
      );
      expect(await map.clear()).toBe(true);
      expect(await map.clear()).toBe(false);
    });

    test("the last field takes the map with it", async ({ cache, fresh }) => {
      const map = cache.map(fresh());
      await map.put("a", 1);
      await map.del("a");
      expect(await map.clear()).toBe(false);
    });

    test("numbers of fields are changed atomically", async ({ cache, fresh }) => {
      const map = cache.map(fresh());
      await Promise.all(Array.from({ length: 30 }, () => map.incr("n", 2)));
      expect(await map.incr("n", -1)).toBe(59);
      expect(await map.setMax("m", 4)).toBeUndefined();
      expect(await map.setMax("m", 2)).toBe(4);
      expect(await map.get("m")).toBe(4);
      await map.put("text", "a");
      await refuses(map.incr("text"), "invalid");
      await refuses(map.setMax("text", 1), "invalid");
    });

    test("hostile fields are fields like others", async ({ cache, fresh }) => {
      const map = cache.map(fresh());
      const given = new Map(hostileKeys.map((field, i) => [field, i]));
      await map.putMany(given);
      expect(await map.all()).toEqual(given);
      expect(await map.getMany(hostileKeys)).toEqual([...given.values()]);
    });

    test("a map, a list and a value of one name do not meet", async ({ cache, capabilities, fresh }) => {
      const name = fresh();
      await cache.put(name, "value");
      await cache.map(name).put("a", "map");
      if (capabilities.lists) await cache.list(name).add(["list"]);
      expect(await cache.get(name)).toBe("value");
      expect(await cache.del(name)).toBe(1);
      expect(await cache.map(name).get("a")).toBe("map");
      if (capabilities.lists) expect(await cache.list(name).all()).toEqual(["list"]);
    });

    test("the whole map expires", async (context) => {
      const { cache, fresh, pass } = context;
      await patiently(context, async ({ soon: ttlMs, past }) => {
        const map = cache.map(fresh());
        await map.put("a", 1, { ttlMs });
        await map.incr("b");
        expect((await map.all()).size).toBe(2);
        await pass(past);
        expect(await map.all()).toEqual(new Map());
      });
    });
  });

  suite.topic("lists", (test) => {
    test("members are added once, found, taken out and picked; or lists are unsupported", async ({ cache, capabilities, fresh }) => {
      const name = fresh();
      if (!capabilities.lists) {
        expect(() => cache.list(name)).toThrow(expect.objectContaining({ code: "unsupported" }) as Error);
        return;
      }
      const list = cache.list(name);
      expect(await list.all()).toEqual([]);
      expect(await list.pop()).toEqual([]);
      expect(await list.add(["a", "b", "a"])).toEqual({ added: 2, size: 2 });
      expect(await list.add(["b", { c: 1 }])).toEqual({ added: 1, size: 3 });
      expect(await list.size()).toBe(3);
      expect([await list.has("a"), await list.has({ c: 1 }), await list.has("z")]).toEqual([true, true, false]);
      expect(await list.del(["a", "z"])).toBe(1);
      const [picked] = await list.pick();
      expect(["b", { c: 1 }]).toContainEqual(picked);
      expect(await list.pick(10)).toHaveLength(2);
      const popped = await Promise.all([list.pop(), list.pop(), list.pop()]);
      expect(popped.flat()).toHaveLength(2);
      expect(popped.flat()).toContainEqual({ c: 1 });
      expect(await list.size()).toBe(0);
      expect(await list.add([])).toEqual({ added: 0, size: 0 });
      expect(await list.clear()).toBe(false);
    });

    test("pop can spare members that were taken out a moment ago", async (context) => {
      const { cache, capabilities, fresh, pass } = context;
      if (!capabilities.lists) return expect(() => cache.list(fresh())).toThrow("no lists");
      const list = cache.list(fresh());
      await list.add(["a", "b", "c"]);
      const taken = await Promise.all([list.pop(2, { spareMs: 600_000 }), list.pop(2, { spareMs: 600_000 })]);
      expect(taken.flat().sort()).toEqual(["a", "b", "c"]);
      await list.add(["a", "b", "d"]);
      expect(await list.pop(3, { spareMs: 600_000 })).toEqual(["d"]);
      expect((await list.all()).sort()).toEqual(["a", "b"]);
      // Who does not ask spares none.
      expect((await list.pop(3)).sort()).toEqual(["a", "b"]);
      await refuses(list.pop(1, { spareMs: -1 }), "invalid");
      await patiently(context, async ({ soon, past }) => {
        const short = cache.list(fresh());
        await short.add(["a"]);
        expect(await short.pop(1, { spareMs: soon })).toEqual(["a"]);
        await short.add(["a"]);
        expect(await short.pop(1, { spareMs: soon })).toEqual([]);
        await pass(past);
        expect(await short.pop(1, { spareMs: soon })).toEqual(["a"]);
      });
    });

    test("lists expire", async (context) => {
      const { cache, capabilities, fresh, pass } = context;
      if (!capabilities.lists) return expect(() => cache.list(fresh())).toThrow("no lists");
      await patiently(context, async ({ soon: ttlMs, past }) => {
        const list = cache.list(fresh());
        await list.add(["a"], { ttlMs });
        expect(await list.size()).toBe(1);
        await pass(past);
        expect(await list.size()).toBe(0);
      });
    });
  });

  suite.topic("keys", (test) => {
    test("keys and clear take patterns of keys as the caller knows them; or are unsupported", async ({ open, capabilities, fresh }) => {
      const cache = await open();
      const start = fresh();
      if (!capabilities.keys) {
        await refuses(keysOf(cache), "unsupported");
        await refuses(cache.clear(`${start}*`), "unsupported");
        return;
      }
      const names = ["a", "ab", "a*", "b[1]", "b1", "!a", "\u{1f600}", "x\ny", "c^d", "c-d", "a\\b"].map((name) => `${start}.${name}`);
      await cache.putMany(new Map(names.map((name) => [name, 1])));
      await cache.map(`${start}.m`).put("f", 1);
      const found = async (pattern: string): Promise<string[]> =>
        (await keysOf(cache, `${start}.${pattern}`)).map((key) => key.slice(start.length + 1));
      expect(await found("*")).toEqual(names.map((name) => name.slice(start.length + 1)).sort());
      expect(await found("a*")).toEqual(["a", "a*", "a\\b", "ab"]);
      expect(await found("a\\*")).toEqual(["a*"]);
      expect(await found("a\\\\b")).toEqual(["a\\b"]);
      expect(await found("?")).toEqual(["a", "\u{1f600}"]);
      expect(await found("b[1]")).toEqual(["b[1]"]);
      expect(await found("!*")).toEqual(["!a"]);
      expect(await found("c?d")).toEqual(["c-d", "c^d"]);
      expect(await found("nothing*")).toEqual([]);
      await cache.clear(`${start}.a*`);
      expect(await found("*")).toEqual(["b[1]", "b1", "!a", "\u{1f600}", "x\ny", "c^d", "c-d"].sort());
      expect(await cache.map(`${start}.m`).get("f")).toBe(1);
    });

    test("clear takes values, maps and lists below the prefix, and never locks and limits", async ({ open, capabilities, fresh }) => {
      if (!capabilities.keys) return;
      const cache = await open();
      const name = fresh();
      await cache.put(name, 1);
      await cache.map(name).put("a", 1);
      if (capabilities.lists) await cache.list(name).add([1]);
      await cache.lock(name, { ttlMs: 60_000 });
      await cache.limit(name, { rate: 1, perMs: 60_000, burst: 1 });
      await cache.clear();
      expect(await keysOf(cache)).toEqual([]);
      expect(await cache.map(name).all()).toEqual(new Map());
      if (capabilities.lists) expect(await cache.list(name).size()).toBe(0);
      expect(await cache.locked(name)).toBe(true);
      expect(await cache.limit(name, { rate: 1, perMs: 60_000, burst: 1 })).toMatchObject({ allowed: false });
    });

    test("caches with other prefixes are left alone", async ({ open, capabilities, fresh }) => {
      if (!capabilities.keys || capabilities.scope === "process") return;
      const name = fresh();
      const [a, b] = [await open({ prefix: `${name}-a:` }), await open({ prefix: `${name}-b:` })];
      await a.put("k", 1);
      await b.put("k", 2);
      expect([await a.get("k"), await b.get("k")]).toEqual([1, 2]);
      await a.clear();
      expect([await a.get("k"), await b.get("k")]).toEqual([undefined, 2]);
      expect(await keysOf(b)).toEqual(["k"]);
      await b.clear();
    });
  });
}
