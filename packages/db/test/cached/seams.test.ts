// Reads and writes that meet, caches that are away, and ends in the middle of something.

import { randomUUID } from "node:crypto";

import { type Log, silentLog, systemClock } from "@bk/core";
import { defineTables, type Driver, openDb, table } from "@bk/db";
import { memoryDriver } from "@bk/db/drivers/memory";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { away, FakeCache, gate, openWith, tables, until } from "./fake-cache.js";

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeEach(() => void process.on("unhandledRejection", note));
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

describe("a read beside a write", () => {
  it("by another database: what was read before is not found after, though it is stored later", async () => {
    const store = new FakeCache();
    const url = `memory:${randomUUID()}`;
    await using a = await openWith(store, url);
    await using b = await openWith(store, url);
    await a.put("person", { id: "a", age: 1 });
    const held = gate();
    let puts = 0;
    store.before = (op, keys) => (op === "put" && keys[0]!.includes(":v") && ++puts === 1 ? held.passed : undefined);
    expect(await a.get("person", "a")).toMatchObject({ age: 1 });
    await b.put("person", { id: "a", age: 2 });
    expect(await b.get("person", "a")).toMatchObject({ age: 2 });
    await until(() => store.entries().length === 1);
    const newer = [...store.values].find(([key]) => key === store.entries()[0])![1];
    held.open();
    await until(() => store.values.get(store.entries()[0]!) !== newer);
    for (const db of [a, b]) expect(await db.get("person", "a")).toMatchObject({ age: 2 });
  });

  it("by another database: what is read while it writes is not kept", async () => {
    const store = new FakeCache();
    const url = `memory:${randomUUID()}`;
    const held = gate();
    let reads = 0;
    await using a = await openWith(store, url, { after: (verb) => (verb === "get" && ++reads === 1 ? held.passed : undefined) });
    await using b = await openWith(store, url);
    await b.put("person", { id: "a", age: 1 });
    const old = a.get("person", "a");
    await until(() => reads === 1);
    await b.put("person", { id: "a", age: 2 });
    held.open();
    expect(await old).toMatchObject({ age: 1 });
    await until(() => store.entries().length === 1);
    for (const db of [a, b]) expect(await db.get("person", "a")).toMatchObject({ age: 2 });
  });

  it("by another database: a read that begins after it does not share one that began before", async () => {
    const store = new FakeCache();
    const url = `memory:${randomUUID()}`;
    const held = gate();
    let reads = 0;
    await using a = await openWith(store, url, { after: (verb) => (verb === "get" && ++reads === 1 ? held.passed : undefined) });
    await using b = await openWith(store, url);
    await b.put("person", { id: "a", age: 1 });
    const old = a.get("person", "a");
    await until(() => reads === 1);
    await b.put("person", { id: "a", age: 2 });
    const later = Array.from({ length: 100 }, () => a.get("person", "a"));
    held.open();
    expect(await old).toMatchObject({ age: 1 });
    for (const row of await Promise.all(later)) expect(row).toMatchObject({ age: 2 });
    expect(reads).toBe(2);
    expect(store.count("getMany")).toBe(2);
  });

  it("by nobody: of many who come while a row is read one reads it, and the others find it in the cache", async () => {
    const store = new FakeCache();
    const held = gate();
    let reads = 0;
    await using db = await openWith(store, "memory:", { after: (verb) => (verb === "get" && ++reads === 1 ? held.passed : undefined) });
    await db.put("person", { id: "a", age: 1 });
    const first = db.get("person", "a");
    await until(() => reads === 1);
    const others = Array.from({ length: 100 }, () => db.get("person", "a"));
    held.open();
    for (const row of await Promise.all([first, ...others])) expect(row).toMatchObject({ age: 1 });
    expect(reads).toBe(1);
    expect(db.metrics()["main"]!.cached).toEqual({ hits: 100, misses: 1, bypassed: 0 });
  });

  it("by the same database: a later read does not share one that began before", async () => {
    const store = new FakeCache();
    const held = gate();
    let reads = 0;
    await using db = await openWith(store, "memory:", { after: (verb) => (verb === "get" && ++reads === 1 ? held.passed : undefined) });
    await db.put("person", { id: "a", age: 1 });
    const old = db.get("person", "a");
    await until(() => reads === 1);
    await db.put("person", { id: "a", age: 2 });
    expect(await db.get("person", "a", { group: false })).toMatchObject({ age: 2 });
    await db.updateAll("person", {}, { age: 3 }, { all: true });
    expect(await db.get("person", "a", { group: false })).toMatchObject({ age: 3 });
    held.open();
    expect(await old).toMatchObject({ age: 1 });
    expect(await db.get("person", "a")).toMatchObject({ age: 3 });
  });

  it("whose outcome is not known: its row is not kept by anybody for a while", async () => {
    const store = new FakeCache();
    const url = `memory:${randomUUID()}`;
    let lost = true;
    await using a = await openWith(store, url, {
      after: (verb) => (lost && verb === "put" ? Promise.reject(new Error("cut off")) : undefined),
    });
    await using b = await openWith(store, url);
    await b.get("person", "a");
    await expect(a.put("person", { id: "a", age: 1 })).rejects.toMatchObject({ outcome: "unknown" });
    lost = false;
    for (const db of [a, b, a, b]) expect(await db.get("person", "a")).toMatchObject({ age: 1 });
    expect(store.entries().filter((key) => store.values.get(key)!.includes('"a"'))).toEqual([]);
    await b.put("person", { id: "a", age: 2 });
    expect(await b.get("person", "a")).toMatchObject({ age: 2 });
    await until(() => store.entries().some((key) => store.values.get(key)!.includes('"a"')));
  });

  it("that fails with nothing done: it is forgotten all the same, since something may have been done and undone", async () => {
    const store = new FakeCache();
    await using db = await openWith(store, "memory:");
    await db.put("person", { id: "a", age: 1 });
    await db.get("person", "a");
    const dels = store.count("del");
    await expect(db.add("person", { id: "a" })).rejects.toMatchObject({ code: "already-exists" });
    expect(store.count("del")).toBe(dels + 1);
    await expect(db.add("person", { id: 5 as never })).rejects.toMatchObject({ code: "invalid" });
    expect(store.count("del")).toBe(dels + 1);
  });
});

