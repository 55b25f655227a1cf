// Which columns a read fetches, and how its rows are shown.

import type { Codec, Value } from "../driver.js";
import { compileArrayDecoder, compileRowDecoder } from "../schema/encodings.js";
import type { Column, Table } from "../schema/table.js";
import { fetchedColumns } from "../schema/selection.js";

type Stored = readonly Value[];

export interface Presenter {
  /** What has to be fetched: the selected columns first. */
  readonly columns: readonly Column[];
  readonly present: (row: Stored) => Record<string, unknown>;
}

/**
 * @param names  the selected columns
 * @param extra  columns that the core needs besides
 */
export function presenterOf(table: Table, codec: Codec, names: readonly string[], extra: readonly Column[]): Presenter {
  const selected = names.map((name) => table.byName.get(name)!);
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
