// Rows as the client gives them, as stored values in an order; and conditions on those.

import type { Value, Values } from "../../driver.js";
import { compileRowTest } from "../../engines/stored-rows.js";
import type { Condition } from "../../reference/condition.js";
import type { Column } from "../../schema/table.js";
import { codec } from "./capabilities.js";
import { fromCql } from "./column-type.js";

/** A row of the client: values by name. */
export type NativeRow = Readonly<Record<string, unknown>>;

export type ReadRow = (row: NativeRow) => Value[];

/** Makes a function that gives the stored values of a row, in order of `columns`. */
export function rowReader(columns: readonly Column[]): ReadRow {
  const readers = columns.map((column) => ({ name: column.name, decode: fromCql(column) }));
  return (row) => {
    const values = new Array<Value>(readers.length);
    for (let i = 0; i < readers.length; i++) values[i] = readers[i]!.decode(row[readers[i]!.name]);
    return values;
  };
}

/** Makes a test of stored rows, whose values are in order of `columns`, with the values of a call. */
export function rowTest(columns: readonly Column[], condition: Condition): (row: Values, values: Values) => boolean {
  const places = new Map(columns.map((column, i) => [column, i]));
  const test = compileRowTest<Values>(condition, { codec, read: (row, column) => row[places.get(column)!] ?? null });
  return (row, values) => test(values)(row);
}
