// What cached reads give, and that no write leaves an older row behind.

import { randomUUID } from "node:crypto";
import { tracingChannel } from "node:diagnostics_channel";

import { testClock } from "@bk/core";
import { type CallEvent, type Db, defineTables, openDb, table } from "@bk/db";
import { describe, expect, it } from "vitest";

import { FakeCache, until } from "./fake-cache.js";

const tables = defineTables({
  person: table({ id: { primary: 1 }, name: {}, age: { type: "int", value: 0 } }, { cached: { missTtlMs: 60_000 } }),
  asked: table({ id: { primary: 1 }, n: { type: "int" } }, { cached: { reads: "asked" } }),
  plain: { id: { primary: 1 }, n: { type: "int" } },
  pair: table({ a: { primary: 1 }, b: { primary: 2 }, n: { type: "int" } }, { cached: true }),
  gone: table({ id: { primary: 1 }, at: { type: "timestamp" } }, { cached: true, softDelete: "at" }),
  session: table({ id: { primary: 1 }, until: { type: "ttl" } }, { cached: { ttlMs: 60_000, missTtlMs: 60_000 } }),
  every: table(
    {
      id: { primary: 1, type: "int64" },
      text: {},
      whole: { type: "int64" },
      exact: { type: "decimal" },
      part: { type: "real" },
      yes: { type: "bool" },
      when: { type: "timestamp" },
      data: { type: "json" },
      list: { type: "list", of: "int" },
      set: { type: "set" },
      bytes: { type: "blob" },
    },
    { cached: true, open: true },
  ),
});
type OwnDb = Db<typeof tables>;

async function opened(store: FakeCache, url = `sqlite:file-${randomUUID()}`, more: object = {}): Promise<OwnDb> {
  const db = await openDb({ url: url.startsWith("sqlite:file") ? "sqlite::memory:" : url, tables, cache: { store, awayMs: 5 }, ...more });
  await db.sync();
  return db as unknown as OwnDb;
}
const counts = (db: OwnDb) => db.metrics()["main"]!.cached!;