describe("a transaction", () => {
  it("forgets what it wrote when it has committed, and before it resolves", async () => {
    const store = new FakeCache();
    await using db = await openWith(store, "memory:");
    await db.put("person", { id: "a", age: 1 });
    await db.get("person", "a");
    const dels = store.count("del");
    await db.transaction(async (tx) => {
      await tx.update("person", { id: "a", age: 2 });
      await db.put("person", { id: "b", age: 2 });
      expect(store.count("del")).toBe(dels);
    });
    expect(store.calls.filter(({ op }) => op === "del").at(-1)!.keys).toHaveLength(2);
    expect(await db.get("person", "a")).toMatchObject({ age: 2 });
  });

  it("on an engine with batches does so too, of rows that it changed alone", async () => {
    const store = new FakeCache();
    const url = `memory:${randomUUID()}`;
    const batch = { capabilities: { transactions: "batch", savepoints: true } } as const;
    const plain = await memoryDriver({ url, options: {}, clock: systemClock, log: silentLog }, batch);
    const driver = {
      ...plain,
      close: () => plain.close(),
      commit: async (changes: readonly { table: never; key: never; after: readonly unknown[] | undefined }[]) => {
        for (const { after } of changes) if (after?.[1] === 2) await other.put("person", { id: after[0] as string, age: 2 });
        return true;
      },
    } as unknown as Driver;
    await using other = await openDb({ url, tables });
    await using db = await openDb({ driver, tables, cache: { store } });
    await db.sync();
    await db.bulk([
      { op: "put", table: "person", row: { id: "a", age: 1 } },
      { op: "put", table: "person", row: { id: "b", age: 1 } },
    ]);
    await db.list("person", ["a", "b"]);
    await db.transaction(async (tx) => {
      await tx.get("person", "b");
      await tx.put("person", { id: "a", age: 2 });
    });
    expect(store.calls.filter(({ op }) => op === "del").at(-1)!.keys).toHaveLength(1);
    expect(await db.list("person", ["a", "b"])).toMatchObject([{ age: 2 }, { age: 1 }]);
  });
});

