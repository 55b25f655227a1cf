// The driver's side of the contract, for what calls of an app do not reach, or not on every engine: `driver.ts` has the promises.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { countShape, deleteIfVersionShape, getShape, putShape, updateShape } from "../compile/shapes.js";
import type { Driver, Reply, Shape, Value } from "../driver.js";
import { planSelect } from "../plan/select-plan.js";
import { allOf, always, type Condition } from "../reference/condition.js";
import { compileTables } from "../schema/compile-table.js";
import { defineTables } from "../schema/define-tables.js";
import { encoderOf } from "../schema/encodings.js";
import type { Operator } from "../schema/operators.js";

/** A driver on a clean place of its own. */
export interface OpenedDriver {
  readonly driver: Driver;
  /** Closes the driver and removes the place. */
  clean(): Promise<void>;
}

const table = compileTables(defineTables({ thing: { id: { primary: 1 }, n: { type: "int" }, note: {} } })).get("thing")!;
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
      const shape = countShape(table, planSelect(table, test("eq", 0), [], capabilities), true);
      const countOf = async (value: number): Promise<number> => Number((await run(shape, [int(value)])).rows[0]![0]);
      expect(await countOf(77)).toBe(3);
      expect(await countOf(78)).toBe(0);
    });

    it("executeGroup: gives each member its reply, in order", async ({ skip }) => {
      if (capabilities.group.get === undefined) skip("group");
      const keys = [fresh(), fresh(), fresh()];
      await put([keys[0], 1]);
      await put([keys[2], 3]);
      const replies = await driver.executeGroup!(
        driver.compile(getShape(table, table.columns, true)),
        keys.map((key) => [key]),
      );
      // Behind the columns of the shape there may be what the driver told the members apart by.
      const rows = replies.map((reply) => ("error" in reply ? reply.error : reply.rows.map((row) => row.slice(0, table.columns.length))));
      expect(rows).toEqual([[stored([keys[0], 1])], [], [stored([keys[2], 3])]]);
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
  });
}
