// What an ordered store knows of its tables: compared with what is declared, and kept by everybody who writes.

import { systemClock, testClock, type Clock } from "@bk/core";
import { openDb, type TableDefinitions } from "@bk/db";
import { afterEach, describe, expect, it, vi } from "vitest";
import { clusterFixture, fixture } from "../../src/drivers/redis/fixture.js";
import { kvDriver } from "../../src/engines/kv/engine.js";
import type { KvStore } from "../../src/engines/kv/store.js";
import { compileTables } from "../../src/schema/compile-table.js";
import { arrayStore } from "../../src/testing/array-store.js";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function driverOver(store: KvStore, clock: Clock = systemClock) {
  return kvDriver("arrays", { ...store, close: () => undefined }, { clock, classify: () => undefined });
}

type Open = (tables: TableDefinitions) => Promise<Awaited<ReturnType<typeof openDb<TableDefinitions>>>>;

const stores: Readonly<Record<string, () => Promise<Open | undefined>>> = {
  arrays: async () => {
    const store = arrayStore();
    return async (tables) => openDb({ driver: driverOver(store), tables });
  },
  ...Object.fromEntries(
    [fixture, clusterFixture].map(({ name, open }) => [
      name,
      async () => {
        const instance = await open();
        if (instance === undefined) return undefined;
        cleanups.push(() => instance.clean());
        return async (tables: TableDefinitions) => openDb({ url: instance.url, options: instance.options, tables });
      },
    ]),
  ),
};

