// Rows as an ordered store keeps them: a JSON object of the stored values by column name, without absent ones. By name,
// because the rows of a table outlive the definition that they were written with.

import type { Codec, Value, Values } from "../../driver.js";
import { decoderOf } from "../../schema/encodings.js";
import { encodeKey } from "../../schema/ordered-text.js";
import type { Column, Index, Table } from "../../schema/table.js";
import type { RowForm } from "../stored-rows.js";

/** Everything as JSON has it; 64-bit integers as digits, bytes as base64. */
export const kvCodec: Codec = Object.freeze({
  text: "text",
  int: "number",
  int64: "text",
  real: "number",
  decimal: "text",
  bool: "boolean",
  time: "number",
  json: "value",
  list: "value",
  blob: "base64",
});

/** A stored row, taken out of its text. */
export type KvRow = { readonly [column: string]: Value };

/** The space of an index in the store. A dot is in no column's name, so that different indexes have different names. */
export function spaceOf(index: Index): string {
  return [index.unique ? "u" : "i", ...index.columns.map((column) => column.name)].join(".");
}

export function parseRow(text: string): KvRow {
  return JSON.parse(text) as KvRow;
}

/** A stored value of a row; null when absent, also for a column named as a member that all objects have. */
export function valueOf(row: KvRow | undefined, name: string): Value {
  return row !== undefined && Object.hasOwn(row, name) ? row[name]! : null;
}

/** Makes a function that gives stored values of these columns. */
export function valuesReader(columns: readonly Column[]): (row: KvRow) => Values {
  const names = columns.map((column) => column.name);
  return (row) => names.map((name) => valueOf(row, name));
}

/** How conditions and changes read a row. */
export const kvRows: RowForm<KvRow> = Object.freeze({ codec: kvCodec, read: (row: KvRow, { name }: Column) => valueOf(row, name) });

/** Makes a function that gives the key text of stored key values, in order of `table.key`. */
export function keyWriter({ key }: Table): (stored: Values) => string {
  const decoders = key.map((column) => decoderOf(column, kvCodec));
  return (stored) =>
    encodeKey(
      key,
      decoders.map((decode, i) => decode(stored[i]!)),
    );
}

/**
 * Makes a function that writes rows (stored values in order of `columns`) as text, with what `old` has beside these columns.
 * Putting the text together by hand takes a quarter of the time of an object's.
 */
export function rowWriter(columns: readonly Column[]): (row: Values, old: KvRow | undefined) => string {
  const members = columns.map(({ name, index }) => ({ head: `${JSON.stringify(name)}:`, index }));
  const known = new Set(columns.map(({ name }) => name));
  return (row, old) => {
    let text = "";
    for (const { head, index } of members) {
      const value = row[index] ?? null;
      if (value === null) continue;
      text += `${text === "" ? "" : ","}${head}${typeof value === "number" || typeof value === "boolean" ? value : JSON.stringify(value)}`;
    }
    for (const name in old) if (!known.has(name)) text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${JSON.stringify(old[name])}`;
    return `{${text}}`;
  };
}
