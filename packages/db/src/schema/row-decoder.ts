// Decoders of whole rows, generated as source: one object literal with its columns in fixed order, so that all rows of
// a shape share one hidden class and a column costs no call where its stored form is the logical one.

import type { Codec, Value } from "./stored-value.js";
import { splitText } from "./join.js";
import { setMember } from "./json-value.js";
import * as readStored from "./read-stored.js";
import { defaultSelection, fetchedColumns, unjoinsOf } from "./selection.js";
import { encodingOf } from "./stored-forms.js";
import type { Column, Table } from "./table.js";

export interface RowDecoderOptions {
  /** The columns of the stored rows, in order; default: `fetchedColumns(table, columns)`. */
  readonly fetched?: readonly Column[];
  /** Of an open table: the undeclared columns to give; default: all, if `rest` is among the columns. */
  readonly undeclared?: readonly string[];
}

const read = { ...readStored, split: splitText, spread };

/**
 * Makes the decoder of rows that a read gives to callers.
 *
 * Its rows have every one of `columns`, null where absent, in that order. Hidden columns, and columns that are a part of
 * themselves, are filled from the joined column that unjoins them. The members of `rest` follow as columns of their own;
 * a declared column wins over one of the same name.
 *
 * @param columns  the selected columns; `table.columns` stands for the default selection, which has hidden ones too
 */
export function compileRowDecoder(
  table: Table,
  columns: readonly Column[],
  codec: Codec,
  options: RowDecoderOptions = {},
): (row: readonly Value[]) => Record<string, unknown> {
  const selected = columns === table.columns ? defaultSelection(table) : columns;
  const fetched = options.fetched ?? fetchedColumns(table, selected);
  const given = selected.filter((column) => !column.isRest);
  const splits = new Map<Column, string>();
  const lines = fetched.map((column, at) => decodeLine(column, at, codec));
  for (const join of new Set(given.flatMap((column) => unjoinsOf(table, column)))) {
    const at = fetched.indexOf(join.column);
    if (at < 0) continue;
    splits.set(join.column, `p${at}`);
    lines.push(`const p${at} = d${at} === null ? null : read.split(joins[${table.joins.indexOf(join)}], d${at});`);
  }
  const members = given.map((column) => `${JSON.stringify(column.name)}: ${memberSource(table, column, fetched, splits)}`);
  const rest = fetched.findIndex((column) => column.isRest);
  const spreads = rest >= 0 && (options.undeclared !== undefined || selected.some((column) => column.isRest));
  const result = spreads ? `read.spread({ ${members.join(", ")} }, d${rest}, names, table)` : `{ ${members.join(", ")} }`;
  const body = `return (row) => {\n${lines.join("\n")}\nreturn ${result};\n};`;
  const make = new Function("read", "columns", "joins", "names", "table", body);
  return make(read, fetched, table.joins, options.undeclared, table) as (row: readonly Value[]) => Record<string, unknown>;
}

/** Makes the decoder of rows as the core works on them: arrays of logical values in the order of `columns`. */
export function compileArrayDecoder(columns: readonly Column[], codec: Codec): (row: readonly Value[]) => unknown[] {
  const lines = columns.map((column, at) => decodeLine(column, at, codec));
  const body = `return (row) => {\n${lines.join("\n")}\nreturn [${columns.map((_, at) => `d${at}`).join(", ")}];\n};`;
  return new Function("read", "columns", body)(read, columns) as (row: readonly Value[]) => unknown[];
}

function decodeLine(column: Column, at: number, codec: Codec): string {
  const { decode } = encodingOf(column, codec);
  if (decode === undefined) return `const d${at} = row[${at}] ?? null;`;
  return `const s${at} = row[${at}] ?? null; const d${at} = s${at} === null ? null : (${decode(`s${at}`, `columns[${at}]`)});`;
}

function memberSource(table: Table, column: Column, fetched: readonly Column[], splits: ReadonlyMap<Column, string>): string {
  const filled = unjoinsOf(table, column)
    .filter((join) => splits.has(join.column))
    .map((join) => `${splits.get(join.column)}?.[${join.parts.indexOf(column)}]`);
  if (filled.length > 0) return [...filled, "null"].join(" ?? ");
  const at = fetched.indexOf(column);
  return at < 0 ? "null" : `d${at}`;
}

function spread(
  row: Record<string, unknown>,
  rest: Readonly<Record<string, unknown>> | null,
  names: readonly string[] | undefined,
  table: Table,
): Record<string, unknown> {
  if (rest === null) return row;
  for (const name of names ?? Object.keys(rest)) {
    if (Object.hasOwn(rest, name) && !table.byName.has(name)) setMember(row, name, rest[name]);
  }
  return row;
}
