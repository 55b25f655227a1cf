// What the store knows of a table: its key, its columns with their types, its indexes. Whoever writes a row makes the links
// of all indexes that the store knows of, whatever its own definition has, and each write checks that the store still knows
// the same. So processes with an older and a newer definition may write the same rows.

import type { Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { decoderOf } from "../../schema/encodings.js";
import { encodeKey } from "../../schema/ordered-text.js";
import { storedColumn, storedTypeOf } from "../stored-columns.js";
import type { Column, Index, Table } from "../../schema/table.js";
import { after, type Awaitable } from "./at-once.js";
import { kvCodec, type KvRow, spaceOf, valueOf } from "./rows.js";
import type { KvCheck, KvLink, KvStore } from "./store.js";

/** An index as the store knows it. Links are made for it from the moment that it is known; reads wait until it is `ready`. */
export interface StoredIndex {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique: boolean;
  readonly ready: boolean;
}

export interface Definition {
  readonly key: readonly string[];
  /** Stored type by column name, see {@link storedTypeOf}. */
  readonly columns: Readonly<Record<string, string>>;
  /** By space. */
  readonly indexes: Readonly<Record<string, StoredIndex>>;
  /** The column with the time of a row's end. */
  readonly ttl?: string;
}

/** The space of the rows that end, in order of their time: what a sweep reads. No index has this name. */
export const endsSpace = "t";

// Rows outlive their time by this, so that clocks that differ a little, and ours from the store's, lose none too early.
const graceMs = 60_000;

/** The definition that a table's declaration comes to. */
export function definitionOf(table: Table, ready: boolean, keepsEnds: boolean): Definition {
  const indexes = [...table.indexes, ...table.uniques].map((index) => [spaceOf(index), storedIndex(index, ready)] as const);
  return {
    key: table.key.map(({ name }) => name),
    columns: Object.fromEntries(table.columns.map((column) => [column.name, storedTypeOf(column)])),
    indexes: { ...Object.fromEntries(indexes), ...(table.ttl === undefined || !keepsEnds ? {} : endsIndex(table.ttl, ready)) },
    ...(table.ttl === undefined ? {} : { ttl: table.ttl.name }),
  };
}

export function storedIndex({ name, columns, unique }: Index, ready: boolean): StoredIndex {
  return { name, columns: columns.map((column) => column.name), unique, ready };
}

export function endsIndex({ name }: Column, ready: boolean): Record<string, StoredIndex> {
  return { [endsSpace]: { name: endsSpace, columns: [name], unique: false, ready } };
}

/** What is stored of a table: the definition, and a short text that changes with what writers have to do for it. */
export interface Stored {
  readonly version: string;
  readonly text: string;
  readonly definition: Definition;
}

/** Where the definition of a table lies: beside the table's rows, so that one write of the store can check it. */
export interface SchemaPlace {
  /** A table of the store whose name no app can use. */
  readonly table: string;
  readonly versionKey: string;
  readonly definitionKey: string;
}

export function schemaPlaceOf(id: string): SchemaPlace {
  return { table: `${id.split("/", 1)[0]!}/_schema`, versionKey: `version ${id}`, definitionKey: `definition ${id}` };
}

export function readStored(store: KvStore, place: SchemaPlace, signal?: AbortSignal): Awaitable<Stored | undefined> {
  // Without checks no version is needed: the definition is one row.
  if (store.byRow !== undefined)
    return after(store.get(place.table, [place.definitionKey], signal), ([text]) =>
      text === undefined ? undefined : { version: text, text, definition: JSON.parse(text) as Definition },
    );
  return after(store.get(place.table, [place.versionKey, place.definitionKey], signal), ([version, text]) =>
    version === undefined || text === undefined ? undefined : { version, text, definition: JSON.parse(text) as Definition },
  );
}

/** What one process knows of a table's stored definition, ready for its calls. */
export interface Known {
  /** Of what was read: changes with what writers have to do for the table. */
  readonly version: string;
  /** That the store still knows the same. */
  readonly check: KvCheck;
  readonly definition: Definition;
  /** All declared indexes are there and ready. */
  readonly isComplete: boolean;
  /** A declared unique group that the store does not know of: nobody enforces it. */
  readonly unenforced: Index | undefined;
  /** All places of a row: stored values in order of `table.columns`, and what `old` has beside them. */
  linksOf(row: Values, old: KvRow | undefined): readonly KvLink[];
  /** When a row may be dropped; undefined: never. */
  expiryOf(row: Values, old: KvRow | undefined, now: number): number | undefined;
}

/** Which links the engine makes: those of all spaces, without unique texts where the core claims these, or none where the store makes spaces. */
export type LinksMade = "all" | "plain" | "none";

/** @throws DbError `drift` when the stored definition cannot serve the declared one */
export function knownOf(table: Table, place: SchemaPlace, stored: Stored | undefined, made: LinksMade): Known {
  if (stored === undefined) throw missing(table, undefined, `table ${table.name} does not exist in the store`);
  const { definition, version } = stored;
  refuseDrift(table, definition);
  const indexes = made === "none" ? [] : Object.entries(definition.indexes);
  const linkers = indexes.map(([space, index]) => linker(table, definition, space, { ...index, unique: index.unique && made === "all" }));
  const ends = definition.ttl === undefined ? undefined : reader(table, definition.ttl);
  return {
    version,
    check: { table: place.table, key: place.versionKey, expect: { value: version } },
    definition,
    isComplete: [...table.indexes, ...table.uniques].every((index) => indexIn(definition, index)?.ready === true),
    unenforced: table.uniques.find((group) => indexIn(definition, group) === undefined),
    linksOf: linkers.length === 0 ? () => none : (row, old) => linkers.flatMap((link) => link(row, old) ?? none),
    expiryOf(row, old, now) {
      const time = ends === undefined ? null : ends(row, old);
      return time === null ? undefined : Math.max(0, Number(time) - now) + graceMs;
    },
  };
}

export function indexIn({ indexes }: Definition, index: Index): StoredIndex | undefined {
  const space = spaceOf(index);
  return Object.hasOwn(indexes, space) ? indexes[space] : undefined;
}

const none: readonly KvLink[] = Object.freeze([]);

function refuseDrift(table: Table, definition: Definition): void {
  const key = table.key.map(({ name }) => name);
  if (key.join() !== definition.key.join())
    throw new DbError(
      "drift",
      `table ${table.name} is stored with the key (${definition.key.join(", ")}) and declared with (${key.join(", ")})`,
      {
        table: table.name,
        outcome: "none",
      },
    );
  for (const column of table.columns) {
    const stored = Object.hasOwn(definition.columns, column.name) ? definition.columns[column.name]! : undefined;
    if (stored === undefined || (column === table.ttl && definition.ttl !== column.name))
      throw missing(table, column, `column ${table.name}.${column.name} does not exist in the store`);
    if (stored !== storedTypeOf(column)) throw otherType(table, column, stored);
  }
}

function missing(table: Table, column: Column | undefined, what: string): DbError {
  return new DbError("drift", `${what}; call sync() first`, {
    table: table.name,
    outcome: "none",
    ...(column === undefined ? {} : { column: column.name }),
  });
}

export function missingIndex(table: Table, index: Index): DbError {
  return missing(table, undefined, `index ${index.name} of table ${table.name} does not exist in the store`);
}

export function otherType(table: Table, column: Column, stored: string): DbError {
  return new DbError(
    "drift",
    `column ${table.name}.${column.name} is stored as ${stored}, which cannot hold all values of the declared type ${column.type}`,
    { table: table.name, column: column.name, outcome: "none" },
  );
}

/** Makes a function that gives a stored value of a row: from the declared columns, else from what the row had beside them. */
function reader(table: Table, name: string): (row: Values, old: KvRow | undefined) => Value {
  const own = table.columns.find((column) => column.name === name);
  return own === undefined ? (_row, old) => valueOf(old, name) : (row) => row[own.index] ?? null;
}

/** Gives the link of a row in one index. A row without a value in the first column has none: no read by this index finds it. */
function linker(
  table: Table,
  definition: Definition,
  space: string,
  { columns: names, unique }: StoredIndex,
): (row: Values, old: KvRow | undefined) => KvLink | undefined {
  const columns = columnsIn(definition, names);
  const parts = columns.map((column) => ({ read: reader(table, column.name), decode: decoderOf(column, kvCodec) }));
  return (row, old) => {
    const values = parts.map(({ read, decode }) => decode(read(row, old)));
    if (values[0] === null) return undefined;
    return { space, text: encodeKey(columns, values), unique: unique && !values.includes(null) };
  };
}

/** Columns that the store knows of, by name. */
export function columnsIn({ key, columns }: Definition, names: readonly string[]): Column[] {
  return names.map((name) => storedColumn(name, columns[name]!, key.includes(name), -1));
}
