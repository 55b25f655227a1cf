// A record of a file becomes a row of a table: fields renamed, texts read as the columns' types.

import { BkError } from "@bk/core";

import { fromFileJson, fromFileText } from "../data/from-text.js";
import type { ServedTable } from "../data/served-table.js";

import { undefuse } from "./formula-text.js";

/** Renames: column by field of the file; an empty column leaves the field out. */
export type FieldMap = ReadonlyMap<string, string>;

/** Reads `column=field,…`; `=field` leaves a field out. @throws BkError `invalid` for columns that the table does not have */
export function parseMap(text: string | undefined, table: ServedTable): FieldMap {
  const map = new Map<string, string>();
  for (const pair of text === undefined ? [] : text.split(",")) {
    const match = /^([^=]*)=([^=]+)$/.exec(pair);
    if (match === null) throw invalid(`--map: ${JSON.stringify(pair.slice(0, 60))} is not column=field`);
    const [, column, field] = match as unknown as [string, string, string];
    if (column !== "" && !table.columns.has(column) && table.settings.open !== true)
      throw invalid(`--map: ${table.name} has no column ${JSON.stringify(column.slice(0, 60))}`);
    if (map.has(field)) throw invalid(`--map: the field ${JSON.stringify(field.slice(0, 60))} is there twice`);
    map.set(field, column);
  }
  return map;
}

export type Converted = { readonly row: Record<string, unknown> } | { readonly problem: string };

/** @param isText  whether every value is a text, as in CSV: an empty one then stands for no value */
export function convertRecord(table: ServedTable, map: FieldMap, record: Readonly<Record<string, unknown>>, isText: boolean): Converted {
  const row: Record<string, unknown> = {};
  for (const field in record) {
    const given = record[field];
    const name = map.get(field) ?? field;
    if (name === "" || (isText && given === "")) continue;
    const column = table.columns.get(name);
    if (column === undefined && table.settings.open !== true)
      return { problem: `column ${JSON.stringify(name.slice(0, 60))}: ${table.name} has none of this name (--map renames or leaves out)` };
    if (Object.hasOwn(row, name)) return { problem: `column ${name}: is there twice` };
    // It would be the prototype of the row, and not stored.
    if (name === "__proto__") return { problem: "column __proto__: no column may have this name" };
    try {
      const what = `column ${name}:`;
      row[name] = isText ? fromFileText(column, undefuse(given as string), what) : fromFileJson(column, given, what);
    } catch (error) {
      if (error instanceof BkError) return { problem: error.message };
      throw error;
    }
  }
  return { row };
}

function invalid(message: string): BkError {
  return new BkError("invalid", message, { detail: { field: "map" } });
}
