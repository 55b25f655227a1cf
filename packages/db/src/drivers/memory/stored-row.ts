import type { Value, Values } from "../../driver.js";
import type { Table } from "../../schema/table.js";

/** Stored values by column name; absent values are left out. By name, because two definitions of one table may differ. */
export type StoredRow = ReadonlyMap<string, Value>;

/**
 * The row of `values`, which are in order of `table.columns`.
 *
 * @param old  the row that is changed: its columns that this definition of the table does not have stay
 */
export function storedRow(table: Table, values: Values, old?: StoredRow): StoredRow {
  const row = new Map<string, Value>(old);
  for (const [i, { name }] of table.columns.entries()) {
    const value = values[i] ?? null;
    if (value === null) row.delete(name);
    else row.set(name, value);
  }
  return row;
}