describe.each(Object.entries(stores))("definitions in %s", (_name, openStore) => {
  async function withStore(work: (open: Open) => Promise<void>): Promise<void> {
    const open = await openStore();
    if (open === undefined) return;
    await work(async (tables) => {
      const db = await open(tables);
      cleanups.push(() => db.close());
      return db;
    });
  }

  it("a call on a table that was never made is drift, and the next one works when it has been made", () =>
    withStore(async (open) => {
      const tables = { t: { id: { primary: 1 }, name: { index: 1 } } } satisfies TableDefinitions;
      const [db, other] = [await open(tables), await open(tables)];
      const missing = { code: "drift", outcome: "none", table: "t", message: expect.stringContaining("call sync() first") as string };
      await expect(db.get("t", "a")).rejects.toMatchObject(missing);
      await expect(db.put("t", { id: "a" })).rejects.toMatchObject(missing);
      await expect(db.select("t", { name: "x" })).rejects.toMatchObject(missing);
      await expect(db.count("t", {}, { scan: true })).rejects.toMatchObject(missing);
      await expect(db.transaction(async (tx) => tx.put("t", { id: "a" }))).rejects.toMatchObject(missing);
      await other.sync();
      expect(await db.put("t", { id: "a", name: "x" })).toMatchObject({ affected: 1 });
      expect((await db.select("t", { name: "x" })).rows).toHaveLength(1);
    }));

  it.each([
    ["another type", { id: { primary: 1 }, n: {} }, "n"],
    ["a type of fewer values", { id: { primary: 1 }, n: { type: "int" } }, "n"],
    ["lists of something else", { id: { primary: 1 }, tags: { type: "set" } }, "tags"],
    ["another type of the key", { id: { type: "int", primary: 1 } }, "id"],
    ["another key", { id: { primary: 1 }, n: { type: "int64", primary: 2 } }, undefined],
  ] as const)("%s than the stored one is drift, for sync and for every call", (_what, columns, column) =>
    withStore(async (open) => {
      const stored = await open({
        t: { id: { primary: 1 }, n: { type: "int64", index: 1 }, tags: { type: "set", of: "int" } },
      } as TableDefinitions);
      await stored.sync();
      await stored.put("t", { id: "a", n: 9_007_199_254_740_993n, tags: [1] });
      const other = await open({ t: columns } as TableDefinitions);
      const drift = { code: "drift", outcome: "none", table: "t", ...(column === undefined ? {} : { column }) };
      await expect(other.select("t", {}, { scan: true })).rejects.toMatchObject(drift);
      await expect(other.sync()).rejects.toMatchObject(drift);
      expect((await other.sync({ dryRun: true })).drift).toHaveLength(1);
      expect(await stored.get("t", "a")).toMatchObject({ n: 9_007_199_254_740_993n });
      expect(await stored.sync()).toMatchObject({ altered: [], drift: [] });
    }),
  );

  it("a declared column, index or unique group that the store does not know of is drift where it is needed", () =>
    withStore(async (open) => {
      const id = { primary: 1 as const };
      await (await open({ t: { id, name: {} } })).sync();
      const column = await open({ t: { id, name: {}, added: {} } });
      await expect(column.get("t", "a")).rejects.toMatchObject({ code: "drift", column: "added" });
      const index = await open({ t: { id, name: { index: 1 } } });
      expect(await index.put("t", { id: "a", name: "x" })).toMatchObject({ affected: 1 });
      await expect(index.select("t", { name: "x" })).rejects.toMatchObject({ code: "drift", table: "t" });
      const unique = await open({ t: { id, name: { unique: 1 } } });
      expect(await unique.get("t", "a")).toEqual({ id: "a", name: "x" });
      await expect(unique.put("t", { id: "b", name: "x" })).rejects.toMatchObject({ code: "drift", table: "t" });
      await index.sync();
      expect((await index.select("t", { name: "x" })).rows).toEqual([{ id: "a", name: "x" }]);
    }));

  it("a unique group that the rows do not allow is not made, and hinders nobody", () =>
    withStore(async (open) => {
      const id = { primary: 1 as const };
      const older = await open({ t: { id, name: {} } });
      await older.sync();
      for (const key of ["a", "b"]) await older.put("t", { id: key, name: "same" });
      const newer = await open({ t: { id, name: { unique: 1 } } });
      await expect(newer.sync()).rejects.toMatchObject({ code: "already-exists" });
      expect(await older.put("t", { id: "c", name: "same" })).toMatchObject({ affected: 1 });
      for (const key of ["a", "b"]) await older.update("t", { id: key, name: key });
      expect((await newer.sync()).indexed).toEqual(["t.name"]);
      await expect(older.put("t", { id: "d", name: "a" })).rejects.toMatchObject({ code: "already-exists" });
    }));

  it("no row that an older process writes while an index is built is missing in it", () =>
    withStore(async (open) => {
      const id = { primary: 1 as const };
      const older = await open({ t: { id, name: {}, n: { type: "int" } } });
      await older.sync();
      await Promise.all(Array.from({ length: 500 }, (_, i) => older.put("t", { id: `k${i}`, name: "x", n: i })));
      const newer = await Promise.all(
        [0, 1].map(() => open({ t: { id, name: { index: 1 }, n: { type: "int", index: 2, unique: 1 }, ends: { type: "ttl" } } })),
      );
      let writes = 0;
      let building = true;
      const writer = (async () => {
        for (; building; writes++) {
          await older.put("t", { id: `w${writes}`, name: "x", n: 1000 + writes });
          await older.update("t", { id: `k${writes % 500}`, name: writes % 2 === 0 ? "x" : "y" });
        }
      })();
      await Promise.all(newer.map((db) => db.sync()));
      building = false;
      await writer;
      const [db] = newer;
      const [x, y] = [await db!.count("t", { name: "x" }), await db!.count("t", { name: "y" })];
      expect([x + y, await db!.count("t", {}, { scan: true })]).toEqual([500 + writes, 500 + writes]);
      await expect(older.put("t", { id: "late", n: 1000 })).rejects.toMatchObject({ code: "already-exists" });
    }));
});

