// Which columns a read fetches, and how its rows are shown.

import type { Codec, Value } from "../driver.js";
import { compileArrayDecoder, compileRowDecoder } from "../schema/encodings.js";
import type { Column, Table } from "../schema/table.js";
import { type Condition, testsOf } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import { fetchedColumns } from "../schema/selection.js";

type Stored = readonly Value[];

export interface Presenter {
  /** What has to be fetched: the selected columns first. */
  readonly columns: readonly Column[];
  readonly present: (row: Stored) => Record<string, unknown>;
}

/**
 * @param selected  what is shown
 * @param extra  columns that the core needs besides
 */
export function presenterOf(table: Table, codec: Codec, selected: readonly Column[], extra: readonly Column[]): Presenter {
  const fetched = fetchedColumns(table, selected);
  const columns = [...fetched, ...new Set(extra.filter((column) => !fetched.includes(column)))];
  return { columns, present: compileRowDecoder(table, selected, codec, { fetched: columns }) };
}

/** Makes a function that gives logical values of some columns of fetched rows. */
export function valuesOf(codec: Codec, columns: readonly Column[], wanted: readonly Column[]): (row: Stored) => unknown[] {
  const decode = compileArrayDecoder(wanted, codec);
  const places = wanted.map((column) => columns.indexOf(column));
  return (row) => decode(places.map((place) => row[place]!));
}

/** Makes a condition a function on fetched rows; the values are logical. */
export function rowTest(
  condition: Condition,
  codec: Codec,
  columns: readonly Column[],
): (row: Stored, values: readonly unknown[]) => boolean {
  const needed = [...new Set([...testsOf(condition)].map(({ column }) => column))];
  const read = valuesOf(codec, columns, needed);
  const matches = compileMatcher(condition, (column) => needed.indexOf(column));
  return (row, values) => matches(read(row), values);
}
