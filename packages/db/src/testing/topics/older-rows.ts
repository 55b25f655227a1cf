// Rows that are older than a column: what they give for it.

import { expect } from "vitest";

import type { TableDefinitions } from "../../schema/definition.js";
import type { AnyDb, AnyOptions } from "../any-db.js";
import { refuses, valuesOf } from "../expectations.js";
import type { Suite, TopicContext } from "../suite.js";

const seed = { seed: { id: { primary: 1 } } } satisfies TableDefinitions;

/** Columns that a newer definition has. */
const added = {
  hits: { type: "counter" },
  changed: { type: "now" },
  state: { value: "new" },
} satisfies TableDefinitions[string];

export function olderRows(suite: Suite): void {
  suite.topic("older rows", { tables: seed }, ({ promise }) => {
    let count = 0;

    /** A table with rows a, b and c that were stored before `columns` were declared. */
    async function outgrown(
      { open }: TopicContext,
      columns: TableDefinitions[string],
    ): Promise<{ readonly table: string; readonly db: AnyDb; readonly older: AnyDb }> {
      const table = `older${++count}`;
      const own = { o: { primary: 1 }, id: { primary: 2 }, n: { type: "int" } } as const;
      const older = await open({ tables: { [table]: own } });
      await older.sync();
      for (const [n, id] of ["a", "b", "c"].entries()) await older.put(table, { o: "x", id, n });
      const db = await open({ tables: { [table]: { ...own, ...columns } } });
      await db.sync();
      return { table, db, older };
    }

    promise("a counter and a time of change that a row has no value of are read as 0, whatever reads them", async (context) => {
      const { table, db } = await outgrown(context, added);
      const zeros = { hits: 0, changed: 0, state: null };
      const key = { o: "x", id: "a" };
      expect(await db.get(table, key)).toEqual({ ...key, n: 0, ...zeros });
      expect(await db.get(table, key, { select: ["hits"] })).toEqual({ hits: 0 });
      expect(await db.list(table, [key])).toEqual([{ ...key, n: 0, ...zeros }]);
      expect(valuesOf((await db.select(table, { o: "x" })).rows, "hits")).toEqual([0, 0, 0]);
      const scanned = [];
      for await (const row of db.scan(table, {}, { select: ["hits", "changed"] })) scanned.push(row);
      expect(scanned).toEqual([0, 0, 0].map((hits) => ({ hits, changed: 0 })));
      expect((await db.update(table, { ...key, n: 5 }, { returning: "old" })).row).toEqual({ ...key, n: 0, ...zeros });
      expect((await db.update(table, { ...key, n: 6 }, { returning: "new" })).row).toMatchObject({ n: 6, hits: 0 });
      expect((await db.incr(table, { ...key, hits: 2 }, { returning: "new" })).row).toMatchObject({ hits: 2 });
      expect((await db.del(table, { o: "x", id: "b" }, { returning: "old" })).row).toMatchObject({ n: 1, ...zeros });
      expect((await db.put(table, { o: "x", id: "c" }, { returning: "old" })).row).toMatchObject({ n: 2, ...zeros });
    });

    promise("filters, sorts and guards go by what is stored: a counter that is absent is null to them", async (context) => {
      const { table, db } = await outgrown(context, added);
      await db.put(table, { o: "x", id: "d", n: 9 });
      await db.incr(table, { o: "x", id: "e", hits: -3 });
      const idsOf = async (filter: object, options: AnyOptions = {}): Promise<unknown[]> =>
        valuesOf((await db.select(table, { o: "x", ...filter }, options)).rows, "id");
      expect(await idsOf({ hits: 0 })).toEqual(["d"]);
      expect(await idsOf({ hits: null })).toEqual(["a", "b", "c"]);
      expect(await idsOf({ hits: { $lt: 5 } })).toEqual(["d", "e"]);
      expect(await idsOf({}, { sort: ["hits", "id"] })).toEqual(["a", "b", "c", "e", "d"]);
      expect(await db.count(table, { o: "x", changed: null })).toBe(3);
      expect(await db.update(table, { o: "x", id: "a", n: 1 }, { where: { hits: 0 } })).toMatchObject({ affected: 0 });
      expect(await db.update(table, { o: "x", id: "a", n: 1 }, { where: { hits: null } })).toMatchObject({ affected: 1 });
    });

    promise("null sets a counter to 0, and leaves a time of change to the library", async (context) => {
      const { table, db } = await outgrown(context, added);
      const key = { o: "x", id: "new" };
      await db.put(table, { ...key, hits: null, changed: null });
      expect(await db.count(table, { o: "x", hits: 0, changed: { $gt: 0 } })).toBe(1);
      await db.update(table, { ...key, hits: 7 });
      await db.update(table, { ...key, hits: null, changed: null }, { keepNow: true });
      expect(await db.count(table, { o: "x", hits: 0, changed: { $gt: 0 } })).toBe(1);
      await db.update(table, { ...key, hits: 7 });
      await db.update(table, key, { ops: { hits: "unset" } });
      expect(await db.count(table, { o: "x", hits: 0 })).toBe(1);
    });

    promise("a notEmpty column that a row has no value of is an error which names it, and harms nothing else", async (context) => {
      const { table, db } = await outgrown(context, { title: { notEmpty: true } });
      const missing = { table, column: "title", outcome: "none" };
      const key = { o: "x", id: "a" };
      await refuses(db.get(table, key), "drift", missing);
      await refuses(db.get(table, key, { select: ["title"] }), "drift", missing);
      await refuses(db.select(table, { o: "x" }), "drift", missing);
      expect(await db.get(table, key, { select: ["n"] })).toEqual({ n: 0 });
      expect(valuesOf((await db.select(table, { o: "x", title: null }, { select: ["id"], sort: "-n" })).rows, "id")).toEqual([
        "c",
        "b",
        "a",
      ]);
      await refuses(db.put(table, { ...key, n: 1 }), "invalid", { table, column: "title" });
      await refuses(db.update(table, { ...key, n: 1 }, { returning: "new" }), "drift", { ...missing, outcome: "done" });
      expect(await db.get(table, key, { select: ["n"] })).toEqual({ n: 1 });
      await db.update(table, { ...key, title: "A" });
      expect(await db.get(table, key)).toEqual({ ...key, n: 1, title: "A" });
      await db.del(table, { o: "x", id: "b" });
      await db.updateAll(table, { o: "x", title: null }, { title: "later" });
      expect((await db.select(table, { o: "x" })).rows).toEqual([
        { ...key, n: 1, title: "A" },
        { o: "x", id: "c", n: 2, title: "later" },
      ]);
    });
  });
}
