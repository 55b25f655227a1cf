import { type Condition, allOf, anyOf, never } from "../reference/condition.js";
import type { Change } from "../driver.js";
import type { Column, Kind } from "../schema/table.js";

const bounds: { readonly [kind in Kind]?: readonly [number | bigint, number | bigint] } = {
  int: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  real: [-Number.MAX_VALUE, Number.MAX_VALUE],
};

/**
 * The condition that `incr` keeps a column inside its type and its `min` and `max`: the stored value must leave room
 * for the sum. So every engine refuses by its own comparison, before anything is changed.
 *
 * @param values  logical values by slot; the bound is appended
 */
export function sumGuard({ column, slot }: Change, values: unknown[]): Condition {
  const range = bounds[column.kind];
  // Sums of decimals are computed, and checked, by the core.
  if (range === undefined || slot === undefined) return allOf([]);
  const by = values[slot] as number | bigint;
  const [low, high] = declaredBounds(column, range);
  const fromNothing: Condition = by >= low && by <= high ? { kind: "test", column, op: "null", slots: [] } : never;
  const room = roomFor(column, by, low, high, values);
  return anyOf([fromNothing, room]);
}

function declaredBounds(column: Column, [low, high]: readonly [number | bigint, number | bigint]): [number | bigint, number | bigint] {
  const { min, max } = column.definition;
  const convert = (value: number): number | bigint => (column.kind === "int64" ? BigInt(Math.trunc(value)) : value);
  return [min === undefined ? low : convert(min), max === undefined ? high : convert(max)];
}

function roomFor(column: Column, by: number | bigint, low: number | bigint, high: number | bigint, values: unknown[]): Condition {
  const test = (op: "le" | "ge", value: number | bigint): Condition => ({ kind: "test", column, op, slots: [values.push(value) - 1] });
  const least = difference(low, by);
  const most = difference(high, by);
  const [typeLow, typeHigh] = bounds[column.kind]!;
  if (least > typeHigh || most < typeLow) return never;
  if (least <= typeLow && most >= typeHigh) return { kind: "test", column, op: "not_null", slots: [] };
  const parts: Condition[] = [];
  if (least > typeLow) parts.push(test("ge", least));
  if (most < typeHigh) parts.push(test("le", most));
  return allOf(parts);
}

function difference(a: number | bigint, b: number | bigint): number | bigint {
  return typeof a === "bigint" ? a - BigInt(b) : a - (b as number);
}
