// Sessions in a database: the store that bk-server has by default.
import { authTables, dbSessions, type SessionDb, type SessionRow, type SessionStore } from "@bk/auth";
import { testClock } from "@bk/core";
import { openDb } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const urls = ["memory:", "sqlite::memory:", ...(process.env["BK_TEST_PG"] === undefined ? [] : [process.env["BK_TEST_PG"]])];

const row = (id: string, more: Partial<SessionRow> = {}): SessionRow => ({
  id,
  kind: "token",
  account: "u_1",
  login: "bob",
  proof: "p",
  created: 1_000_000,
  used: 1_000_000,
  expires: 2_000_000,
  address: "10.0.0.1",
  agent: null,
  name: "a name",
  scopes: ["GET /data/*"],
  ...more,
});

describe.each(urls)("dbSessions on %s", (url) => {
  const clock = testClock({ now: 1_000_000 });
  let db: SessionDb &
    AsyncDisposable & { delAll(table: string, filter: object, options: object): Promise<unknown>; count(table: string): Promise<number> };
  let store: SessionStore;
  beforeAll(async () => {
    const opened = await openDb({ url, tables: authTables, clock });
    await opened.sync();
    db = opened as unknown as typeof db;
    await db.delAll("bk_session", {}, { all: true, scan: true });
    store = dbSessions(db, { clock });
  });
  afterAll(() => db[Symbol.asyncDispose]());

  it("gives rows back as they were, without scopes and with an empty list of them too", async () => {
    for (const one of [row("a"), row("b", { scopes: null, name: null }), row("c", { scopes: [] })]) {
      await store.add(one);
      expect(await store.get(one.id)).toEqual(one);
    }
    expect(await store.get("none")).toBeUndefined();
  });

  it("lists those of one account, however many", async () => {
    for (let i = 0; i < 120; i++) await store.add(row(`m${i}`, { account: "u_2" }));
    expect(await store.listOf("u_2")).toHaveLength(120);
    expect(await store.listOf("u_3")).toEqual([]);
  });

  it("changes a row only as it was read, makes none, and removes once", async () => {
    await store.add(row("x"));
    expect(await store.update("x", { used: 5, expires: 3_000_000 }, 1)).toBe(false);
    expect(await store.update("x", { used: 5, expires: 3_000_000 }, 2_000_000)).toBe(true);
    expect(await store.get("x")).toMatchObject({ used: 5, expires: 3_000_000 });
    expect(await store.remove("x")).toBe(true);
    expect(await store.remove("x")).toBe(false);
    expect(await store.update("x", { used: 5, expires: 4_000_000 }, 3_000_000)).toBe(false);
    expect(await store.get("x")).toBeUndefined();
  });

  it("removes rows that have ended", async () => {
    await store.add(row("late", { expires: 90_000_000 }));
    clock.advance(4_000_000);
    await store.add(row("now", { expires: 90_000_000 }));
    await expect.poll(async () => (await store.listOf("u_1")).map(({ id }) => id).sort()).toEqual(["late", "now"]);
  });
});
