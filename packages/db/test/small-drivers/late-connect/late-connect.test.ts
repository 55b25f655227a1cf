import { systemClock } from "@bk/core";
import { defineTables, openDb } from "@bk/db";
import { leastCapabilities, testDriver } from "@bk/db/testing";
import { describe, expect, it } from "vitest";

import { EngineError, MapEngine } from "../map-engine.js";
import { found, lateConnectDriver } from "./late-connect-driver.js";

testDriver({
  id: "late-connect",
  async openStore() {
    const engine = new MapEngine();
    return {
      openDb: (settings) => openDb({ ...settings, driver: lateConnectDriver(engine, settings.clock ?? systemClock) }),
      clean: async () => undefined,
    };
  },
});

const tables = defineTables({ note: { id: { primary: 1 }, n: { type: "int", unique: 1 } } });
const open = (connect?: () => void | Promise<void>) =>
  openDb({ driver: lateConnectDriver(new MapEngine(), systemClock, connect), tables, attempts: 1 });

describe("a driver that learns when it connects what it can do", () => {
  it("claims the least before, and what the server does afterwards", async () => {
    await using db = await open();
    expect(db.capabilities()).toEqual(leastCapabilities);
    expect(await db.get("note", "a")).toBeUndefined();
    expect(db.capabilities()).toEqual({ ...leastCapabilities, ...found });
    expect(Object.isFrozen(db.capabilities())).toBe(true);
  });

  it("connects once for all calls of its beginning, each of which is planned by what was learned", async () => {
    let connects = 0;
    await using db = await open(() => void connects++);
    const calls = await Promise.all([
      db.put("note", { id: "a", n: 1 }),
      db.incr("note", { id: "b", n: 2 }, { returning: "new" }),
      db.count("note", { n: 7 }),
      db.bulk([{ table: "note", op: "put", row: { id: "c", n: 3 } }]),
      db.explain("select", "note", { n: 1 }),
    ]);
    expect(calls).toMatchObject([{ affected: 1 }, { row: { id: "b", n: 2 } }, 0, [{ affected: 1 }], {}]);
    expect(connects).toBe(1);
  });

  it("sends groups that only the connection has said to be possible", async () => {
    await using db = await open();
    await db.get("note", "a");
    await Promise.all([1, 2, 3].map((n) => db.put("note", { id: `i${n}`, n })));
    expect(db.metrics()["main"]!.groups).toBe(1);
  });

  it("takes the values of a call when it is made, although it must connect first", async () => {
    await using db = await open();
    const row = { id: "a", n: 1 };
    const put = db.put("note", row);
    row.n = 2;
    await put;
    expect(await db.get("note", "a")).toEqual({ id: "a", n: 1 });
  });

  it("is unavailable when it cannot connect, having done nothing, and tries again with the next call", async () => {
    let isDown = true;
    let tries = 0;
    await using db = await open(() => {
      tries++;
      if (isDown) throw new EngineError("down");
    });
    const unavailable = { name: "DbError", code: "unavailable", outcome: "none", driver: "late-connect" };
    await expect(db.put("note", { id: "a", n: 1 })).rejects.toMatchObject({ ...unavailable, table: "note", op: "put" });
    await expect(db.count("note", { n: 1 })).rejects.toMatchObject(unavailable);
    await expect(db.bulk([{ table: "note", op: "put", row: { id: "a" } }])).resolves.toMatchObject([{ error: unavailable }]);
    await expect(db.sync()).rejects.toMatchObject(unavailable);
    await expect(async () => {
      for await (const _row of db.scan("note")) expect.fail("a row, and nothing is connected");
    }).rejects.toMatchObject(unavailable);
    await expect(db.explain("get", "note", "a")).rejects.toMatchObject(unavailable);
    await expect(db.transaction(async () => undefined)).rejects.toMatchObject({ name: "DbError" });
    expect(tries).toBeGreaterThanOrEqual(6);
    expect(db.capabilities()).toEqual(leastCapabilities);
    isDown = false;
    expect(await db.put("note", { id: "a", n: 1 })).toEqual({ affected: 1 });
    expect(db.capabilities().unique).toBe("engine");
  });

  it("lets a call end before it waits for a connection that fails", async () => {
    await using db = await open(() => {
      throw new EngineError("down");
    });
    await expect(db.get("note", "a", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled", outcome: "none" });
    await expect(db.bulk([{ table: "note", op: "add", row: { id: "a" }, options: { wrong: 1 } as object }])).resolves.toMatchObject([
      { error: { code: "invalid" } },
    ]);
  });

  it("gives up waiting for the connection when the time of a call is over", async () => {
    const waiting: (() => void)[] = [];
    await using db = await open(() => new Promise((resolve) => void waiting.push(resolve)));
    const ended = new AbortController();
    const call = db.get("note", "a", { signal: ended.signal });
    await expect.poll(() => waiting.length).toBe(1);
    ended.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled", outcome: "none" });
    waiting[0]!();
    expect(await db.get("note", "a")).toBeUndefined();
  });
});
