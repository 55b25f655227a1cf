// What engines claim to compute over rows, held to the fold of the core: on values that show what is not exact.

import { beforeAll, describe, expect, it } from "vitest";

import { aggregateShape, putShape } from "../compile/shapes.js";
import type { Capabilities, Driver, Measure, Reply, Shape, Value } from "../driver.js";
import { always, type Condition } from "../reference/condition.js";
import { foldOf, resultOf } from "../reference/measure.js";
import { orderComparator } from "../reference/order.js";
import { compileTables } from "../schema/compile-table.js";
import { defineTables } from "../schema/define-tables.js";
import { decoderOf, encoderOf } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";

const many = compileTables(
  defineTables({
    many: {
      id: { primary: 1 },
      place: {},
      n: { type: "int" },
      big: { type: "int64" },
      weight: { type: "real" },
      price: { type: "decimal" },
      ok: { type: "bool" },
      at: { type: "timestamp" },
    },
  }),
).get("many")!;

/** Registers the tests of what a driver computes; `opened` gives it when they run. */
export function describeAggregates(opened: () => { readonly driver: Driver; readonly capabilities: Capabilities }): void {
  describe("aggregate: what is claimed is exact", () => {
    // Texts that folding takes for equal, and numbers whose sums are larger than what their columns take.
    const samples: readonly (readonly unknown[])[] = [
      ["a", 5, 2n ** 63n - 1n, 0.5, "9".repeat(34), true, new Date(7)],
      ["a", -2, 2n ** 63n - 1n, -1, `0.${"0".repeat(29)}1`, false, new Date(5)],
      ["A", Number.MAX_SAFE_INTEGER, -(2n ** 63n), 2, `-${"9".repeat(34)}`, true, new Date(6)],
      ["A", Number.MAX_SAFE_INTEGER, -(2n ** 63n), null, `-${"9".repeat(34)}`, null, null],
      ["a ", null, null, null, null, null, null],
      [null, 1, 1n, 1, "1.5", false, new Date(-1)],
      [null, -1, -1n, 1, "-1.5", false, new Date(-2)],
    ];
    const columns = many.columns.slice(1);
    const [place, ...measured] = columns;
    const run = async (shape: Shape, values: readonly Value[]): Promise<Reply> => driver.execute(driver.compile(shape), values);
    const decoded = (column: Column, value: Value): unknown => decoderOf(column, driver.codec)(value);

    const claimed = (): Measure[] => {
      const { count, of } = capabilities.aggregates;
      const all: Measure[] = count ? [{ op: "count", column: undefined }] : [];
      for (const column of columns) for (const op of of[column.kind] ?? []) all.push({ op, column });
      return all.filter(({ op, column }) => op !== "sum" || column?.kind !== "real");
    };
    /** The results over rows, by the reference. */
    const expected = (measures: readonly Measure[], rows: readonly (readonly unknown[])[]): unknown[] =>
      measures.map((measure) => {
        const { start, add } = foldOf(measure);
        const at = measure.column === undefined ? -1 : columns.indexOf(measure.column);
        return rows.reduce((result: unknown, row) => add(result, row[at]), start);
      });
    const results = (measures: readonly Measure[], row: readonly Value[], from: number): unknown[] =>
      measures.map((measure, i) => resultOf(measure, (value) => decoded(measure.column!, value))(row[from + i] as never));

    let driver: Driver;
    let capabilities: Capabilities;
    beforeAll(async () => {
      ({ driver, capabilities } = opened());
      await run({ verb: "define", table: many, step: { kind: "table" } }, []);
      for (const [i, sample] of samples.entries()) {
        const row = [`k${i}`, ...sample];
        const values = many.columns.map((column, at) => encoderOf(column, driver.codec)(row[at]));
        await run(putShape(many, "put"), values);
      }
    });

    it("over all rows, as large as sums are, and over none", async ({ skip }) => {
      const measures = claimed();
      if (capabilities.access !== "any" || measures.length === 0) skip("aggregates");
      const shape = aggregateShape(many, { path: undefined, pushed: always }, measures, { values: 0, consistent: true });
      const { rows } = await run(shape, []);
      expect(rows).toHaveLength(1);
      expect(results(measures, rows[0]!, 0)).toEqual(expected(measures, samples));
      if (capabilities.filters.text?.includes("eq") !== true) return;
      const none: Condition = { kind: "test", column: place!, op: "eq", slots: [0] };
      const empty = await run(aggregateShape(many, { path: undefined, pushed: none }, measures, { values: 1, consistent: true }), ["none"]);
      expect(results(measures, empty.rows[0]!, 0)).toEqual(expected(measures, []));
    });

    it("by groups, absent values one of their own, in order and from page to page", async ({ skip }) => {
      const { by } = capabilities.aggregates;
      if (!by.includes("text")) skip("aggregates by text");
      const measures = claimed();
      for (const descending of [false, true]) {
        const shape = { values: 0, consistent: true, groupBy: [{ column: place!, descending }] };
        const places = [null, "A", "a", "a "].map((name) => ({ name, rows: samples.filter((row) => row[0] === name) }));
        const whole = (descending ? places.reverse() : places).map(({ name, rows }) => [name, ...expected(measures, rows)]);
        const groupOf = (row: readonly Value[]): unknown[] => [decoded(place!, row[0]!), ...results(measures, row, 1)];
        const first = await run(aggregateShape(many, { path: undefined, pushed: always }, measures, shape), [9]);
        expect(first.rows.map(groupOf)).toEqual(whole);
        const rest = aggregateShape(many, { path: undefined, pushed: always }, measures, { ...shape, continues: true });
        for (let at = 0; at < whole.length; at++) {
          const after = encoderOf(place!, driver.codec)(whole[at]![0]);
          expect((await run(rest, [2, after])).rows.map(groupOf)).toEqual(whole.slice(at + 1, at + 3));
        }
      }
    });

    it("by columns of every kind that is claimed", async () => {
      for (const column of measured.filter(({ kind }) => capabilities.aggregates.by.includes(kind))) {
        const groupBy = [{ column, descending: false }];
        const shape = aggregateShape(many, { path: undefined, pushed: always }, [], { values: 0, consistent: true, groupBy });
        const at = columns.indexOf(column);
        const compare = orderComparator(groupBy);
        const sorted = samples.map((row) => [row[at]]).sort(compare);
        const distinct = sorted.filter((value, i) => i === 0 || compare(sorted[i - 1]!, value) !== 0);
        const { rows } = await run(shape, [9]);
        expect([column.name, rows.map(([value]) => [decoded(column, value!)])]).toEqual([column.name, distinct]);
      }
    });
  });
}
