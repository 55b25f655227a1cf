// What aggregates are computed from: the reference for every engine, and what the core folds where an engine does not.

import { comparatorOf } from "../schema/compare.js";
import { unitsOf, unitsOfStored } from "../schema/exact-sum.js";
import type { Column } from "../schema/table.js";

/**
 * - `count`: rows, or with a column those that have a value in it;
 * - `sum`: of the values of a column of numbers;
 * - `min`, `max`: the first and the last of a column's values by their order.
 */
export type AggregateOp = "count" | "sum" | "min" | "max";

/** One value that is computed over the rows of a group. Only `count` goes without a column. Absent values have no part in it. */
export interface Measure {
  readonly op: AggregateOp;
  readonly column: Column | undefined;
}

/** Text that is equal for equal measures of one table. */
export function measureKey({ op, column }: Measure): string {
  return `${op}(${column?.name ?? ""})`;
}

/**
 * How a measure is folded. Its result is a number for `count`; for `sum` a bigint, in units of `exact-sum.ts`; the value
 * for `min` and `max`. Sums and ends of nothing are null.
 */
export interface Fold {
  readonly start: unknown;
  /** The result with one more row; `value` is the column's, logical. */
  readonly add: (result: unknown, value: unknown) => unknown;
  /** The result over the rows of two others. */
  readonly merge: (a: unknown, b: unknown) => unknown;
}

export function foldOf({ op, column }: Measure): Fold {
  switch (op) {
    case "count": {
      const merge = (a: unknown, b: unknown): number => (a as number) + (b as number);
      if (column === undefined) return { start: 0, merge, add: (count) => (count as number) + 1 };
      return { start: 0, merge, add: (count, value) => (value === null ? count : (count as number) + 1) };
    }
    case "sum":
      return ofPresent(
        (sum: bigint, units: bigint) => sum + units,
        (value) => unitsOf(column!, value),
      );
    case "min":
    case "max": {
      const compare = comparatorOf(column!.kind);
      const sign = op === "min" ? 1 : -1;
      return ofPresent(
        (a: unknown, b: unknown) => (compare(a, b) * sign <= 0 ? a : b),
        (value) => value,
      );
    }
  }
}

function ofPresent<Result>(join: (a: Result, b: Result) => Result, read: (value: unknown) => Result): Fold {
  const merge = (a: unknown, b: unknown): unknown => (a === null ? b : b === null ? a : join(a as Result, b as Result));
  return {
    start: null,
    merge,
    add: (result, value) => (value === null ? result : result === null ? read(value) : join(result as Result, read(value))),
  };
}

/** The result of a measure as an engine gives it; `decode` is that of the column's values. */
export function resultOf({ op, column }: Measure, decode: ((stored: never) => unknown) | undefined): (stored: unknown) => unknown {
  switch (op) {
    case "count":
      return Number;
    case "sum":
      return (stored) => (stored === null ? null : unitsOfStored(column!, stored));
    default:
      return decode as (stored: unknown) => unknown;
  }
}
