// The driver's side of the contract, for what calls of an app do not reach, or not on every engine: `driver.ts` has the promises.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { aggregateShape, deleteIfVersionShape, deleteShape, getShape, putShape, selectShape, updateShape } from "../compile/shapes.js";
import type { Driver, Reply, RowEvent, Shape, Value } from "../driver.js";
import { planSelect } from "../plan/select-plan.js";
import { allOf, always, type Condition } from "../reference/condition.js";
import { compileTables } from "../schema/compile-table.js";
import { defineTables } from "../schema/define-tables.js";
import { encoderOf } from "../schema/encodings.js";
import type { Operator } from "../schema/operators.js";
import { describeAggregates } from "./contract-aggregates.js";

/** A driver on a clean place of its own. */
export interface OpenedDriver {
  readonly driver: Driver;
  /** Closes the driver and removes the place. */
  clean(): Promise<void>;
}

const tables = compileTables(
  defineTables({
    thing: { id: { primary: 1 }, n: { type: "int" }, note: {} },
    leaf: { part: { primary: 1 }, at: { type: "int", primary: 2 } },
  }),
);
const [table, leaf] = [tables.get("thing")!, tables.get("leaf")!];
const [, n, note] = table.columns;

/** Registers the tests of the contract under `describe("contract: <id>")`. What a driver does not claim counts as kept. */
export function describeContract(id: string, open: () => Promise<OpenedDriver>): void {
  describe(`contract: ${id}`, () => {
    let opened: OpenedDriver | undefined;
    let driver: Driver;
    let capabilities: Driver["capabilities"];
    let count = 0;
    const fresh = (): string => `k${++count}`;

    beforeAll(async () => {
      opened = await open();
      driver = opened.driver;
      capabilities = { ...driver.capabilities, ...(await driver.connect?.())?.capabilities };
      await run({ verb: "define", table, step: { kind: "table" } }, []);
    });
    afterAll(() => opened?.clean());

    const stored = (row: readonly unknown[]): Value[] => table.columns.map((column, i) => encoderOf(column, driver.codec)(row[i] ?? null));
    const int = (value: number): Value => encoderOf(n!, driver.codec)(value);
    const run = async (shape: Shape, values: readonly Value[]): Promise<Reply> => driver.execute(driver.compile(shape), values);
    const put = (row: readonly unknown[]): Promise<Reply> => run(putShape(table, "put"), stored(row));
    const rowOf = async (key: string): Promise<readonly Value[] | undefined> =>
      (await run(getShape(table, table.columns, true), [key])).rows[0];
    const guards = (op: Operator): boolean => capabilities.guards !== "version" && capabilities.guards.int?.includes(op) === true;
    const test = (op: "le" | "eq", slot: number): Condition => ({ kind: "test", column: n!, op, slots: [slot] });

    it("get: gives a row only if the guard holds for it", async ({ skip }) => {
      if (!capabilities.filters.int?.includes("eq")) skip("filters");
      const key = fresh();
      await put([key, 5]);
      const guarded: Shape = { ...getShape(table, table.columns, true), guard: test("eq", 1) };
      expect((await run(guarded, [key, int(5)])).rows).toEqual([stored([key, 5])]);
      expect((await run(guarded, [key, int(6)])).rows).toEqual([]);
      expect((await run(guarded, [fresh(), int(5)])).rows).toEqual([]);
      const bounded: Shape = { ...getShape(table, [n!], true), guard: allOf([test("eq", 1), test("le", 2)]) };
      expect((await run(bounded, [key, int(5), int(4)])).rows).toEqual([]);
      expect((await run(bounded, [key, int(5), int(5)])).rows).toEqual([[int(5)]]);
    });

    it("get: gives each member of a group its row by its own guard", async ({ skip }) => {
      if (!capabilities.filters.int?.includes("eq") || capabilities.group.get === undefined) skip("filters, groups");
      // One row asked for under two guards: rows of several partitions may not be in one request.
      const isWide = capabilities.group.get?.within === undefined;
      const keys = isWide ? [fresh(), fresh()] : [fresh()];
      for (const key of keys) await put([key, 5]);
      const guarded: Shape = { ...getShape(table, table.columns, true), guard: test("eq", 1) };
      const asked = [5, 6].flatMap((value) => keys.map((key) => [key, int(value)]));
      const replies = await driver.executeGroup!(driver.compile(guarded), asked);
      const found = replies.map((reply) => "rows" in reply && reply.rows.map(([key]) => key));
      expect(found).toEqual([...keys.map((key) => [key]), ...keys.map(() => [])]);
    });

    it("put: writes over no row with `over` that never holds, over any with one that always does", async () => {
      const key = fresh();
      expect((await run(putShape(table, "new"), stored([key, 1, "a"]))).affected).toBe(1);
      expect((await run(putShape(table, "new"), stored([key, 2]))).affected).toBe(0);
      expect(await rowOf(key)).toEqual(stored([key, 1, "a"]));
      expect((await put([key, 3])).affected).toBe(1);
      expect(await rowOf(key)).toEqual(stored([key, 3]));
    });

    it("put: writes over the rows for which `over` holds, and where there is none", async ({ skip }) => {
      if (!guards("le")) skip("guards");
      const key = fresh();
      const over: Shape = { ...putShape(table, "new"), over: test("le", table.columns.length) };
      expect((await run(over, [...stored([key, 1, "a"]), int(0)])).affected).toBe(1);
      expect((await run(over, [...stored([key, 2]), int(0)])).affected).toBe(0);
      expect(await rowOf(key)).toEqual(stored([key, 1, "a"]));
      expect((await run(over, [...stored([key, 2]), int(1)])).affected).toBe(1);
      expect(await rowOf(key)).toEqual(stored([key, 2]));
    });

    it("put: of concurrent adds of one key exactly one has written its row", async () => {
      const key = fresh();
      const adds = await Promise.all([1, 2, 3, 4, 5].map((value) => run(putShape(table, "new"), stored([key, value]))));
      const winners = adds.flatMap(({ affected }, i) => (affected === 1 ? [i + 1] : []));
      expect(winners).toHaveLength(1);
      expect(await rowOf(key)).toEqual(stored([key, winners[0]]));
    });

    it("versions: change with every write, and a write with another one than the row's does nothing", async ({ skip }) => {
      if (!capabilities.versions) skip("versions");
      const key = fresh();
      const read = async (): Promise<Value | undefined> =>
        (await run(getShape(table, table.columns, true, { version: true }), [key])).versions?.[0];
      const width = table.columns.length;
      const putIf = putShape(table, "put", { ifVersion: true });
      const set = updateShape(table, [{ column: note!, op: "set", slot: 0 }], always, { values: 1 });
      const setIf: Shape = { ...set, ifVersion: 2 };
      expect(await read()).toBeUndefined();
      expect((await run(putIf, [...stored([key, 1]), null])).affected).toBe(1);
      expect((await run(putIf, [...stored([key, 2]), null])).affected).toBe(0);
      const first = (await read())!;
      expect((await run(setIf, ["x", key, first])).affected).toBe(1);
      const second = (await read())!;
      expect(second).not.toEqual(first);
      expect((await run(putIf, [...stored([key, 3]), first])).affected).toBe(0);
      expect((await run(setIf, ["y", key, first])).affected).toBe(0);
      expect((await run(deleteIfVersionShape(table), [key, first])).affected).toBe(0);
      expect(await rowOf(key)).toEqual(stored([key, 1, "x"]));
      expect(await read()).toEqual(second);
      expect((await run(putIf, [...stored([key, 4]), second])).affected).toBe(1);
      expect((await rowOf(key))!.slice(0, width)).toEqual(stored([key, 4]));
      expect((await run(deleteIfVersionShape(table), [key, (await read())!])).affected).toBe(1);
      // A row that is made anew has none of the versions that the old one had.
      await put([key, 5]);
      expect([first, second]).not.toContainEqual(await read());
    });

    it("aggregate: counts the rows for which the filter holds, none as 0", async ({ skip }) => {
      if (!capabilities.aggregates.count || capabilities.access !== "any" || !capabilities.filters.int?.includes("eq")) skip("aggregates");
      for (let i = 0; i < 3; i++) await put([fresh(), 77]);
      const plan = planSelect(table, test("eq", 0), [], capabilities);
      const shape = aggregateShape(table, plan, [{ op: "count", column: undefined }], { values: 1, consistent: true });
      const countOf = async (value: number): Promise<number> => Number((await run(shape, [int(value)])).rows[0]![0]);
      expect(await countOf(77)).toBe(3);
      expect(await countOf(78)).toBe(0);
    });

    describeAggregates(() => ({ driver, capabilities }));

    it("executeGroup: gives each member its reply, in order", async ({ skip }) => {
      if (capabilities.group.get === undefined) skip("group");
      await run({ verb: "define", table: leaf, step: { kind: "table" } }, []);
      // Of one partition, since some engines carry no others together.
      const part = fresh();
      const at = (value: number): Value => encoderOf(leaf.columns[1]!, driver.codec)(value);
      for (const number of [1, 3]) await run(putShape(leaf, "put"), [part, at(number)]);
      const replies = await driver.executeGroup!(
        driver.compile(getShape(leaf, leaf.columns, true)),
        [1, 2, 3].map((number) => [part, at(number)]),
      );
      // Behind the columns of the shape there may be what the driver told the members apart by.
      const rows = replies.map((reply) => ("error" in reply ? reply.error : reply.rows.map((row) => row.slice(0, leaf.columns.length))));
      expect(rows).toEqual([[[part, at(1)]], [], [[part, at(3)]]]);
    });

    it("executeGroup: gives each select a page of its own, in its order", async ({ skip }) => {
      if (capabilities.group.select === undefined) skip("group");
      const keys = [fresh(), fresh(), fresh()];
      for (const [i, key] of keys.entries()) await put([key, 501 + (i % 2), "x"]);
      const plan = planSelect(table, test("eq", 0), [{ column: table.columns[0]!, descending: true }], capabilities);
      const shape = selectShape(table, plan, { columns: table.columns, values: 1, consistent: true, searches: false, continues: false });
      const members = [501, 502, 503, 501, 501].map((value, i) => [int(value), i === 4 ? 1 : 10, null]);
      const replies = await driver.executeGroup!(driver.compile(shape), members);
      const ids = replies.map((reply) => ("error" in reply ? reply.error : reply.rows.map(([id]) => id)));
      expect(ids).toEqual([[keys[2], keys[0]], [keys[1]], [], [keys[2], keys[0]], [keys[2]]]);
    });

    it("update and delete: change nothing where the guard does not hold", async ({ skip }) => {
      if (!guards("eq")) skip("guards");
      const key = fresh();
      await put([key, 1]);
      const set = updateShape(table, [{ column: n!, op: "set", slot: 0 }], test("eq", 1), { values: 2 });
      expect((await run(set, [int(9), int(2), key])).affected).toBe(0);
      expect((await run(set, [int(9), int(1), key])).affected).toBe(1);
      expect(await rowOf(key)).toEqual(stored([key, 9]));
    });

    it("knex: lends connections outside of transactions and inside, or nowhere", async ({ skip }) => {
      if (capabilities.transactions !== "interactive") skip("transactions");
      const lent = await driver.knex?.lend();
      const outside = await lent?.run(async (connection) => typeof connection);
      await lent?.release(false);
      const session = await driver.begin!({});
      const inside = await session.knex?.(async (connection) => typeof connection, false, undefined);
      await session.rollback();
      expect(inside).toBe(outside);
      // Both are there, or neither.
      expect([undefined, "object"]).toContain(outside);
    });

    describe("watch", () => {
      /** Begins to watch; the events up to now are behind it. */
      const watching = async (from?: string, of: Driver = driver): Promise<Watching> => {
        const watcher = new Watching(of, from);
        if (from === undefined) expect(await watcher.take(1)).toEqual([{ kind: "reset", cursor: expect.any(String) as string }]);
        return watcher;
      };
      const change = (kind: "put" | "delete", key: string, before?: readonly unknown[], after?: readonly unknown[]): object => ({
        kind,
        key: [key],
        ...(capabilities.watch === "rows" && before !== undefined ? { before: stored(before) } : {}),
        ...(capabilities.watch === "rows" && after !== undefined ? { after: stored(after) } : {}),
        cursor: expect.any(String) as string,
      });
      const remove = (key: string): Promise<Reply> => run(deleteShape(table, always, { values: 0 }), [key]);

      it("is there where the driver claims it, and nowhere else", () =>
        expect(driver.watch !== undefined).toBe(capabilities.watch !== "none"));

      it("reports each write of a row once, in order, and nothing that changed no row", async ({ skip }) => {
        if (capabilities.watch === "none") skip("watch");
        const [a, b] = [fresh(), fresh()];
        const watcher = await watching();
        await put([a, 1]);
        await run(putShape(table, "new"), stored([a, 9]));
        await put([b, 1, "x"]);
        await run(updateShape(table, [{ column: n!, op: "set", slot: 0 }], always, { values: 1 }), [int(2), a]);
        await remove(fresh());
        await remove(a);
        await put([b, 2]);
        const events = await watcher.take(5);
        const of = (key: string): RowEvent[] => events.filter((event) => event.kind !== "reset" && event.key[0] === key);
        expect(of(a)).toEqual([change("put", a, undefined, [a, 1]), change("put", a, [a, 1], [a, 2]), change("delete", a, [a, 2])]);
        expect(of(b)).toEqual([change("put", b, undefined, [b, 1, "x"]), change("put", b, [b, 1, "x"], [b, 2])]);
        await watcher.stop();
      });

      it("goes on from each cursor: nothing is repeated, nothing left out", async ({ skip }) => {
        if (capabilities.watch === "none") skip("watch");
        const keys = [fresh(), fresh(), fresh(), fresh()];
        const watcher = await watching();
        for (const key of keys.slice(0, 3)) await put([key, 1]);
        const seen = await watcher.take(3);
        await watcher.stop();
        await put([keys[3], 1]);
        const all = keys.map((key) => change("put", key, undefined, [key, 1]));
        for (const [i, { cursor }] of seen.entries()) {
          const again = await watching(cursor);
          expect(await again.take(3 - i)).toEqual(all.slice(i + 1));
          await again.stop();
        }
      });

      it("begins anew with a cursor that it does not know", async ({ skip }) => {
        if (capabilities.watch === "none") skip("watch");
        const watcher = await watching("0-no-such-cursor");
        expect(await watcher.take(1)).toEqual([{ kind: "reset", cursor: expect.any(String) as string }]);
        const key = fresh();
        await put([key, 1]);
        expect(await watcher.take(1)).toEqual([change("put", key, undefined, [key, 1])]);
        await watcher.stop();
      });

      it("reports what a transaction wrote when it is committed, and nothing of one that is rolled back", async ({ skip }) => {
        if (capabilities.watch === "none" || capabilities.transactions === "none") skip("watch");
        const [before, kept, lost, after] = [fresh(), fresh(), fresh(), fresh()];
        const putCommand = driver.compile(putShape(table, "put"));
        const write = async (key: string, end: "commit" | "rollback", during: () => Promise<void>): Promise<void> => {
          const row = stored([key, 1]);
          if (capabilities.transactions === "batch") {
            await during();
            const unlike = end === "commit" ? undefined : stored([key, 2]);
            expect(await driver.commit!([{ table, key: [key], before: unlike, after: row }])).toBe(end === "commit");
            return;
          }
          const session = await driver.begin!({});
          await session.execute(putCommand, row);
          await during();
          await session[end]();
        };
        let watcher: Watching | undefined;
        // Also what was written before somebody watched, and committed afterwards.
        await write(before, "commit", async () => void (watcher = await watching()));
        expect(await watcher!.take(1)).toEqual([change("put", before, undefined, [before, 1])]);
        await write(lost, "rollback", async () => undefined);
        await write(kept, "commit", async () => undefined);
        await put([after, 1]);
        expect(await watcher!.take(2)).toEqual([change("put", kept, undefined, [kept, 1]), change("put", after, undefined, [after, 1])]);
        await watcher!.stop();
      });

      it("loses nothing of a slow reader unnoticed", async ({ skip }) => {
        if (capabilities.watch === "none") skip("watch");
        const watcher = await watching();
        const key = fresh();
        const many = 3000;
        for (let i = 0; i < many; i++) await put([key, i]);
        const last = fresh();
        await put([last, 1]);
        let count = 0;
        for (;;) {
          const [event] = await watcher.take(1);
          if (event!.kind === "reset") break;
          if (event!.key[0] === last) {
            expect(count).toBe(many);
            break;
          }
          count++;
        }
        const next = fresh();
        await put([next, 1]);
        await watcher.until((event) => event.kind !== "reset" && event.key[0] === next);
        await watcher.stop();
      });

      it("serves several readers, each at its own pace", async ({ skip }) => {
        if (capabilities.watch === "none") skip("watch");
        const [one, two] = [await watching(), await watching()];
        const keys = [fresh(), fresh()];
        await put([keys[0], 1]);
        const first = [change("put", keys[0]!, undefined, [keys[0], 1])];
        expect(await one.take(1)).toEqual(first);
        await one.stop();
        await put([keys[1], 1]);
        expect(await two.take(2)).toEqual([...first, change("put", keys[1]!, undefined, [keys[1], 1])]);
        await two.stop();
      });

      it("ends when its signal aborts, whether it waits or has not begun", async ({ skip }) => {
        if (capabilities.watch === "none") skip("watch");
        const watcher = await watching();
        const waiting = watcher.take(1);
        await watcher.stop();
        expect(await waiting).toEqual([]);
        const aborted = driver.watch!({ table }, undefined, AbortSignal.abort())[Symbol.asyncIterator]();
        expect((await aborted.next()).done).toBe(true);
      });

      it("ends when the driver is closed", async ({ skip }) => {
        if (capabilities.watch === "none") skip("watch");
        const other = await open();
        await other.driver.connect?.();
        await other.driver.execute(other.driver.compile({ verb: "define", table, step: { kind: "table" } }), []);
        const watcher = await watching(undefined, other.driver);
        const waiting = watcher.take(1);
        await other.clean();
        expect(await waiting).toEqual([]);
      });
    });
  });
}

/** One reader of a table's events. */
class Watching {
  readonly #controller = new AbortController();
  readonly #batches: AsyncIterator<readonly RowEvent[]>;
  #read: RowEvent[] = [];

  constructor(driver: Driver, from: string | undefined) {
    this.#batches = driver.watch!({ table }, from, this.#controller.signal)[Symbol.asyncIterator]();
  }

  /** The next events; fewer only when it has ended. */
  async take(count: number): Promise<RowEvent[]> {
    while (this.#read.length < count) {
      const { done, value } = await this.#batches.next();
      if (done === true) break;
      this.#read.push(...value);
    }
    return this.#read.splice(0, count);
  }

  async until(isIt: (event: RowEvent) => boolean): Promise<void> {
    for (let [event] = await this.take(1); event !== undefined && !isIt(event);) [event] = await this.take(1);
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    while ((await this.#batches.next()).done !== true);
  }
}
