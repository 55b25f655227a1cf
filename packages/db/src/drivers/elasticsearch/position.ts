// Where a select goes on: `search_after` where both servers take the values of the position, else a filter.

import type { SortColumn, Value, Values } from "../../driver.js";
import type { Column } from "../../schema/table.js";
import { fieldOf, inField } from "./document.js";
import { absent, allOf, anyOf, presence, type Query } from "./query.js";

/** Whether `search_after` takes a position: servers differ in what it is of truth values, and of times that are absent. */
export function isSearchAfter(order: readonly SortColumn[], position: Values): boolean {
  return order.every(({ column: { kind } }, i) => kind !== "bool" && (kind !== "time" || position[i] !== null));
}

/** The values of `search_after`. */
export function searchAfter(order: readonly SortColumn[], position: Values): unknown[] {
  return order.map(({ column }, i) => {
    const value = position[i]!;
    return value === null ? inPlaceOfNone(column) : inField(column, value);
  });
}

/** What the server sorts rows by that have no value: the least number, of texts nothing. */
function inPlaceOfNone({ kind }: Column): unknown {
  if (kind === "real") return "-Infinity";
  return kind === "int" ? "-9223372036854775808" : null;
}

/** The rows after a position: those that are after it in one column of the order and equal in the ones before. */
export function rowsAfter(order: readonly SortColumn[], position: Values): Query {
  const ranges: Query[] = [];
  const equal: Query[] = [];
  for (const [i, sort] of order.entries()) {
    const value = position[i]!;
    const beyond = after(sort, value);
    if (beyond !== undefined) ranges.push(allOf([...equal, beyond]));
    equal.push(same(sort.column, value));
  }
  return anyOf(ranges);
}

function same(column: Column, value: Value): Query {
  return value === null ? absent(column) : { term: { [fieldOf(column)]: { value: inField(column, value) } } };
}

/** Absent values come first, ascending; undefined: nothing comes after. */
function after({ column, descending }: SortColumn, value: Value): Query | undefined {
  if (value === null) return descending ? undefined : presence(column);
  const rest = column.kind === "bool" ? otherTruth(column, value as boolean, descending) : range(column, value, descending);
  if (!descending || column.isKey) return rest;
  return rest === undefined ? absent(column) : anyOf([rest, absent(column)]);
}

function range(column: Column, value: Value, descending: boolean): Query {
  return { range: { [fieldOf(column)]: { [descending ? "lt" : "gt"]: inField(column, value) } } };
}

function otherTruth(column: Column, value: boolean, descending: boolean): Query | undefined {
  return value === descending ? same(column, !value) : undefined;
}