describe.each(["sqlite:file", "memory:"])("cached rows on %s", (url) => {
  it("come from the cache when they were read before, without asking the database", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    await db.put("person", { id: "a", name: "Ann", age: 3 });
    const first = await db.get("person", "a");
    await until(() => store.entries().length === 1);
    const before = db.metrics()["main"]!.calls;
    expect(await db.get("person", "a")).toEqual(first);
    expect(await db.get("person", "a", { select: ["age"] })).toEqual({ age: 3 });
    expect(await db.list("person", ["a", "a"], { select: ["name"] })).toEqual([{ name: "Ann" }, { name: "Ann" }]);
    expect(db.metrics()["main"]!.calls).toBe(before);
    expect(counts(db)).toEqual({ hits: 4, misses: 1, bypassed: 0 });
  });

  it("are what the database gives, in every type", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    const rows = [
      {
        id: 9_007_199_254_740_993n,
        text: "\u{1f600}\u0001\"'\\ %:",
        whole: -(2n ** 63n),
        exact: "1234567890123456.000000000000000001",
        part: -1.5e-300,
        yes: false,
        when: new Date(-1),
        data: { "": [null, 1.5, "x", { ["__proto__"]: 1 }] },
        list: [3, 1, 3],
        set: ["b", "a"],
        bytes: Uint8Array.of(0, 255, 10),
        other: { any: ["thing"] },
      },
      { id: 0n },
      { id: -5n, text: "", list: [], set: [], bytes: new Uint8Array(0), data: false },
    ];
    const results = await db.bulk(rows.map((row) => ({ op: "put", table: "every", row }) as never));
    expect(results).toEqual(rows.map(() => ({ affected: 1 })));
    for (const { id } of rows) {
      const fromDb = await db.get("every", id, { cached: false });
      expect(await db.get("every", id)).toEqual(fromDb);
      await until(() => store.entries().some((key) => store.values.get(key)!.includes(`"${id}"`)));
      const fromCache = await db.get("every", id);
      expect(fromCache).toEqual(fromDb);
      expect(Object.keys(fromCache!)).toEqual(Object.keys(fromDb!));
    }
    expect(counts(db)).toEqual({ hits: 3, misses: 3, bypassed: 3 });
  });

  it("are nobody's: what a caller does to one changes no other", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    await db.put("every", { id: 1n, list: [1], data: { a: [1] } });
    const [one, two] = await Promise.all([db.get("every", 1n), db.get("every", 1n)]);
    one!.list!.push(2);
    (one!.data as { a: number[] }).a.push(2);
    expect(two).toMatchObject({ list: [1], data: { a: [1] } });
    expect(await db.get("every", 1n)).toMatchObject({ list: [1], data: { a: [1] } });
  });

  it("are forgotten by every kind of write, before its promise resolves", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    const seen = async (): Promise<unknown> => (await db.get("person", "a"))?.age;
    const writes: readonly [string, () => Promise<unknown>, number | undefined][] = [
      ["add, where it was known that there is no row", () => db.add("person", { id: "a", age: 1 }), 1],
      ["put", () => db.put("person", { id: "a", age: 2 }), 2],
      ["update", () => db.update("person", { id: "a", age: 3 }), 3],
      ["update again, the short way", () => db.update("person", { id: "a", age: 4 }), 4],
      ["incr", () => db.incr("person", { id: "a", age: 1 }), 5],
      ["updateAll", () => db.updateAll("person", { name: null }, { age: 6 }, { scan: true }), 6],
      ["bulk, together", () => db.bulk([{ op: "put", table: "person", row: { id: "a", age: 7 } }]), 7],
      ["bulk, alone", () => db.bulk([{ op: "update", table: "person", row: { id: "a", age: 8 }, options: { returning: "new" } }]), 8],
      ["bulk, atomic", () => db.bulk([{ op: "put", table: "person", row: { id: "a", age: 9 } }], { atomic: true }), 9],
      ["a write in a scope", () => db.scope({ person: {} }).put("person", { id: "a", age: 10 }), 10],
      ["a transaction", () => db.transaction((tx) => tx.put("person", { id: "a", age: 11 })), 11],
      ["del", () => db.del("person", "a"), undefined],
      ["upsert", () => db.update("person", { id: "a", age: 12 }, { upsert: true }), 12],
      ["delAll", () => db.delAll("person", { age: 12 }, { scan: true }), undefined],
      ["incr that makes a row", () => db.incr("person", { id: "a", age: 13 }), 13],
    ];
    for (const [name, write, after] of writes) {
      await seen();
      await until(() => store.entries().length > 0);
      const { hits } = counts(db);
      await seen();
      expect(counts(db).hits, name).toBe(hits + 1);
      await write();
      expect(await seen(), name).toBe(after);
    }
  });

  it("are forgotten by the writes of another database on the same cache", async () => {
    const store = new FakeCache();
    const own = url === "memory:" ? `memory:${randomUUID()}` : "file";
    if (own === "file") return;
    await using a = await opened(store, own);
    await using b = await opened(store, own);
    for (let age = 1; age < 5; age++) {
      await b.put("person", { id: "a", age });
      expect(await a.get("person", "a")).toMatchObject({ age });
      await until(() => store.entries().length > 0);
      expect(await a.get("person", "a")).toMatchObject({ age });
    }
    await b.updateAll("person", {}, { age: 9 }, { all: true });
    expect(await a.get("person", "a")).toMatchObject({ age: 9 });
    expect(counts(a).hits).toBe(4);
  });

  it("are not read inside of transactions, and stay what they are where one is undone", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    await db.put("person", { id: "a", age: 1 });
    await db.get("person", "a");
    await until(() => store.entries().length === 1);
    const failed = db.transaction(async (tx) => {
      await tx.put("person", { id: "a", age: 2 });
      expect(await tx.get("person", "a")).toMatchObject({ age: 2 });
      throw new Error("undo it");
    });
    await expect(failed).rejects.toThrow("undo it");
    const { hits, bypassed } = counts(db);
    expect(bypassed).toBe(1);
    expect(await db.get("person", "a")).toMatchObject({ age: 1 });
    expect(counts(db).hits).toBe(hits + 1);
  });

  it("are not read in scopes, with includes, where consistent or not wanted; explain reads nothing", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    await db.put("person", { id: "a", name: "Ann" });
    await db.scope({ person: { where: { name: "Ann" } } }).get("person", "a");
    await db.get("person", "a", { consistent: true });
    await db.get("person", "a", { cached: false });
    await db.list("person", ["a"], { cached: false });
    await db.scope({ person: { where: { name: "Ann" } } }).list("person", ["a"], { cached: true });
    await db.explain("get", "person", "a");
    await db.get("asked", "a");
    expect(store.count("getMany")).toBe(0);
    expect(counts(db)).toEqual({ hits: 0, misses: 0, bypassed: 6 });
    await db.get("asked", "a", { cached: true });
    await db.get("plain", "a");
    expect(store.count("getMany")).toBe(1);
    await expect(db.get("plain", "a", { cached: true })).rejects.toMatchObject({ code: "invalid" });
  });

  it("are read in scopes without conditions, without the columns that those leave out", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    await db.put("person", { id: "a", name: "Ann", age: 3 });
    const scoped = db.scope({ person: { select: ["id", "age"] } });
    expect(await scoped.get("person", "a")).toEqual({ id: "a", age: 3 });
    await until(() => store.entries().length === 1);
    expect(await scoped.get("person", "a")).toEqual({ id: "a", age: 3 });
    expect(await db.scope({ person: {} }).get("person", "a", { select: ["name"] })).toEqual({ name: "Ann" });
    await expect(scoped.get("person", "a", { select: ["name"] as never })).rejects.toMatchObject({ code: "invalid" });
    expect(counts(db)).toEqual({ hits: 2, misses: 1, bypassed: 0 });
  });

  it("that are marked as deleted are missing, and there for those who ask for them", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    await db.put("gone", { id: "a" });
    expect(await db.get("gone", "a")).toMatchObject({ id: "a" });
    await db.del("gone", "a");
    expect(await db.get("gone", "a")).toBeUndefined();
    await until(() => store.entries().length === 1);
    expect(await db.get("gone", "a")).toBeUndefined();
    expect(await db.get("gone", "a", { deleted: true })).toMatchObject({ id: "a" });
    expect(counts(db)).toMatchObject({ hits: 2, misses: 2 });
  });

  it("that have expired are missing, whatever the cache has", async () => {
    const store = new FakeCache();
    const clock = testClock();
    await using db = await opened(store, url, { clock });
    const until_ = clock.now() + 1000;
    await db.put("session", { id: "a", until: until_ });
    expect(await db.get("session", "a")).toEqual({ id: "a", until: until_ });
    await until(() => store.entries().length === 1);
    clock.advance(1000);
    expect(await db.get("session", "a")).toBeUndefined();
    expect(counts(db)).toMatchObject({ hits: 1, misses: 1 });
    await db.put("session", { id: "a", until: clock.now() + 1 });
    expect(await db.get("session", "a")).toBeDefined();
  });

  it("whose keys look alike do not meet", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    const keys = ["a:b", "a", "b", ":", "\u0001", "\u0002", "\u0001\u0002", "%3A", "t", "m:a", "__proto__", "!", "a\u0001b"].flatMap((a) =>
      ["a:b", "b", "a", "\u0001", "\u0002\u0001", "__proto__"].map((b) => ({ a, b })),
    );
    await db.bulk(keys.map((key, n) => ({ op: "put", table: "pair", row: { ...key, n } })));
    for (let i = 0; i < 2; i++) {
      expect((await db.list("pair", keys)).map(({ n }) => n)).toEqual(keys.map((_, n) => n));
      await until(() => store.entries().length === keys.length);
    }
    expect(counts(db)).toEqual({ hits: keys.length, misses: keys.length, bypassed: 0 });
    const long = { a: "x".repeat(255), b: "\u0001".repeat(250) };
    await db.put("pair", { ...long, n: 1 });
    expect(await db.get("pair", long)).toMatchObject({ n: 1 });
    await db.update("pair", { ...long, n: 2 });
    expect(await db.get("pair", long)).toMatchObject({ n: 2 });
    expect(counts(db).bypassed).toBe(2);
  });

  it("of many reads at once are looked for once, and read once", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    await db.put("person", { id: "a", age: 1 });
    const before = db.metrics()["main"]!.calls;
    const rows = await Promise.all(Array.from({ length: 1000 }, () => db.get("person", "a")));
    expect(new Set(rows.map((row) => row?.age))).toEqual(new Set([1]));
    expect(store.count("getMany")).toBe(1);
    expect(db.metrics()["main"]!.calls).toBe(before + 1);
    await db.list(
      "person",
      Array.from({ length: 1000 }, (_, i) => `p${i}`),
    );
    expect(store.count("getMany")).toBe(4);
  });

  it("are told to tracers and in the numbers of the pool", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    const seen: (string | undefined)[] = [];
    const listener = (message: unknown): void => void seen.push((message as CallEvent).cached);
    const channel = tracingChannel<unknown, CallEvent>("bk:db:call").asyncEnd;
    channel.subscribe(listener);
    await db.get("person", "a");
    await until(() => store.entries().length === 1);
    await db.get("person", "a");
    await db.list("person", ["a", "b"]);
    await db.get("person", "a", { cached: false });
    await db.get("plain", "a");
    channel.unsubscribe(listener);
    expect(seen).toEqual(["miss", "hit", "miss", "bypass", undefined]);
  });

  it("are forgotten by hand, where something else has written them", async () => {
    const store = new FakeCache();
    await using db = await opened(store, url);
    for (const forget of [() => db.forget("person"), () => db.forget("person", ["a"]), () => db.forget("plain")]) {
      await db.get("person", "a");
      await until(() => store.entries().length === 1);
      await forget();
      const { hits } = counts(db);
      await db.get("person", "a");
      expect(counts(db).hits - hits).toBe(String(forget).includes("plain") ? 1 : 0);
    }
    await expect(db.forget("person", "a" as never)).rejects.toMatchObject({ code: "invalid", table: "person" });
    await expect(db.forget("person", [{ no: 1 }] as never)).rejects.toMatchObject({ code: "invalid" });
  });

  it("that are copied from another pool, or filled by sync, are forgotten", async () => {
    const store = new FakeCache();
    const pools = { one: "memory:", two: "memory:" };
    await using db = await openDb({ pools, tables, cache: { store } });
    await db.sync();
    await db.pool("two").sync();
    await db.put("person", { id: "a", age: 1 });
    expect(await db.get("person", "a", { pool: "two" })).toBeUndefined();
    await db.copy({ from: "one", to: "two", tables: ["person"] });
    expect(await db.get("person", "a", { pool: "two" })).toMatchObject({ age: 1 });
    await db.sync({ backfill: true });
    expect(await db.get("person", "a", { pool: "one" })).toMatchObject({ age: 1 });
  });
});

