// Rows that are older than a column: what they give for it, and how they get a value.

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

    const filling = {
      ...added,
      title: { notEmpty: true, value: "untitled" },
      tag: { type: "uuid" },
      both: { join: ["id", "state"] },
      plain: {},
    } satisfies TableDefinitions[string];

    promise("a backfill gives older rows what an insert would, and a second one does nothing", async (context) => {
      const { table, db } = await outgrown(context, filling);
      await db.put(table, { o: "x", id: "b", n: 1, state: "kept", hits: 5, title: "T", tag: "t" });
      expect(await db.sync({ backfill: true, dryRun: true })).toMatchObject({ filled: { [table]: 2 } });
      await refuses(db.get(table, { o: "x", id: "a" }), "drift", { column: "title" });
      expect(await db.sync({ backfill: true })).toEqual({ created: [], altered: [], indexed: [], drift: [], filled: { [table]: 2 } });
      expect(await db.sync({ backfill: true })).toMatchObject({ filled: {} });
      expect(await db.sync({ backfill: true, dryRun: true })).toMatchObject({ filled: {} });
      const { rows } = await db.select(table, { o: "x" });
      const now = expect.any(Number);
      const whole = (id: string, n: number): object => ({
        o: "x",
        id,
        n,
        hits: 0,
        changed: now,
        state: "new",
        title: "untitled",
        both: `${id}|new`,
        plain: null,
      });
      expect(rows.map(({ tag: _tag, ...row }) => row)).toEqual([
        whole("a", 0),
        { o: "x", id: "b", n: 1, hits: 5, changed: now, state: "kept", title: "T", both: "b|kept", plain: null },
        whole("c", 2),
      ]);
      expect(rows.every(({ changed }) => (changed as number) > 0)).toBe(true);
      expect(new Set(valuesOf(rows, "tag")).size).toBe(3);
      expect(valuesOf((await db.select(table, { o: "x", hits: 0 })).rows, "id")).toEqual(["a", "c"]);
    });

    promise("a dry run counts the rows that a column would be added to, and sync fills it where it adds it", async ({ open }) => {
      const table = `older${++count}`;
      const older = await open({ tables: { [table]: { id: { primary: 1 }, n: { type: "int" } } } });
      await older.sync();
      for (let n = 0; n < 5; n++) await older.put(table, { id: `k${n}`, n });
      const db = await open({ tables: { [table]: { id: { primary: 1 }, n: { type: "int" }, state: { value: "new" } } } });
      expect(await db.sync({ backfill: true, dryRun: true })).toMatchObject({ filled: { [table]: 5 } });
      expect(await db.sync({ backfill: true })).toMatchObject({ filled: { [table]: 5 }, drift: [] });
      expect(valuesOf((await db.select(table, {}, { scan: true, sort: "n" })).rows, "state")).toEqual(
        Array.from({ length: 5 }, () => "new"),
      );
    });

    promise("a backfill fills the columns that it names, and leaves a time of change that is there alone", async (context) => {
      const { table, db } = await outgrown(context, { state: { value: "new" }, other: { value: "also" }, changed: { type: "now" } });
      await db.put(table, { o: "x", id: "a", n: 1, state: null, changed: 77 }, { keepNow: true });
      expect(await db.sync({ backfill: [`${table}.state`] })).toMatchObject({ filled: { [table]: 3 } });
      expect(await db.get(table, { o: "x", id: "a" })).toEqual({ o: "x", id: "a", n: 1, state: "new", other: "also", changed: 77 });
      expect(await db.get(table, { o: "x", id: "b" })).toEqual({ o: "x", id: "b", n: 1, state: "new", other: null, changed: 0 });
      const tables = { backfill: [`${table}.nope`] };
      await refuses(db.sync(tables), "invalid");
      await refuses(db.sync({ backfill: [`${table}.n`] }), "invalid");
      await refuses(db.sync({ count: 5 }), "invalid");
      await refuses(db.sync({ backfill: true, count: 0 }), "invalid");
      await refuses(db.sync({ backfill: "state" }), "invalid");
      await refuses(db.sync({ backfill: true, resume: { table: "nope" } }), "invalid");
    });

    promise("ten backfills at once fill each row once, beside writers whose values stay", async (context) => {
      const { table, db, older } = await outgrown(context, { state: { value: "new" }, hits: { type: "counter" } });
      const ids = Array.from({ length: 60 }, (_, i) => `r${String(i).padStart(2, "0")}`);
      await Promise.all(ids.map((id, n) => older.put(table, { o: "x", id, n })));
      const backfills = Array.from({ length: 10 }, () => db.sync({ backfill: true, count: 7 }));
      const writes = ids.map((id, i) =>
        i % 3 === 0 ? db.update(table, { o: "x", id, state: "mine" }) : db.incr(table, { o: "x", id, hits: 2 }),
      );
      const results = await Promise.all(backfills);
      await Promise.all(writes);
      const filled = results.reduce((sum, { filled: own }) => sum + (own![table] ?? 0), 0);
      expect(filled).toBeGreaterThan(0);
      const { rows } = await db.select(table, { o: "x", id: { $begins_with: "r" } }, { count: 100 });
      expect(rows.map(({ state, hits }) => [state, hits])).toEqual(ids.map((_, i) => (i % 3 === 0 ? ["mine", 0] : ["new", 2])));
      expect(await db.count(table, { o: "x", $or: { state: null, hits: null } })).toBe(0);
    });

    promise("a backfill that is stopped goes on from where it reported, and fills the rest", async (context) => {
      const { table, db, older } = await outgrown(context, { state: { value: "new" } });
      await Promise.all(Array.from({ length: 37 }, (_, n) => older.put(table, { o: `o${n}`, id: "a", n })));
      const stop = new AbortController();
      const steps: { table: string; rows: number; resume: { table: string; start?: string; done?: boolean } }[] = [];
      const onProgress = (step: (typeof steps)[number]): void => {
        steps.push(step);
        if (steps.length === 2) stop.abort();
      };
      await refuses(db.sync({ backfill: true, count: 10, onProgress, signal: stop.signal }), "cancelled", { outcome: "some" });
      const { rows: before, resume } = steps[1]!;
      expect(before).toBe(20);
      expect(resume.start).toBeTypeOf("string");
      const again = { ...JSON.parse(JSON.stringify(resume)) } as object;
      const rest: (typeof steps)[number][] = [];
      await db.sync({ backfill: true, count: 10, resume: again, onProgress: (step: (typeof steps)[number]) => void rest.push(step) });
      expect(rest.at(-1)!.resume).toEqual({ table, done: true });
      expect(await db.count(table, { state: "new" }, { scan: true })).toBe(40);
      expect(await db.sync({ backfill: true, resume: rest.at(-1)!.resume })).toMatchObject({ filled: {} });
    });

    promise("a row that cannot be filled ends the backfill with an error that names table and key", async (context) => {
      const { table, db } = await outgrown(context, { code: { value: "same", unique: 1 } });
      const failure = await db.sync({ backfill: true }).then(
        () => expect.fail("two rows have one unique value"),
        (error: unknown) => error as { readonly key: object },
      );
      expect(failure).toMatchObject({ name: "DbError", code: "already-exists", table, op: "sync" });
      expect(failure.key).toMatchObject({ o: "x" });
      expect(await db.count(table, { o: "x", code: "same" })).toBe(1);
    });
  });
}
