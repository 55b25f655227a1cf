// Schema sync: makes what is missing, loses nothing, says what it did.

import { expect } from "vitest";

import type { TableDefinitions } from "../../schema/definition.js";
import { refuses, valuesOf } from "../expectations.js";
import type { Suite } from "../suite.js";

const first = { seed: { id: { primary: 1 } } } satisfies TableDefinitions;

/** Tables of a test's own, so that tests do not see each other's. */
const tablesOf = (name: string, more: object = {}): TableDefinitions => ({ [name]: { id: { primary: 1 }, n: { type: "int" }, ...more } });

export function sync(suite: Suite): void {
  suite.topic("sync", { tables: first }, ({ promise, test }) => {
    let count = 0;
    const name = (): string => `synced${++count}`;

    promise("sync makes what is missing and tells what it did; a second one does nothing", async ({ open }) => {
      const table = name();
      const db = await open({ tables: tablesOf(table, { place: { index: 1 } }) });
      const nothing = { created: [], altered: [], indexed: [], drift: [] };
      expect(await db.sync()).toEqual({ ...nothing, created: [table] });
      expect(await db.sync()).toEqual(nothing);
      await db.put(table, { id: "a", n: 1, place: "x" });
      expect(await db.sync()).toEqual(nothing);
      expect((await db.select(table, { place: "x" })).rows).toEqual([{ id: "a", n: 1, place: "x" }]);
    });

    promise("a dry run tells what would be done and does nothing", async ({ open }) => {
      const table = name();
      const db = await open({ tables: tablesOf(table) });
      const would = await db.sync({ dryRun: true });
      expect(would).toMatchObject({ created: [table], drift: [] });
      expect(await db.sync({ dryRun: true })).toEqual(would);
      expect(await db.sync()).toEqual(would);
      expect(await db.sync({ dryRun: true })).toMatchObject({ created: [] });
    });

    promise("columns and indexes are added to tables that are filled, and serve the rows of before", async ({ open }) => {
      const table = name();
      const before = await open({ tables: tablesOf(table, { place: {} }) });
      await before.sync();
      await Promise.all(Array.from({ length: 30 }, (_, i) => before.put(table, { id: `k${i}`, n: i % 3, place: `p${i % 2}` })));
      const after = await open({
        tables: tablesOf(table, {
          place: { index: 1 },
          n: { type: "int", index: 2 },
          extra: { type: "decimal" },
          tags: { type: "set" },
          added: { index1: 1, value: "new" },
        }),
      });
      const result = await after.sync();
      expect(result).toMatchObject({ created: [], drift: [] });
      // Stores that keep no columns have nothing to alter.
      expect([[], [`${table}.extra`, `${table}.tags`, `${table}.added`]]).toContainEqual(result.altered);
      expect(result.indexed.sort()).toEqual([`${table}.added`, `${table}.place_n`]);
      const { rows } = await after.select(table, { place: "p1" }, { sort: "n" });
      expect(rows).toHaveLength(15);
      expect(valuesOf(rows, "n")).toEqual([0, 1, 2].flatMap((n) => Array.from({ length: 5 }, () => n)));
      expect(rows[0]).toMatchObject({ extra: null, tags: null, added: null });
      await after.update(table, { id: "k0", extra: "1.5", tags: ["a"], added: "x" });
      expect((await after.select(table, { added: "x" })).rows).toEqual([
        { id: "k0", n: 0, place: "p0", extra: "1.5", tags: ["a"], added: "x" },
      ]);
      expect(await after.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
    });

    promise("an older definition goes on working beside a newer one, and loses nothing of it", async ({ open }) => {
      const table = name();
      const newer = await open({ tables: tablesOf(table, { place: { index: 1 } }) });
      await newer.sync();
      await newer.put(table, { id: "a", n: 1, place: "x" });
      const older = await open({ tables: tablesOf(table) });
      expect(await older.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
      expect(await older.get(table, "a")).toEqual({ id: "a", n: 1 });
      await older.update(table, { id: "a", n: 2 });
      expect(await newer.get(table, "a")).toEqual({ id: "a", n: 2, place: "x" });
    });

    test("a table that is dropped is gone with all that it held, and made anew with another key; or that is unsupported", async (context) => {
      const { open, capabilities } = context;
      const [table, beside] = [name(), name()];
      const columns = { place: { index: 1 }, mail: { unique: 1 }, ...(capabilities.search ? { words: { search: true } } : {}) };
      const row = (n: number): Record<string, unknown> => ({
        n,
        place: "x",
        mail: `m${n}`,
        ...(capabilities.search ? { words: "some" } : {}),
      });
      const db = await open({ tables: { ...tablesOf(table, columns), ...tablesOf(beside) } });
      await db.sync();
      await db.put(beside, { id: "a", n: 1 });
      await Promise.all(Array.from({ length: 250 }, (_, n) => db.put(table, { id: `k${n}`, ...row(n) })));
      const outcome = await db.drop(table).then(
        () => "done",
        (error: { readonly code: string }) => error.code,
      );
      if (outcome !== "done") return expect(outcome).toBe("unsupported");
      // It is gone already.
      await db.drop(table);
      const anew = await open({ tables: { [table]: { n: { type: "int", primary: 1 }, ...columns } } });
      expect(await anew.sync()).toEqual({ created: [table], altered: [], indexed: [], drift: [] });
      expect((await anew.select(table, { place: "x" })).rows).toEqual([]);
      for (const n of [3, 4]) await anew.add(table, row(n));
      expect((await anew.select(table, { place: "x" })).rows).toEqual([row(3), row(4)]);
      if (capabilities.search) expect((await anew.search(table, "some")).rows).toHaveLength(2);
      expect(await db.get(beside, "a")).toEqual({ id: "a", n: 1 });
      await refuses(db.drop("nope"), "invalid");
    });

    promise("ten at once end in the same schema, each without an error", async ({ open }) => {
      const table = name();
      const tables = {
        ...tablesOf(table, { place: { index: 1 }, mail: { unique: 1 } }),
        ...tablesOf(`${table}b`, { n: { type: "int", index: 1 } }),
      };
      const dbs = await Promise.all(Array.from({ length: 10 }, () => open({ tables })));
      await Promise.all(dbs.map((db) => db.sync()));
      for (const [i, db] of dbs.entries()) await db.put(table, { id: `k${i}`, place: "x", n: i });
      expect(await dbs[0]!.count(table, { place: "x" })).toBe(10);
      expect(await dbs[1]!.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
    });

    promise("a stored column that cannot hold the declared type is drift, and nothing is changed", async ({ open }) => {
      const table = name();
      const stored = await open({ tables: tablesOf(table, { note: { type: "int" } }) });
      await stored.sync();
      await stored.put(table, { id: "a", note: 5 });
      const other = await open({ tables: { ...tablesOf(table, { note: { type: "json" }, added: {} }), ...tablesOf(`${table}new`) } });
      const would = await other.sync({ dryRun: true });
      const keepsColumns = would.altered.length > 0;
      if (!keepsColumns) return expect(would.drift).toEqual([]);
      expect(would.drift).toMatchObject([{ table, column: "note" }]);
      await refuses(other.sync(), "drift", { table, column: "note", outcome: "none" });
      expect(await stored.get(table, "a")).toMatchObject({ note: 5 });
      expect((await other.sync({ dryRun: true })).created).toEqual([`${table}new`]);
    });

    promise("another primary key than the stored one is drift", async ({ open, capabilities }) => {
      if (!capabilities.schema) return;
      const table = name();
      const stored = await open({ tables: tablesOf(table) });
      await stored.sync();
      const other = await open({ tables: { [table]: { id: { primary: 1 }, n: { type: "int", primary: 2 } } } });
      expect((await other.sync({ dryRun: true })).drift).toMatchObject([{ table }]);
      await refuses(other.sync(), "drift", { table });
    });

    promise("names at the limit, and words of SQL, are names like any other", async ({ open }) => {
      const long = "A".repeat(48);
      const tables = {
        [long]: {
          [long]: { primary: 1 },
          ["b".repeat(48)]: { index: 1 },
          ["c".repeat(48)]: { type: "int" as const, index: 2 },
          ["d".repeat(48)]: { index: 3 },
          ["e".repeat(48)]: { unique: 1 },
        },
        Select: { from: { primary: 1 as const }, where: { index: 1 as const }, Group: { type: "int" as const }, index: {} },
      } satisfies TableDefinitions;
      const db = await open({ tables });
      await db.sync();
      expect(await db.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
      await db.put("Select", { from: "a", where: "b", Group: 1, index: "c" });
      expect((await db.select("Select", { where: "b" }, { sort: "-Group" })).rows).toEqual([
        { from: "a", where: "b", Group: 1, index: "c" },
      ]);
      const row = { [long]: "a", ["b".repeat(48)]: "x", ["c".repeat(48)]: 1, ["d".repeat(48)]: "y", ["e".repeat(48)]: "z" };
      await db.put(long, row);
      expect((await db.select(long, { ["b".repeat(48)]: "x" })).rows).toEqual([row]);
    });

    promise("tables whose names meet have indexes and unique groups of their own", async ({ open, capabilities }) => {
      if (capabilities.unique === "none") return;
      const text = { primary: 1 } as const;
      const tables: TableDefinitions = {
        meet: { id: text, role_id: { unique: 1, index: 1 }, a: { index1: 1 }, b_c: { index1: 2 }, a_b: { index2: 1 }, c: { index2: 2 } },
        meet_role: { uid: text, id: { unique: 1, index: 1 } },
        meet_role_id_unique: { id: text, n: { type: "int" } },
        meet_role_id_index: { id: text, n: { type: "int" } },
        meet_pkey: { id: text, n: { type: "int" } },
      };
      const db = await open({ tables });
      const { created, drift } = await db.sync();
      expect([created, drift]).toEqual([Object.keys(tables), []]);
      expect(await db.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
      await db.put("meet", { id: "1", role_id: "x", a: "p", b_c: "q", a_b: "r", c: "s" });
      await db.put("meet_role", { uid: "1", id: "x" });
      await refuses(db.put("meet", { id: "2", role_id: "x" }), "already-exists", { table: "meet" });
      await refuses(db.put("meet_role", { uid: "2", id: "x" }), "already-exists", { table: "meet_role" });
      for (const table of ["meet_role_id_unique", "meet_role_id_index", "meet_pkey"]) {
        await db.put(table, { id: "x", n: 1 });
        expect(await db.get(table, "x")).toEqual({ id: "x", n: 1 });
      }
      expect((await db.select("meet", { a: "p", b_c: "q" })).rows).toHaveLength(1);
      expect((await db.select("meet", { a_b: "r", c: "s" })).rows).toHaveLength(1);
    });

    promise("a searched table goes beside tables with the names of an index for it", async ({ open, capabilities }) => {
      if (!capabilities.search) return;
      const plain = { id: { primary: 1 as const }, n: { type: "int" as const } };
      const tables: TableDefinitions = {
        found: { id: { primary: 1 }, body: { search: true } },
        found_search: plain,
        found_search_data: plain,
        found_search_idx: plain,
        found_body_search: plain,
      };
      const db = await open({ tables });
      await db.sync();
      await db.sync();
      await db.put("found", { id: "a", body: "some words" });
      for (const table of Object.keys(tables).slice(1)) {
        await db.put(table, { id: "a", n: 1 });
        await db.del(table, "a");
        expect(await db.count(table, {}, { scan: true })).toBe(0);
      }
      expect((await db.search("found", "words")).rows).toMatchObject([{ id: "a" }]);
    });

    promise("names that some engine keeps for itself are refused when the database is opened", async ({ open }) => {
      const key = { id: { primary: 1 as const } };
      for (const table of ["pg_class", "sqlite_x", "Sqlite_y", "pragma_table_info", "json_each", "bk_unique"])
        await refuses(open({ tables: { [table]: key } }), "invalid", { table });
      for (const column of ["xmin", "ctid", "tableoid", "XMAX", "db_row_id", "FTS_DOC_ID"])
        await refuses(open({ tables: { kept: { ...key, [column]: {} } } }), "invalid", { table: "kept", column });
    });

    promise("a stored number that the declared type does not hold is an error that names the column", async ({ open }) => {
      const table = name();
      const wide = await open({ tables: tablesOf(table, { n: { type: "int64" } }) });
      await wide.sync();
      await wide.put(table, { id: "a", n: 9007199254740993n });
      await wide.put(table, { id: "b", n: 5n });
      const narrow = await open({ tables: tablesOf(table) });
      await refuses(narrow.get(table, "a"), "drift", { table, column: "n" });
      await refuses(narrow.select(table), "drift", { table, column: "n" });
      // Where the store keeps declarations, one that cannot serve is refused with every call; else a number that fits is given.
      const fitting = await narrow.get(table, "b").catch((error: unknown) => error);
      if (fitting instanceof Error) expect(fitting).toMatchObject({ code: "drift", column: "n" });
      else expect(fitting).toEqual({ id: "b", n: 5 });
    });

    promise("a call on a table that was never made fails with an error of its own", async ({ open, capabilities }) => {
      const table = name();
      const db = await open({ tables: tablesOf(table) });
      const outcome = await db.get(table, "a").then(
        (row) => ({ row }),
        (error: unknown) => ({ error }),
      );
      if ("error" in outcome)
        expect(outcome.error).toMatchObject({ name: "DbError", table, message: expect.stringContaining("sync") as string });
      else expect([capabilities.schema, outcome.row]).toEqual([false, undefined]);
    });
  });
}