describe("a cache that is away", () => {
  it("fails no call, and what was written meanwhile is not read from it until it has acknowledged that", async () => {
    const store = new FakeCache();
    const url = `memory:${randomUUID()}`;
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
    await using a = await openWith(store, url, {}, { log });
    await using b = await openWith(store, url);
    await a.put("person", { id: "a", age: 1 });
    await a.get("person", "a");
    await until(() => store.entries().length === 1);
    // Reads work, drops do not: the older row is still there for everybody.
    store.before = (op) => (op === "del" ? away() : undefined);
    expect(await a.put("person", { id: "a", age: 2 })).toEqual({ affected: 1 });
    for (let i = 0; i < 20; i++) {
      expect(await a.get("person", "a")).toMatchObject({ age: 2 });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(await b.get("person", "a")).toMatchObject({ age: 1 });
    expect(warnings).toHaveLength(1);
    store.before = () => undefined;
    await until(async () => (await b.get("person", "a"))?.age === 2);
    await until(async () => {
      const { hits } = a.metrics()["main"]!.cached!;
      expect(await a.get("person", "a")).toMatchObject({ age: 2 });
      return a.metrics()["main"]!.cached!.hits > hits;
    });
  });

  it("and comes back in the middle: rows are read from the database, then from the cache again", async () => {
    const store = new FakeCache();
    await using db = await openWith(store, "memory:");
    await db.put("person", { id: "a", age: 1 });
    store.before = away;
    expect(await db.get("person", "a")).toMatchObject({ age: 1 });
    expect(await db.list("person", ["a", "b"])).toMatchObject([{ age: 1 }]);
    store.before = () => undefined;
    await until(async () => {
      await db.get("person", "a");
      return db.metrics()["main"]!.cached!.hits > 0;
    });
  });

  it("or never answers: no call waits longer than it may, and a write that is done is told as done", async () => {
    const store = new FakeCache();
    await using db = await openWith(store, "memory:", {}, { cache: { store, awayMs: 1, waitMs: 60_000 } });
    await db.put("person", { id: "a", age: 1 });
    const held = gate();
    store.before = () => held.passed;
    await expect(db.get("person", "a", { timeoutMs: 20 })).rejects.toMatchObject({ code: "timeout", outcome: "none" });
    expect(await db.put("person", { id: "a", age: 2 }, { timeoutMs: 20 })).toEqual({ affected: 1 });
    const controller = new AbortController();
    const write = db.put("person", { id: "a", age: 3 }, { signal: controller.signal });
    await until(() => store.count("del") === 3);
    controller.abort();
    expect(await write).toEqual({ affected: 1 });
    // In doubt, so not looked for in the cache.
    expect(await db.get("person", "a")).toMatchObject({ age: 3 });
    expect(await db.transaction((tx) => tx.put("person", { id: "a", age: 4 }), { timeoutMs: 50 })).toEqual({ affected: 1 });
    expect(await db.get("person", "a")).toMatchObject({ age: 4 });
    held.open();
  });

  it("or never answers at all: it is left alone after a short wait", async () => {
    const store = new FakeCache();
    await using db = await openWith(store, "memory:", {}, { cache: { store, awayMs: 60_000, waitMs: 5 } });
    store.before = () => new Promise<never>(() => undefined);
    await db.put("person", { id: "a", age: 1 });
    expect(await db.get("person", "a")).toMatchObject({ age: 1 });
    const { length } = store.calls;
    for (let age = 2; age < 20; age++) {
      await db.put("person", { id: "a", age });
      expect(await db.get("person", "a")).toMatchObject({ age });
    }
    expect(store.calls).toHaveLength(length);
    await expect(db.forget("person")).rejects.toMatchObject({ code: "unavailable", outcome: "unknown" });
  });

  it("keeps no memory of many writes: a table is in doubt as a whole", async () => {
    const store = new FakeCache();
    await using db = await openWith(store, "memory:", {}, { cache: { store, awayMs: 5 } });
    store.before = away;
    for (let i = 0; i < 3; i++)
      await db.bulk(Array.from({ length: 1500 }, (_, n) => ({ op: "put", table: "person", row: { id: `${i} ${n}` } })));
    store.before = () => undefined;
    store.calls.length = 0;
    await until(() => store.count("del") > 0);
    expect(store.calls.find(({ op }) => op === "del")!.keys).toEqual(["db:main:person:t"]);
  });
});

describe("entries and keys", () => {
  it("that are damaged, or of other shapes, are read anew", async () => {
    const store = new FakeCache();
    await using db = await openWith(store, "memory:");
    await db.put("person", { id: "a", age: 1 });
    await db.get("person", "a");
    await until(() => store.entries().length === 1);
    const [key] = store.entries();
    const text = store.values.get(key!)!;
    const head = text.slice(0, text.indexOf("["));
    for (const damaged of ["", "{", text.slice(0, -3), `${head}[1]`, `${head}{}`, `${head}5`, text.slice(5), 5 as never]) {
      store.values.set(key!, damaged);
      expect(await db.get("person", "a"), String(damaged)).toMatchObject({ age: 1 });
      await until(() => store.values.get(key!) === text);
    }
    for (const mark of [...store.values.keys()].filter((each) => each !== key)) {
      store.values.delete(mark);
      expect(await db.get("person", "a")).toMatchObject({ age: 1 });
    }
  });

  it("of another definition do not meet, and are forgotten together", async () => {
    const store = new FakeCache();
    const url = `memory:${randomUUID()}`;
    const newer = defineTables({
      person: table({ id: { primary: 1 }, age: { type: "int", value: 0 }, name: { value: "?" } }, { cached: true }),
    });
    await using a = await openWith(store, url);
    await using b = await openDb({ url, tables: newer, cache: { store } });
    await b.sync();
    await a.put("person", { id: "a", age: 1 });
    expect(await a.get("person", "a")).toEqual({ id: "a", age: 1 });
    expect(await b.get("person", "a")).toEqual({ id: "a", age: 1, name: null });
    await until(() => store.entries().length === 2);
    await a.update("person", { id: "a", age: 2 });
    expect(await b.get("person", "a")).toMatchObject({ age: 2 });
    await b.update("person", { id: "a", age: 3, name: "Ann" });
    expect(await a.get("person", "a")).toEqual({ id: "a", age: 3 });
    expect(await b.get("person", "a")).toEqual({ id: "a", age: 3, name: "Ann" });
  });
});
