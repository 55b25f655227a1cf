// Calls on many rows: count, updateAll, delAll, scan, bulk, and the rule on scans.

import { expect } from "vitest";

import { defineTables, table } from "../../schema/define-tables.js";
import { refuses, takesRowsApart, valuesOf } from "../expectations.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  thing: {
    owner: { primary: 1 },
    id: { type: "int", primary: 2 },
    n: { type: "int" },
    text: {},
    tags: { type: "set" },
    place: { index: 1 },
  },
  other: { id: { primary: 1 }, n: { type: "int" } },
  strict: table({ owner: { primary: 1 }, id: { primary: 2 }, place: { index: 1 }, n: { type: "int" } }, { noscan: true }),
});

const items = (owner: string, count: number): { op: string; table: string; row: object }[] =>
  Array.from({ length: count }, (_, id) => ({ op: "put", table: "thing", row: { owner, id, n: id % 3, place: owner } }));

export function many(suite: Suite): void {
  suite.topic("many", { tables }, ({ promise, test }) => {
    promise("count counts what select finds", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 70));
      expect(await db.count("thing", { owner })).toBe(70);
      expect(await db.count("thing", { owner, n: 1 })).toBe(23);
      expect(await db.count("thing", { owner, id: { $ge: 60 } })).toBe(10);
      expect(await db.count("thing", { owner, text: { $ilike: "%" } })).toBe(0);
      expect(await db.count("thing", { place: owner })).toBe(70);
      expect(await db.count("thing", { owner: fresh() })).toBe(0);
    });

    promise("updateAll changes exactly the rows that match, and tells how many", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 60));
      expect(await db.updateAll("thing", { owner, n: 1 }, { text: "one" })).toEqual({ affected: 20 });
      expect(await db.count("thing", { owner, text: "one" })).toBe(20);
      expect(await db.updateAll("thing", { owner, n: 1 }, { n: 2 })).toEqual({ affected: 20 });
      expect(await db.count("thing", { owner, n: 2 })).toBe(40);
      expect(await db.updateAll("thing", { place: owner, id: { $lt: 5 } }, { text: null, tags: ["x"] })).toEqual({ affected: 5 });
      expect(await db.count("thing", { owner, tags: { $contains: "x" } })).toBe(5);
      expect(await db.updateAll("thing", { owner, n: 77 }, { n: 0 })).toEqual({ affected: 0 });
    });

    promise("updateAll takes operations", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 12));
      expect(await db.updateAll("thing", { owner, id: { $lt: 6 } }, { n: 10, tags: ["a"] }, { ops: { n: "incr", tags: "add" } })).toEqual({
        affected: 6,
      });
      const { rows } = await db.select("thing", { owner });
      expect(valuesOf(rows, "n")).toEqual([10, 11, 12, 10, 11, 12, 0, 1, 2, 0, 1, 2]);
      expect(rows.filter((row) => row["tags"] !== null)).toHaveLength(6);
    });

    promise("a change that takes rows out of the filter, or the order, changes each row once", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 130));
      expect(await db.updateAll("thing", { owner, n: { $le: 2 } }, { n: 1 }, { ops: { n: "incr" } })).toEqual({ affected: 130 });
      const { rows } = await db.select("thing", { owner }, { count: 200 });
      expect(valuesOf(rows, "n")).toEqual(Array.from({ length: 130 }, (_, id) => (id % 3) + 1));
    });

    promise("a column of the key cannot be changed by updateAll", async ({ db, fresh }) => {
      await refuses(db.updateAll("thing", { owner: fresh() }, { id: 1 }), "invalid", { column: "id" });
      await refuses(db.updateAll("thing", { owner: fresh() }, { owner: "a" }), "invalid", { column: "owner" });
      await refuses(db.updateAll("thing", { owner: fresh() }, {}), "invalid");
    });

    promise("delAll deletes exactly the rows that match, however many pages they fill", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 210));
      expect(await db.delAll("thing", { owner, n: 0 })).toEqual({ affected: 70 });
      expect(await db.count("thing", { owner })).toBe(140);
      expect(await db.delAll("thing", { place: owner, id: { $between: [1, 2] } })).toEqual({ affected: 2 });
      expect(await db.delAll("thing", { owner, text: { $contains: "a" } })).toEqual({ affected: 0 });
      expect(await db.delAll("thing", { owner })).toEqual({ affected: 138 });
      expect(await db.delAll("thing", { owner })).toEqual({ affected: 0 });
    });

    promise("changing or deleting every row must be asked for in words", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("other", { id, n: 1 });
      for (const filter of [{}, undefined, null]) {
        await refuses(db.delAll("other", filter), "invalid");
        await refuses(db.updateAll("other", filter, { n: 5 }), "invalid");
        await refuses(db.delAll("other", filter, { scan: true }), "invalid");
      }
      expect(await db.get("other", id)).toEqual({ id, n: 1 });
      expect((await db.updateAll("other", {}, { n: 5 }, { all: true })).affected).toBeGreaterThanOrEqual(1);
      expect(await db.get("other", id)).toEqual({ id, n: 5 });
      expect((await db.delAll("other", {}, { all: true })).affected).toBeGreaterThanOrEqual(1);
      expect(await db.count("other", {}, { all: true })).toBe(0);
    });

    promise("scan gives every matching row, one by one or in pages, up to a limit", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 33));
      for (const count of [1, 2, 7, 33, 50]) {
        const seen: unknown[] = [];
        for await (const row of db.scan("thing", { owner }, { count })) seen.push(row["id"]);
        expect(seen).toEqual(Array.from({ length: 33 }, (_, id) => id));
        const sizes: number[] = [];
        for await (const page of db.scan("thing", { owner, n: 1 }, { count }).pages()) sizes.push(page.length);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(11);
        expect(sizes.slice(0, -1).every((size) => size === count)).toBe(true);
      }
      const few: unknown[] = [];
      for await (const row of db.scan("thing", { owner }, { count: 4, limit: 10, sort: "-id", select: ["id"] })) few.push(row);
      expect(few).toEqual(Array.from({ length: 10 }, (_, i) => ({ id: 32 - i })));
      for await (const row of db.scan("thing", { owner })) if (row["id"] === 3) break;
    });

    promise("scan goes on from the page of a select", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 5));
      const { next } = await db.select("thing", { owner }, { sort: "id", count: 2 });
      const seen: unknown[] = [];
      for await (const row of db.scan("thing", { owner }, { sort: "id", start: next! })) seen.push(row["id"]);
      expect(seen).toEqual([2, 3, 4]);
    });

    promise("scan goes on from the next of each of its pages, and says how far it is", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 23));
      const pages = [];
      for await (const page of db.scan("thing", { owner }, { count: 5 }).pages()) pages.push(page);
      expect(pages.map((page) => page.length)).toEqual([5, 5, 5, 5, 3]);
      expect(pages.at(-1)!.next).toBeUndefined();
      for (const [i, { next }] of pages.slice(0, -1).entries()) {
        const rest = [];
        for await (const row of db.scan("thing", { owner }, { count: 4, start: next })) rest.push(row["id"]);
        expect(rest).toEqual(Array.from({ length: 23 - 5 * (i + 1) }, (_, at) => 5 * (i + 1) + at));
      }
      const steps: object[] = [];
      const ids: unknown[] = [];
      const options = { count: 10, limit: 15, total: true, onProgress: (step: object) => void steps.push(step) };
      for await (const { id } of db.scan("thing", { owner }, options)) ids.push(id);
      const step = { table: "thing", total: 23, next: expect.any(String), bytes: expect.any(Number), elapsedMs: expect.any(Number) };
      expect(steps).toMatchObject([
        { ...step, rows: 10 },
        { ...step, rows: 15 },
      ]);
      for await (const { id } of db.scan("thing", { owner }, { start: (steps[1] as { next: string }).next })) ids.push(id);
      expect(ids).toEqual(Array.from({ length: 23 }, (_, id) => id));
    });

    promise("scan never refuses, and refuses what is invalid", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("strict", { owner, id: "a", n: 7 });
      const seen: unknown[] = [];
      for await (const row of db.scan("strict", { n: 7 })) seen.push(row["owner"]);
      expect(seen).toContain(owner);
      const next = (filter: object, options?: object): Promise<unknown> =>
        db
          .scan("strict", filter, options as never)
          [Symbol.asyncIterator]()
          .next();
      await refuses(next({ nope: 1 }), "invalid");
      await refuses(next({}, { limit: -1 }), "invalid");
      await refuses(next({}, { count: 0 }), "invalid");
    });

    promise("a table that says noscan refuses what no key or index serves, unless the call says scan", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("strict", { owner, id: "a", place: owner, n: 1 });
      for (const filter of [{ n: 1 }, { id: "a" }, { n: { $gt: 0 }, id: "a" }, {}, { place: { $ne: "x" } }, { $or: { owner, n: 1 } }]) {
        await refuses(db.select("strict", filter), "scan-refused", { outcome: "none", table: "strict" });
        await refuses(db.count("strict", filter), "scan-refused");
        if (Object.keys(filter).length > 0) {
          await refuses(db.updateAll("strict", filter, { n: 2 }), "scan-refused");
          await refuses(db.delAll("strict", filter), "scan-refused");
        }
        expect((await db.select("strict", filter, { scan: true, count: 1000 })).rows.length).toBeGreaterThanOrEqual(1);
      }
      for (const filter of [{ owner }, { owner, n: 1 }, { place: owner }, { place: owner, n: { $lt: 5 } }])
        expect(await db.count("strict", filter)).toBe(1);
    });

    promise(
      "an engine that reads by key and index refuses other filters, others serve them; scan is allowed on all",
      async ({ db, capabilities, fresh }) => {
        const owner = fresh();
        await db.put("thing", { owner, id: 1, n: 900 });
        for (const filter of [{ n: 900 }, { id: 1, text: null }]) {
          if (capabilities.access === "any") expect((await db.select("thing", filter)).rows.length).toBeGreaterThanOrEqual(1);
          else await refuses(db.select("thing", filter), "scan-refused", { outcome: "none" });
          expect((await db.select("thing", filter, { scan: true })).rows.length).toBeGreaterThanOrEqual(1);
          expect(await db.count("thing", filter, { scan: true })).toBeGreaterThanOrEqual(1);
        }
        expect((await db.select("thing", {}, { count: 1 })).rows).toHaveLength(1);
      },
    );

    promise("bulk gives a result for each item; one that fails fails alone", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("thing", { owner, id: 1, n: 1 });
      const results = await db.bulk([
        { op: "add", table: "thing", row: { owner, id: 0 } },
        { op: "add", table: "thing", row: { owner, id: 1 } },
        { op: "put", table: "thing", row: { owner, id: 2, n: "wrong" } },
        { op: "update", table: "thing", row: { owner, id: 1, n: 5 }, options: { where: { n: 1 } } },
        { op: "incr", table: "thing", row: { owner, id: 3, n: 5 } },
        { op: "del", table: "thing", key: { owner, id: 9 } },
        { op: "put", table: "nope", row: { id: "a" } },
        { op: "put", table: "other", row: { id: owner } },
      ]);
      expect(results).toEqual([
        { affected: 1 },
        { error: expect.objectContaining({ name: "DbError", code: "already-exists" }) as unknown },
        { error: expect.objectContaining({ code: "invalid", column: "n" }) as unknown },
        { affected: 1 },
        { affected: 1 },
        { affected: 0 },
        { error: expect.objectContaining({ code: "invalid" }) as unknown },
        { affected: 1 },
      ]);
      expect(valuesOf((await db.select("thing", { owner })).rows, "n")).toEqual([null, 5, 5]);
      expect(await db.bulk([])).toEqual([]);
    });

    promise("bulk keeps the order of items on one row", async ({ db, fresh }) => {
      const owner = fresh();
      const list = Array.from({ length: 5 }, (_, id) => [
        { op: "put", table: "thing", row: { owner, id, n: 1 } },
        { op: "incr", table: "thing", row: { owner, id, n: 2 } },
        { op: "update", table: "thing", row: { owner, id, text: "t" }, options: { where: { n: 3 } } },
        { op: "del", table: "thing", key: { owner, id } },
        { op: "add", table: "thing", row: { owner, id, n: 9 } },
      ]).flat();
      expect(await db.bulk(list)).toEqual(list.map(() => ({ affected: 1 })));
      expect(valuesOf((await db.select("thing", { owner })).rows, "n")).toEqual([9, 9, 9, 9, 9]);
    });

    promise("bulk writes every item, at sizes around what engines take at once", async ({ db, fresh }) => {
      for (const count of [1, 24, 25, 26, 99, 100, 101, 600]) {
        const owner = fresh();
        const results = await db.bulk(items(owner, count));
        expect(results.every((result) => "affected" in result && result.affected === 1)).toBe(true);
        expect(await db.count("thing", { owner })).toBe(count);
      }
    });

    promise("what is no bulk is refused", async ({ db, fresh }) => {
      const row = { id: fresh() };
      for (const list of [
        null,
        {},
        [5],
        [{ op: "nope", table: "other", row }],
        [{ op: "put", row }],
        [{ op: "del", table: "other", row }],
        [{ op: "put", table: "other", row, x: 1 }],
      ])
        await refuses(db.bulk(list as never), "invalid");
      expect(await db.get("other", row.id)).toBeUndefined();
    });

    test("an atomic bulk is done as a whole or not at all, or is unsupported", async ({ db, capabilities, fresh }) => {
      const owner = fresh();
      const good = [
        { op: "put", table: "thing", row: { owner, id: 1, n: 1 } },
        { op: "incr", table: "thing", row: { owner, id: 1, n: 4 } },
        { op: "add", table: "other", row: { id: owner } },
      ];
      if (!takesRowsApart(capabilities)) await refuses(db.bulk(good, { atomic: true }), "unsupported");
      if (capabilities.transactions === "none") return;
      // Rows under one hash key are taken everywhere.
      if (!takesRowsApart(capabilities)) good[2] = { op: "add", table: "thing", row: { owner, id: 3, n: 1 } };
      expect(await db.bulk(good, { atomic: true })).toEqual(good.map(() => ({ affected: 1 })));
      const bad = [{ op: "put", table: "thing", row: { owner, id: 2 } }, { op: "del", table: "thing", key: { owner, id: 1 } }, good[2]!];
      await refuses(db.bulk(bad, { atomic: true }), "already-exists");
      expect((await db.select("thing", { owner, id: { $le: 2 } })).rows).toMatchObject([{ id: 1, n: 5 }]);
    });

    promise("operators of plain values choose the rows of updateAll and delAll, whatever is changed", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 12));
      const filterOps = { id: "ge" };
      expect(await db.updateAll("thing", { owner, id: 8 }, { text: "late" }, { filterOps })).toEqual({ affected: 4 });
      expect(await db.updateAll("thing", { owner, id: 9 }, { n: 10 }, { filterOps, ops: { n: "incr" } })).toEqual({ affected: 3 });
      expect(await db.count("thing", { owner, text: "late" })).toBe(4);
      expect(await db.count("thing", { owner, n: { $ge: 10 } })).toBe(3);
      expect(await db.delAll("thing", { owner, id: 10 }, { filterOps })).toEqual({ affected: 2 });
      expect(await db.count("thing", { owner })).toBe(10);
    });

    promise("filters may be larger than what the engine takes in one command", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(items(owner, 6));
      const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i + 3);
      for (const size of [1000, 100_000]) {
        const ids = valuesOf((await db.select("thing", { owner, id: numbers(size) })).rows, "id");
        expect([size, ids]).toEqual([size, [3, 4, 5]]);
        expect(await db.count("thing", { owner, id: { $not_in: numbers(size) } })).toBe(3);
      }
      const either = numbers(2000).map((id) => ({ id, place: owner }));
      expect(valuesOf((await db.select("thing", { owner, $or: either })).rows, "id")).toEqual([3, 4, 5]);
      expect(await db.updateAll("thing", { owner, id: numbers(50_000) }, { text: "many" })).toEqual({ affected: 3 });
      expect(await db.delAll("thing", { owner, $or: either })).toEqual({ affected: 3 });
    });

    promise("a limit of scan that is no number of rows is refused", async ({ db, fresh }) => {
      for (const limit of ["2", 1.5, -1, Number.NaN])
        await refuses(db.scan("thing", { owner: fresh() }, { limit })[Symbol.asyncIterator]().next(), "invalid");
    });

    promise("options that bulk and sync do not have are refused, and nothing is done", async ({ db, fresh }) => {
      const list = [{ op: "put", table: "other", row: { id: fresh() } }];
      for (const options of [{ nope: 1 }, { atomic: "yes" }, { pool: 5 }, { atomic: true, timeoutMs: 0 }])
        await refuses(db.bulk(list, options), "invalid");
      for (const options of [{ dryrun: true }, { dryRun: 1 }]) await refuses(db.sync(options), "invalid");
      expect(await db.get("other", list[0]!.row.id)).toBeUndefined();
    });
  });
}
