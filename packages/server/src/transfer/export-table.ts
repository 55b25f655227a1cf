// Writes the rows of a table as JSON, NDJSON or CSV, page by page.

import { stringify } from "csv-stringify/sync";

import { csvCell } from "../data/csv-cell.js";
import { isJsonColumn } from "../data/from-text.js";
import { isPlainJson, toJson } from "../data/to-json.js";
import type { ServedTable } from "../data/served-table.js";
import type { TransferFormat } from "./record.js";

type Row = Record<string, unknown>;

/** What an export needs of a database. */
export interface ScanDb {
  scan(table: string, filter: object, options: object): { pages(): AsyncIterable<Row[]> };
}

/** The text of an export, in pieces. `onRows` is told of each page. @param filter  of the rows; default all */
export async function* exportText(
  db: ScanDb,
  table: ServedTable,
  columns: readonly string[],
  format: TransferFormat,
  onRows: (rows: number) => void,
  filter: object = {},
): AsyncGenerator<string, void, undefined> {
  let isFirst = true;
  if (format === "csv") yield stringify([columns]);
  if (format === "json") yield "[";
  const isWhole = table.settings.open === true && format !== "csv";
  const wanted = new Set(columns);
  for await (const rows of db.scan(table.name, filter, isWhole ? {} : { select: columns }).pages()) {
    // The undeclared columns of an open table cannot be selected by name.
    const chosen = isWhole ? rows.map((row) => withoutOthers(table, row, wanted)) : rows;
    const ready = isPlainJson(table) ? chosen : chosen.map((row) => toJson(table, row));
    if (format === "csv")
      yield stringify(ready.map((row) => columns.map((name) => csvCell(row[name], isJsonColumn(table.columns.get(name))))));
    else if (format === "ndjson") yield ready.map((row) => `${JSON.stringify(row)}\n`).join("");
    else yield ready.map((row, i) => `${isFirst && i === 0 ? "" : ","}\n${JSON.stringify(row)}`).join("");
    isFirst = false;
    onRows(rows.length);
  }
  if (format === "json") yield "\n]\n";
}

function withoutOthers(table: ServedTable, row: Row, wanted: ReadonlySet<string>): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => wanted.has(name) || !table.columns.has(name)));
}