it("settings of the cache and of tables are checked", async () => {
  const store = new FakeCache();
  const open = (cache: unknown, cached: unknown = true): Promise<unknown> =>
    openDb({
      url: "memory:",
      tables: { t: table({ id: { primary: 1 } }, { cached: cached as boolean }) },
      cache: cache as { store: FakeCache },
    });
  for (const wrong of [
    null,
    5,
    {},
    { store: {} },
    { store, prefix: 5 },
    { store, prefix: "\ud800" },
    { store, ttlMs: 0 },
    { store, more: 1 },
  ])
    await expect(open(wrong), JSON.stringify(wrong)).rejects.toMatchObject({ code: "invalid" });
  for (const wrong of [5, "yes", { ttlMs: 0 }, { ttlMs: "1" }, { missTtlMs: -1 }, { reads: "none" }, { more: 1 }])
    await expect(open({ store }, wrong), JSON.stringify(wrong)).rejects.toMatchObject({ code: "invalid", table: "t" });
  await using db = await openDb({ url: "memory:", tables });
  await db.sync();
  await db.put("person", { id: "a" });
  expect(await db.get("person", "a", { cached: true })).toMatchObject({ id: "a" });
  await db.forget("person");
  expect(db.metrics()["main"]!.cached).toBeUndefined();
});
