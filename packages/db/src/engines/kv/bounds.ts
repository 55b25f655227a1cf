// The part of the store's order that a select has to read: from its access path and its position.

import type { Slot, Test } from "../../reference/condition.js";
import type { SelectShape, Values } from "../../driver.js";
import { compareText } from "../../schema/compare.js";
import type { Column } from "../../schema/table.js";
import { encodeKey, encodeKeyPrefix, encodeKeyPresent, textAfterPrefix } from "../../schema/ordered-text.js";
import { slotDecoder } from "../decode-slots.js";
import { kvCodec, spaceOf } from "./rows.js";
import { entryOf, justAfter, type KvRange } from "./store.js";

/** What bounds a read. */
export type Bounded = Pick<SelectShape, "table" | "path" | "after" | "order">;

/** Makes a function of the call's values that gives the range to read. */
export function compileBounds(shape: Bounded): (values: Values) => KvRange {
  const { table, path, after, order } = shape;
  const columns = path?.index?.columns ?? table.key;
  const space = path?.index && spaceOf(path.index);
  const equal = path?.equal ?? [];
  const positionOf = after && compilePosition(shape, columns);
  if (after !== undefined && after.length !== order.length) throw new Error("a position needs a value for each column of the order");

  const decode = slotDecoder({ tests: path?.range === undefined ? [] : [path.range], columns: boundSlots(shape) }, kvCodec);

  return (stored) => {
    const values = decode(stored);
    const head = equal.map((slot) => values[slot]);
    const { from, to } = boundsOf(columns, head, path?.range, values);
    if (positionOf === undefined) return { space, from, to };
    const position = positionOf(values);
    if (path?.descending === true) return { space, from, to: to === undefined ? position : lesser(to, position) };
    const next = justAfter(position);
    return { space, from: compareText(from, next) < 0 ? next : from, to };
  };
}

function lesser(a: string, b: string): string {
  return compareText(a, b) < 0 ? a : b;
}

interface Bounds {
  readonly from: string;
  readonly to: string | undefined;
}

function boundsOf(columns: readonly Column[], head: readonly unknown[], range: Test | undefined, values: readonly unknown[]): Bounds {
  const prefix = encodeKey(columns, head);
  const whole: Bounds = { from: prefix, to: textAfterPrefix(prefix) };
  if (range === undefined) return whole;
  const [low, high] = range.slots.map((slot) => values[slot]);
  const at = (value: unknown): string => encodeKey(columns, [...head, value]);
  const past = (value: unknown): string => textAfterPrefix(at(value))!;
  const present = encodeKeyPresent(columns, head);
  switch (range.op) {
    case "eq":
      return { from: at(low), to: past(low) };
    case "gt":
      return { from: past(low), to: whole.to };
    case "ge":
      return { from: at(low), to: whole.to };
    case "lt":
      return { from: present, to: at(low) };
    case "le":
      return { from: present, to: past(low) };
    case "between":
      return { from: at(low), to: past(high) };
    case "begins_with": {
      const start = encodeKeyPrefix(columns, head, low as string);
      return { from: start, to: textAfterPrefix(start) };
    }
    default:
      throw new Error(`${range.op} does not bound a range`);
  }
}

/** The entry of the last row that the caller has: its values stand in the path's equalities and in the order's slots. */
function compilePosition(shape: Bounded, columns: readonly Column[]): (values: readonly unknown[]) => string {
  const { table, path } = shape;
  const slots = new Map(boundSlots(shape).map(([slot, column]) => [column, slot]));
  const slotOf = (column: Column): number => {
    const slot = slots.get(column);
    if (slot === undefined) throw new Error(`the position lacks column ${column.name}`);
    return slot;
  };
  const keySlots = table.key.map(slotOf);
  const own = columns.map(slotOf);
  const pick = (from: readonly Slot[], values: readonly unknown[]): unknown[] => from.map((slot) => values[slot]);
  if (path?.index === undefined) return (values) => encodeKey(table.key, pick(keySlots, values));
  return (values) => entryOf(encodeKey(columns, pick(own, values)), encodeKey(table.key, pick(keySlots, values)));
}

/** The slots of a path's equalities and of a position, with the columns that they are for. */
function boundSlots({ path, after, order }: Pick<Bounded, "path" | "after" | "order">): (readonly [Slot, Column])[] {
  const equal = (path?.equal ?? []).map((slot, i) => [slot, path!.columns[i]!] as const);
  return [...equal, ...(after ?? []).map((slot, i) => [slot, order[i]!.column] as const)];
}