describe("the engine over an ordered store", () => {
  it("answers at once where the store does", () => {
    const driver = driverOver(arrayStore());
    const table = compileTables({ t: { id: { primary: 1 }, n: { type: "int" } } }).get("t")!;
    const [id, n] = table.columns;
    const run = (shape: Parameters<typeof driver.compile>[0], values: readonly (string | number)[]) =>
      driver.execute(driver.compile(shape), values);
    const none = { kind: "and", parts: [] } as const;
    return Promise.resolve(run({ verb: "define", table, step: { kind: "table" } }, [])).then(() => {
      const put = run({ verb: "put", table, key: [0], row: [0, 1], over: none, returning: "none" }, ["a", 1]);
      expect(put).toEqual({ rows: [], affected: 1 });
      expect(run({ verb: "get", table, columns: [id!, n!], key: [0], consistent: false }, ["a"])).toEqual({
        rows: [["a", 1]],
        affected: 0,
      });
      const changes = [{ column: n!, op: "incr" as const, slot: 1 }];
      const update = { verb: "update", target: "key", table, key: [0], changes, guard: none, insert: undefined, returning: "new" } as const;
      expect(run(update, ["a", 4])).toEqual({ rows: [["a", 5]], affected: 1 });
      const order = [{ column: id!, descending: false }];
      const select = { verb: "select", table, columns: [n!], path: undefined, filter: none, order, after: undefined } as const;
      expect(run({ ...select, limit: undefined, match: undefined, consistent: false }, [])).toEqual({ rows: [[5]], affected: 0 });
      expect(run({ verb: "delete", target: "key", table, key: [0], guard: none, returning: "none" }, ["a"])).toEqual({
        rows: [],
        affected: 1,
      });
    });
  });

  it("a sweep removes the rows that have expired, and no other", async () => {
    const clock = testClock();
    const store = arrayStore();
    const driver = driverOver(store, clock);
    const tables = { t: { id: { primary: 1 as const }, name: { index: 1 as const }, ends: { type: "ttl" as const } } };
    const db = await openDb({ driver, tables, clock });
    await db.sync();
    for (let i = 0; i < 450; i++)
      await db.put("t", { id: `k${i}`, name: "x", ends: i % 3 === 0 ? null : clock.now() + (i % 3 === 1 ? 1_000 : 5_000) });
    await db.update("t", { id: "k1", ends: null });
    clock.advance(2_000);
    expect(await db.sweep()).toEqual({ t: 149 });
    expect(await db.sweep()).toEqual({ t: 0 });
    const rest = await store.range("t", { space: undefined, from: "", to: undefined }, { descending: false, limit: 1000 });
    expect(rest.entries).toHaveLength(301);
    expect(await db.count("t", { name: "x" })).toBe(301);
    await db.close();
  });

  it("a sweep finds rows that were written before the table had a time of their end", async () => {
    const clock = testClock();
    const store = arrayStore();
    const id = { primary: 1 as const };
    const older = await openDb({ driver: driverOver(store, clock), tables: { t: { id, ends: { type: "bigint" } } }, clock });
    await older.sync();
    await older.put("t", { id: "a", ends: clock.now() - 1 });
    const driver = driverOver(store, clock);
    const tables = { t: { id, ends: { type: "ttl" as const } } };
    const newer = await openDb({ driver, tables, clock });
    expect((await newer.sync()).altered).toEqual(["t.ends"]);
    await older.put("t", { id: "b", ends: clock.now() - 1 });
    expect(await newer.sweep()).toEqual({ t: 2 });
    await Promise.all([older.close(), newer.close()]);
  });

  it("a change that others hinder again and again ends, with limited", async () => {
    const store = arrayStore();
    const db = await openDb({ driver: driverOver(store), tables: { t: { id: { primary: 1 }, n: { type: "int" } } }, attempts: 1 });
    await db.sync();
    await db.put("t", { id: "a", n: 0 });
    const rival: KvStore = {
      ...store,
      // Somebody else is always faster.
      write: (changes, checks) =>
        changes.some(({ table }) => table === "t") ? { kind: "conflict", change: 0 } : store.write(changes, checks),
    };
    const hindered = await openDb({ driver: driverOver(rival), tables: { t: { id: { primary: 1 }, n: { type: "int" } } }, attempts: 1 });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const refused = expect(hindered.incr("t", { id: "a", n: 1 })).rejects.toMatchObject({ code: "limited", outcome: "none" });
      await vi.advanceTimersByTimeAsync(60_000);
      await refused;
    } finally {
      vi.useRealTimers();
    }
    await Promise.all([db.close(), hindered.close()]);
  });
});
