// Callers who leave, reads that hang, and databases that are closed in the middle of something.

import { type Log, silentLog, systemClock } from "@bk/core";
import { type Driver, openDb } from "@bk/db";
import { memoryDriver } from "@bk/db/drivers/memory";
import { describe, expect, it } from "vitest";

import { away, FakeCache, gate, openWith, tables, until } from "./fake-cache.js";

describe("callers who leave", () => {
  it("do not end a read that others wait for; the last one does", async () => {
    const store = new FakeCache();
    const held = gate();
    let aborted = 0;
    let reads = 0;
    const driver = await memoryDriver({ url: "memory:", options: {}, clock: systemClock, log: silentLog });
    const slow = {
      ...driver,
      close: () => driver.close(),
      execute: async (command: never, values: never, signal?: AbortSignal) => {
        const reply = driver.execute(command, values, signal);
        if (signal !== undefined) {
          reads++;
          await new Promise<void>((resolve, reject) => {
            signal.addEventListener("abort", () => {
              aborted++;
              reject(signal.reason as Error);
            });
            void held.passed.then(resolve);
          });
        }
        return reply;
      },
    } as Driver<unknown>;
    await using db = await openDb({ driver: slow, tables, cache: { store } });
    await db.sync();
    await db.put("person", { id: "a", age: 1 });
    const leaving = [new AbortController(), new AbortController()];
    const both = leaving.map(({ signal }) => db.get("person", "a", { signal }));
    await until(() => reads === 1);
    leaving[0]!.abort();
    await expect(both[0]).rejects.toMatchObject({ code: "cancelled" });
    expect(aborted).toBe(0);
    leaving[1]!.abort();
    await expect(both[1]).rejects.toMatchObject({ code: "cancelled" });
    expect(aborted).toBe(1);
    const again = db.get("person", "a", { timeoutMs: 60_000 });
    await until(() => reads === 2);
    held.open();
    expect(await again).toMatchObject({ age: 1 });
  });
});

describe("a read that hangs", () => {
  it("keeps others waiting for a while only", async () => {
    const store = new FakeCache();
    const held = gate();
    let reads = 0;
    const after = (verb: string): Promise<void> | undefined => (verb === "get" && ++reads === 1 ? held.passed : undefined);
    await using db = await openWith(store, "memory:", { after }, { cache: { store, waitMs: 10 } });
    await db.put("person", { id: "a", age: 1 });
    const hanging = db.get("person", "a");
    await until(() => reads === 1);
    expect(await db.get("person", "a", { group: false })).toMatchObject({ age: 1 });
    held.open();
    expect(await hanging).toMatchObject({ age: 1 });
  });
});

describe("closing", () => {
  it("waits for what is being stored and forgotten; later calls are closed", async () => {
    const store = new FakeCache();
    const db = await openWith(store, "memory:");
    await db.put("person", { id: "a", age: 1 });
    const held = gate();
    store.before = (op) => (op === "put" || op === "del" ? held.passed : undefined);
    await db.get("person", "a");
    const write = db.put("person", { id: "b", age: 1 });
    let isClosed = false;
    const closing = db.close().then(() => (isClosed = true));
    await until(() => store.count("del") === 2);
    expect(isClosed).toBe(false);
    held.open();
    expect(await write).toEqual({ affected: 1 });
    await closing;
    await expect(db.get("person", "a")).rejects.toMatchObject({ code: "closed" });
    await expect(db.forget("person")).rejects.toMatchObject({ code: "closed" });
  });

  it("tries once more to forget what is in doubt, and says so where it cannot", async () => {
    for (const isBack of [true, false]) {
      const store = new FakeCache();
      const warnings: string[] = [];
      const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
      const db = await openWith(store, "memory:", {}, { log, cache: { store, awayMs: 60_000 } });
      store.before = away;
      await db.put("person", { id: "a", age: 1 });
      if (isBack) store.before = () => undefined;
      await db.close();
      expect(warnings).toHaveLength(isBack ? 1 : 2);
    }
  });
});
