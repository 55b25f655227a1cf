// Rows as an ordered store keeps them: a JSON object of the stored values by column name, without absent ones. By name,
// because the rows of a table outlive the definition that they were written with.

import type { Codec, Value, Values } from "../../driver.js";
import { decoderOf } from "../../schema/encodings.js";
import type { Column, Index, Table } from "../../schema/table.js";
import { encodeKey } from "../../schema/ordered-text.js";
import type { KvChange, KvExpectation, KvLink } from "./store.js";

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

// Rows outlive their time by this, so that clocks that differ a little, and ours from the store's, lose none too early.
const graceMs = 60_000;

/** A stored row, taken out of its text. */
export type KvRow = { readonly [column: string]: Value };

/** How the rows of one table are read and written. */
export interface KvRows {
  readonly table: Table;
  /** The table's name in the store. */
  readonly id: string;
  /** The key text of stored key values, in order of `table.key`. */
  keyOf(key: Values): string;
  /**
   * The change that writes a row (stored values in order of `table.columns`), or removes it.
   *
   * @param old  the row that is changed: its columns that this definition of the table does not have stay
   */
  changeTo(key: string, row: Values | undefined, now: number, expect?: KvExpectation, old?: KvRow): KvChange;
}

/** The space of an index in the store. A dot is in no column's name, so that different indexes have different names. */
export function spaceOf(index: Index): string {
  return [index.unique ? "u" : "i", ...index.columns.map((column) => column.name)].join(".");
}

export function parseRow(text: string): KvRow {
  return JSON.parse(text) as KvRow;
}

/** A stored value of a row; null when absent, also for a column named as a member that all objects have. */
export function valueOf(row: KvRow, name: string): Value {
  return Object.hasOwn(row, name) ? row[name]! : null;
}

/** Makes a function that gives stored values of these columns. */
export function valuesReader(columns: readonly Column[]): (row: KvRow) => Values {
  const names = columns.map((column) => column.name);
  return (row) => names.map((name) => valueOf(row, name));
}

/** Makes a function that gives logical values of these columns, each at `column.index`. */
export function logicalReader(columns: readonly Column[]): (row: KvRow) => unknown[] {
  const decoders = columns.map((column) => ({ name: column.name, index: column.index, decode: decoderOf(column, kvCodec) }));
  return (row) => {
    const logical: unknown[] = [];
    for (const { name, index, decode } of decoders) logical[index] = decode(valueOf(row, name));
    return logical;
  };
}

export function kvRows(table: Table, id: string): KvRows {
  const { key, columns } = table;
  const keyDecoders = key.map((column) => decoderOf(column, kvCodec));
  const linkers = [...table.indexes, ...table.uniques].map(linker);
  const ttl = table.ttl?.index;
  const textOf = rowWriter(columns);
  const expiryOf = (row: Values, now: number): number | undefined => {
    const ends = ttl === undefined ? null : (row[ttl] ?? null);
    return ends === null ? undefined : Math.max(0, Number(ends) - now) + graceMs;
  };

  return {
    table,
    id,
    keyOf: (stored) =>
      encodeKey(
        key,
        keyDecoders.map((decode, i) => decode(stored[i]!)),
      ),
    changeTo(rowKey, row, now, expect, old) {
      if (row === undefined) return { table: id, key: rowKey, value: undefined, expect, links: none };
      const links = linkers.length === 0 ? none : linkers.flatMap((link) => link(row) ?? none);
      return { table: id, key: rowKey, value: textOf(row, old), expect, links, expiresInMs: expiryOf(row, now) };
    },
  };
}

const none: readonly KvLink[] = Object.freeze([]);

/** Makes a function that writes rows as text. Putting the text together by hand takes a quarter of the time of an object's. */
function rowWriter(columns: readonly Column[]): (row: Values, old: KvRow | undefined) => string {
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

/** Gives the link of a row in one index. A row without a value in the first column has none: no read by this index finds it. */
function linker(index: Index): (row: Values) => KvLink | undefined {
  const space = spaceOf(index);
  const { columns } = index;
  const decoders = columns.map((column) => decoderOf(column, kvCodec));
  return (row) => {
    const values = columns.map((column, i) => decoders[i]!(row[column.index] ?? null));
    if (values[0] === null) return undefined;
    return { space, text: encodeKey(columns, values), unique: index.unique && !values.includes(null) };
  };
}
