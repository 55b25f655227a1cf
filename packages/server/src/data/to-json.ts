// Rows as JSON: times as ISO text, 64-bit integers as digits, bytes as base64; all else is JSON already.

import type { ServedTable } from "./served-table.js";

const special = new Set(["int64", "blob"]);

/** Whether rows of a table go to JSON as they are (`Date` turns itself into ISO text). */
export function isPlainJson(table: ServedTable): boolean {
  let plain = plainTables.get(table);
  if (plain === undefined) plainTables.set(table, (plain = ![...table.columns.values()].some((column) => special.has(column.type))));
  return plain;
}

const plainTables = new WeakMap<ServedTable, boolean>();

/** A row that `JSON.stringify` takes. Changes and returns `row`, which is the caller's own copy. */
export function toJson(table: ServedTable, row: Record<string, unknown>): Record<string, unknown> {
  if (isPlainJson(table)) return row;
  for (const name in row) {
    const value = row[name];
    if (typeof value === "bigint") row[name] = value.toString();
    else if (value instanceof Uint8Array) row[name] = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  return row;
}
