// Access paths as key conditions of a Query.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";

import type { Test } from "../../condition/condition.js";
import type { AccessPath, Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { encodeKey, encodeKeyPrefix, encodeKeyPresent, textAfterPrefix } from "../../kv/keys.js";
import { compareText } from "../../schema/compare.js";
import type { Column } from "../../schema/table.js";
import { type Item, toAttribute } from "./attributes.js";
import { indexHash, type IndexLayout, type Layout, logicalOf, maxHashBytes, maxRangeBytes } from "./layout.js";

export interface KeyCondition {
  readonly KeyConditionExpression: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Item;
}

/** Bounds of a sort key of several columns, both inclusive; `""` and undefined where there is none. */
interface Bounds {
  readonly low: string;
  readonly high: string | undefined;
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
  const equal = path.equal.map((slot) => values[slot] ?? null);
  const [column] = path.columns;
  const [value] = equal;
  if (column === undefined || value === undefined || value === null)
    throw new DbError("internal", "a path of a partitioned engine needs its first column");
  const hash: AttributeValue = index === undefined ? toAttribute(column, value)! : { S: indexHash(column, value) };
  if (isImpossible(hash, maxHashBytes)) return undefined;
  const condition = { names: { "#h": index?.hash.name ?? column.name }, values: { ":h": hash }, KeyConditionExpression: "#h = :h" };

  const rangeName = index === undefined ? layout.rangeName : index.range.name;
  if (rangeName === undefined || (equal.length === 1 && path.range === undefined)) return condition;
  const [only, ...others] = index?.rangeColumns ?? layout.table.range;
  if (index === undefined && others.length === 0) return plainCondition(condition, only!, equal[1], path.range, values);
  return textCondition(condition, rangeName, textBounds([only!, ...others], equal.slice(1), path.range, values));
}

function textCondition(condition: KeyCondition, rangeName: string, bounds: Bounds): KeyCondition | undefined {
  const low: Item = bounds.low === "" ? {} : { ":low": checked({ S: bounds.low }) };
  const high: Item = bounds.high === undefined ? {} : { ":high": checked({ S: bounds.high }) };
  if (bounds.high === undefined) return bounds.low === "" ? condition : withRange(condition, rangeName, "#r >= :low", low);
  if (bounds.low === "") return withRange(condition, rangeName, "#r <= :high", high);
  if (compareText(bounds.low, bounds.high) > 0) return undefined;
  return withRange(condition, rangeName, "#r BETWEEN :low AND :high", { ...low, ...high });
}

/** No key is empty or longer than the service allows, and it refuses conditions that say so. */
function isImpossible(attribute: AttributeValue, maxBytes: number): boolean {
  return attribute.S === "" || (attribute.S !== undefined && Buffer.byteLength(attribute.S) > maxBytes);
}

function checked(bound: AttributeValue): AttributeValue {
  if (!isImpossible(bound, maxRangeBytes)) return bound;
  throw new DbError("too-large", `a bound of a key or index takes more than ${maxRangeBytes} bytes`);
}

function compare(a: AttributeValue, b: AttributeValue): number {
  if (a.S !== undefined && b.S !== undefined) return compareText(a.S, b.S);
  const difference = BigInt(a.N!) - BigInt(b.N!);
  return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}

/**
 * Bounds in a text that encodes several columns. Texts in the store end in a character that no bound ends in, so none
 * is equal to a bound, and inclusive bounds do for exclusive ones.
 */
function textBounds(columns: readonly Column[], equal: Values, range: Test | undefined, values: Values): Bounds {
  const fixed = logicalOf(columns, equal);
  const text = (value: Value): string => encodeKey(columns, [...fixed, ...logicalOf([columns[equal.length]!], [value])]);
  const after = (prefix: string): string | undefined => (prefix === "" ? undefined : textAfterPrefix(prefix));
  const of = (low: string, high: string | undefined): Bounds => ({ low, high });
  if (range === undefined) {
    const prefix = encodeKey(columns, fixed);
    return of(prefix, after(prefix));
  }
  const present = encodeKeyPresent(columns, fixed);
  const [first = null, second = null] = range.slots.map((slot) => values[slot] ?? null);
  switch (range.op) {
    case "ge":
      return of(text(first), after(present));
    case "gt":
      return of(after(text(first)) ?? "", after(present));
    case "le":
      return of(present, after(text(first)));
    case "lt":
      return of(present, text(first));
    case "between":
      return of(text(first), after(text(second)));
    case "begins_with": {
      const prefix = encodeKeyPrefix(columns, fixed, first as string);
      return of(prefix, after(prefix));
    }
    default:
      throw notABound(range);
  }
}

const plainOperators: Readonly<Record<string, string>> = { ge: ">=", gt: ">", le: "<=", lt: "<" };

/** A condition on the one range column itself; undefined when no row meets it. */
function plainCondition(
  condition: KeyCondition,
  column: Column,
  equal: Value | undefined,
  range: Test | undefined,
  values: Values,
): KeyCondition | undefined {
  const on = (text: string, bounds: Item): KeyCondition => withRange(condition, column.name, text, bounds);
  if (equal !== undefined) {
    const value = toAttribute(column, equal)!;
    return isImpossible(value, maxRangeBytes) ? undefined : on("#r = :low", { ":low": value });
  }
  const [low, high] = range!.slots.map((slot) => toAttribute(column, values[slot])!);
  if (low === undefined) throw notABound(range!);
  const operator = plainOperators[range!.op];
  // Every key comes after the empty text, which the service takes in no condition.
  if (low.S === "") {
    if (range!.op === "le" || range!.op === "lt") return undefined;
    if (range!.op !== "between") return condition;
    return high!.S === "" ? undefined : on("#r <= :high", { ":high": checked(high!) });
  }
  if (operator !== undefined) return on(`#r ${operator} :low`, { ":low": checked(low) });
  if (range!.op === "begins_with") return isImpossible(low, maxRangeBytes) ? undefined : on("begins_with(#r, :low)", { ":low": low });
  if (range!.op !== "between" || high === undefined) throw notABound(range!);
  return compare(low, high) > 0 ? undefined : on("#r BETWEEN :low AND :high", { ":low": checked(low), ":high": checked(high) });
}

function withRange(condition: KeyCondition, rangeName: string, text: string, bounds: Item): KeyCondition {
  return {
    KeyConditionExpression: `${condition.KeyConditionExpression} AND ${text}`,
    names: { ...condition.names, "#r": rangeName },
    values: { ...condition.values, ...bounds },
  };
}

function notABound({ op, column }: Test): DbError {
  return new DbError("internal", `${op} is no bound of a range`, { column: column.name });
}
