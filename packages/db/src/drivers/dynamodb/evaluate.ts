// Conditions and changes on rows that were read, where a request cannot say them.

import type { Change, Values } from "../../driver.js";
import { compileRowChanges, compileRowTest, type RowForm } from "../../engines/stored-rows.js";
import type { Condition } from "../../reference/condition.js";
import type { Column } from "../../schema/table.js";
import { codec } from "./capabilities.js";

/** Rows as stored values in order of `columns`. */
function valuesOf(columns: readonly Column[]): RowForm<Values> {
  const places = new Map(columns.map((column, i) => [column, i]));
  return { codec, read: (row, column) => row[places.get(column)!] ?? null };
}

/** Makes a test of stored rows, whose values are in order of `columns`, with the values of a call. */
export function compileTest(columns: readonly Column[], condition: Condition): (row: Values, values: Values) => boolean {
  const test = compileRowTest(condition, valuesOf(columns));
  return (row, values) => test(values)(row);
}

/** Makes a function that gives the stored row, in order of `columns`, after changes with the values of a call. */
export function compileChanges(columns: readonly Column[], changes: readonly Change[]): (row: Values, values: Values) => Values {
  return compileRowChanges(columns, changes, valuesOf(columns));
}
