// Access paths as key conditions of a Query.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";

import type { AccessPath, SelectShape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { comparatorOf } from "../../schema/compare.js";
import { type Item, toAttribute } from "./attributes.js";
import { indexHash, type IndexLayout, type Layout, logicalOf, maxHashBytes, maxRangeBytes } from "./layout.js";
import { type Bound, type Bounds, compareKeys, everything, plainBounds, textBounds } from "./range-bounds.js";

export interface KeyCondition {
  readonly KeyConditionExpression: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Item;
  /** Name of the sort key, and its bounds. */
  readonly range: string | undefined;
  readonly bounds: Bounds;
}

/** The index of a path, as it lies in the table; undefined for the table's own key. */
export function indexOf(layout: Layout, path: AccessPath): IndexLayout | undefined {
  if (path.index === undefined) return undefined;
  const found = layout.indexes.find(({ index }) => index === path.index);
  if (found === undefined) throw new DbError("internal", `the table has no index ${path.index.name}`, { table: layout.table.name });
  return found;
}

/** The key condition of a path for the values of a call; undefined when no row can be there. */
export function keyCondition(layout: Layout, path: AccessPath, values: Values): KeyCondition | undefined {
  const index = indexOf(layout, path);
  const [column] = path.columns;
  const value = values[path.equal[0] ?? -1] ?? null;
  if (column === undefined || value === null) throw new DbError("internal", "a path of a partitioned engine needs its first column");
  const hash: AttributeValue = index === undefined ? toAttribute(column, value)! : { S: indexHash(column, value) };
  if (hash.S === "" || isLonger(hash, maxHashBytes)) return undefined;
  const range = index === undefined ? layout.rangeName : index.range.name;
  const bounds = range === undefined ? everything : boundsOf(layout, path, index, values);
  const condition = bounds && rangeCondition(bounds);
  if (condition === undefined) return undefined;
  return {
    KeyConditionExpression: `#h = :h${condition.text}`,
    names: { "#h": index?.hash.name ?? column.name, ...(condition.text === "" ? {} : { "#r": range! }) },
    values: { ":h": hash, ...condition.values },
    range,
    bounds: bounds!,
  };
}

function boundsOf(layout: Layout, path: AccessPath, index: IndexLayout | undefined, values: Values): Bounds | undefined {
  const equal = path.equal.slice(1).map((slot) => values[slot] ?? null);
  const columns = index?.rangeColumns ?? layout.table.range;
  if (index === undefined && columns.length === 1) return plainBounds(columns[0]!, equal[0], path.range, values);
  return textBounds(columns, equal, path.range, values);
}

/** Bounds as text and values, `""` when there is nothing to say; undefined when nothing is within. */
function rangeCondition({ low, high, isPrefix }: Bounds): { readonly text: string; readonly values: Item } | undefined {
  if (low !== undefined && high !== undefined && compareKeys(low.value, high.value) > 0) return undefined;
  const lowValue: Item = low === undefined ? {} : { ":low": checked(low) };
  if (isPrefix === true) return { text: " AND begins_with(#r, :low)", values: lowValue };
  if (high === undefined)
    return low === undefined ? { text: "", values: {} } : { text: ` AND #r ${low.isOpen ? ">" : ">="} :low`, values: lowValue };
  const highValue: Item = { ":high": checked(high) };
  if (low === undefined) return { text: ` AND #r ${high.isOpen ? "<" : "<="} :high`, values: highValue };
  return { text: " AND #r BETWEEN :low AND :high", values: { ...lowValue, ...highValue } };
}

function isLonger(attribute: AttributeValue, maxBytes: number): boolean {
  return attribute.S !== undefined && Buffer.byteLength(attribute.S) > maxBytes;
}

function checked({ value }: Bound): AttributeValue {
  if (!isLonger(value, maxRangeBytes)) return value;
  throw new DbError("too-large", `a bound of a key or index takes more than ${maxRangeBytes} bytes`);
}

/**
 * Where a position lies beside what a path reads: `before` it (all rows come after), `past` it (none does), or `within`.
 *
 * @param at  the position's values in the table's and the index's key attributes
 */
export function placeOf(
  { order, after = [] }: SelectShape,
  path: AccessPath,
  { range, bounds }: KeyCondition,
  at: Item,
  values: Values,
): "before" | "within" | "past" {
  for (const [i, { column, descending }] of order.entries()) {
    const fixed = path.equal[path.columns.indexOf(column)];
    if (fixed === undefined) break;
    const [own, position] = logicalOf([column, column], [values[fixed] ?? null, values[after[i] ?? -1] ?? null]);
    const compared = position === null ? 1 : comparatorOf(column.kind)(own, position);
    if (compared !== 0) return compared > 0 === !descending ? "before" : "past";
  }
  if (range === undefined) return "past";
  const [near, far] = path.descending ? [bounds.high, bounds.low] : [bounds.low, bounds.high];
  const beyond = (bound: Bound): number => compareKeys(at[range]!, bound.value) * (path.descending ? -1 : 1);
  // Sort keys are unique in what is read: nothing comes after the one at the far bound.
  if (far !== undefined && beyond(far) >= 0) return "past";
  if (near === undefined) return "within";
  const compared = beyond(near);
  return compared < 0 || (compared === 0 && near.isOpen) ? "before" : "within";
}
