// Decoders of whole rows, generated as source: one object literal with its columns in fixed order, so that all rows of
// a shape share one hidden class and a column costs no call where its stored form is the logical one. Where code from
// strings is forbidden, closures do the same more slowly.

import type { Codec, Value } from "./stored-value.js";
import { generatedFunction } from "./generated-code.js";
import { splitText } from "./join.js";
import { setMember } from "./json-value.js";
import * as readStored from "./read-stored.js";
import { absenceOf, readAbsence } from "./absence.js";
import { defaultSelection, fetchedColumns, unjoinsOf } from "./selection.js";
import { decoderSource, encodingOf, readerOf } from "./stored-forms.js";
import type { Column, Join, Table } from "./table.js";

export interface RowDecoderOptions {
  /** The columns of the stored rows, in order; default: `fetchedColumns(table, columns)`. */
  readonly fetched?: readonly Column[];
  /** Of an open table: the undeclared columns to give; default: all, if `rest` is among the columns. */
  readonly undeclared?: readonly string[];
}

const read = { ...readStored, split: splitText, spread, absence: readAbsence };

/**
 * Makes the decoder of rows that a read gives to callers.
 *
 * Its rows have every one of `columns`, null where absent (see absence.ts), in that order. Hidden columns, and columns that are a part of
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
  const layout = layoutOf(table, columns, options);
  return generatedDecoder(layout, codec) ?? closureDecoder(layout, codec);
}

type DecodeRow = (row: readonly Value[]) => Record<string, unknown>;

/** What both ways of making a decoder are told. */
interface RowLayout {
  readonly table: Table;
  readonly fetched: readonly Column[];
  /** The joined columns that are split for their parts. */
  readonly splits: readonly { readonly join: Join; readonly at: number }[];
  readonly members: readonly Member[];
  /** By place among the fetched columns: it is shown as it is. */
  readonly shown: ReadonlySet<number>;
  /** The place of the undeclared columns, where the rows have them. */
  readonly restAt: number | undefined;
  readonly undeclared: readonly string[] | undefined;
}

interface Member {
  readonly name: string;
  /** Its place among the fetched columns; -1: it has none. */
  readonly at: number;
  /** The parts of split columns that fill it; the first that is there wins. */
  readonly parts: readonly { readonly split: number; readonly part: number }[];
}

function layoutOf(table: Table, columns: readonly Column[], { fetched: given, undeclared }: RowDecoderOptions): RowLayout {
  const selected = columns === table.columns ? defaultSelection(table) : columns;
  const fetched = given ?? fetchedColumns(table, selected);
  const shown = selected.filter((column) => !column.isRest);
  const splits = [...new Set(shown.flatMap((column) => unjoinsOf(table, column)))]
    .map((join) => ({ join, at: fetched.indexOf(join.column) }))
    .filter(({ at }) => at >= 0);
  const members = shown.map((column): Member => {
    const joins = unjoinsOf(table, column).map((join) => ({
      split: splits.findIndex((each) => each.join.column === join.column),
      part: join.parts.indexOf(column),
    }));
    return { name: column.name, at: fetched.indexOf(column), parts: joins.filter(({ split }) => split >= 0) };
  });
  const rest = fetched.findIndex((column) => column.isRest);
  const spreads = rest >= 0 && (undeclared !== undefined || selected.some((column) => column.isRest));
  const own = new Set(members.filter(({ parts }) => parts.length === 0).map(({ at }) => at));
  return { table, fetched, splits, members, shown: own, restAt: spreads ? rest : undefined, undeclared };
}

function generatedDecoder({ table, fetched, splits, members, shown, restAt, undeclared }: RowLayout, codec: Codec): DecodeRow | undefined {
  const lines = fetched.map((column, at) => decodeLine(column, at, codec, shown.has(at) ? absenceSource(column, at) : "null"));
  splits.forEach(({ at }, i) => lines.push(`const p${i} = d${at} === null ? null : read.split(joins[${i}], d${at});`));
  const literal = `{ ${members.map((member) => `${JSON.stringify(member.name)}: ${memberSource(member)}`).join(", ")} }`;
  const result = restAt === undefined ? literal : `read.spread(${literal}, d${restAt}, names, table)`;
  const body = `return (row) => {\n${lines.join("\n")}\nreturn ${result};\n};`;
  const joins = splits.map(({ join }) => join);
  return generatedFunction({ read, columns: fetched, joins, names: undeclared, table }, body);
}

function memberSource({ at, parts }: Member): string {
  if (parts.length > 0) return [...parts.map(({ split, part }) => `p${split}?.[${part}]`), "null"].join(" ?? ");
  return at < 0 ? "null" : `d${at}`;
}

function absenceSource(column: Column, at: number): string {
  const absence = absenceOf(column);
  return absence === "refused" ? `read.absence(columns[${at}])` : String(absence);
}

function closureDecoder({ table, fetched, splits, members, restAt, undeclared }: RowLayout, codec: Codec): DecodeRow {
  const decode = arrayDecoder(fetched, codec);
  return (stored) => {
    const values = decode(stored);
    const texts = splits.map(({ join, at }) => (values[at] === null ? null : splitText(join, values[at] as string)));
    const row: Record<string, unknown> = {};
    for (const { name, at, parts } of members) {
      if (parts.length === 0) row[name] = at < 0 ? null : (values[at] ?? readAbsence(fetched[at]!));
      else row[name] = parts.map(({ split, part }) => texts[split]?.[part]).find((value) => value !== null && value !== undefined) ?? null;
    }
    if (restAt === undefined) return row;
    return spread(row, values[restAt] as Readonly<Record<string, unknown>> | null, undeclared, table);
  };
}

/** Makes the decoder of rows as the core works on them: arrays of logical values in the order of `columns`. */
export function compileArrayDecoder(columns: readonly Column[], codec: Codec): (row: readonly Value[]) => unknown[] {
  const lines = columns.map((column, at) => decodeLine(column, at, codec));
  const body = `return (row) => {\n${lines.join("\n")}\nreturn [${columns.map((_, at) => `d${at}`).join(", ")}];\n};`;
  return generatedFunction<(row: readonly Value[]) => unknown[]>({ read, columns }, body) ?? arrayDecoder(columns, codec);
}

function arrayDecoder(columns: readonly Column[], codec: Codec): (row: readonly Value[]) => unknown[] {
  const readers = columns.map((column) => {
    const { decode } = encodingOf(column, codec);
    return decode && readerOf(decode);
  });
  return (row) =>
    columns.map((column, at) => {
      const stored = row[at] ?? null;
      const reader = readers[at];
      return stored === null || reader === undefined ? stored : reader(stored, column);
    });
}

/** @param absent  source of what stands for a value that is absent */
function decodeLine(column: Column, at: number, codec: Codec, absent = "null"): string {
  const { decode } = encodingOf(column, codec);
  if (decode === undefined) return `const d${at} = row[${at}] ?? ${absent};`;
  return `const s${at} = row[${at}] ?? null; const d${at} = s${at} === null ? ${absent} : (${decoderSource(decode, `s${at}`, `columns[${at}]`)});`;
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
