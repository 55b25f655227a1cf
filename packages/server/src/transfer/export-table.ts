// Writes the rows of a table as JSON, NDJSON or CSV, page by page.

import { stringify } from "csv-stringify/sync";

import { isJsonColumn } from "../data/from-text.js";
import { isPlainJson, toJson } from "../data/to-json.js";
import type { ServedTable } from "../data/served-table.js";
import type { TransferFormat } from "./record.js";

type Row = Record<string, unknown>;

/** What an export needs of a database. */
export interface ScanDb {
  scan(table: string, filter: object, options: object): { pages(): AsyncIterable<Row[]> };
}

const pageRows = 2000;

/** The text of an export, in pieces. `onRows` is told of each page. */
export async function* exportText(
  db: ScanDb,
  table: ServedTable,
  columns: readonly string[],
  format: TransferFormat,
  onRows: (rows: number) => void,
): AsyncGenerator<string, void, undefined> {
  let isFirst = true;
  if (format === "csv") yield stringify([columns]);
  if (format === "json") yield "[";
  for await (const rows of db.scan(table.name, {}, { count: pageRows, select: columns }).pages()) {
    const ready = isPlainJson(table) ? rows : rows.map((row) => toJson(table, row));
    if (format === "csv")
      yield stringify(ready.map((row) => columns.map((name) => cell(row[name], isJsonColumn(table.columns.get(name))))));
    else if (format === "ndjson") yield ready.map((row) => `${JSON.stringify(row)}\n`).join("");
    else yield ready.map((row, i) => `${isFirst && i === 0 ? "" : ","}\n${JSON.stringify(row)}`).join("");
    isFirst = false;
    onRows(rows.length);
  }
  if (format === "json") yield "\n]\n";
}

function cell(value: unknown, isJson: boolean): string {
  if (value === null || value === undefined) return "";
  if (isJson) return JSON.stringify(value);
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean);
}
