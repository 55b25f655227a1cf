// A table on a store: how its rows are keyed and written, and what the store knows of it, read once and kept.

import type { Values } from "../../driver.js";
import type { Table } from "../../schema/table.js";
import { after, type Awaitable } from "./at-once.js";
import { type Known, knownOf, type LinksMade, readStored, type SchemaPlace, schemaPlaceOf } from "./definition.js";
import { keyWriter, type KvRow, rowWriter } from "./rows.js";
import type { KvStore } from "./store.js";

export interface KvTable {
  readonly table: Table;
  /** The table's name in the store. */
  readonly id: string;
  readonly place: SchemaPlace;
  /** The key text of stored key values, in order of `table.key`. */
  readonly keyOf: (key: Values) => string;
  /** The text of a row (stored values in order of `table.columns`), with what `old` has beside these columns. */
  readonly textOf: (row: Values, old: KvRow | undefined) => string;
  /** @throws DbError `drift` when the table does not exist in the store, or cannot serve the declared one */
  known(): Awaitable<Known>;
  /** What is known is read again by the next call: it has changed. */
  forget(): void;
}

export function kvTable(store: KvStore, table: Table, id: string): KvTable {
  const place = schemaPlaceOf(id);
  const made: LinksMade = store.byRow === undefined ? "all" : store.byRow.makeSpace === undefined ? "plain" : "none";
  let known: Awaitable<Known> | undefined;
  const read = (): Awaitable<Known> => {
    // Several calls share the reading, so that the signal of none may end it.
    const reading = after(readStored(store, place), (stored) => knownOf(table, place, stored, made));
    if (!(reading instanceof Promise)) return keep(reading);
    known = reading;
    const ended = (found?: Known): void => {
      if (known !== reading) return;
      known = undefined;
      if (found !== undefined) keep(found);
    };
    // The callers get the error; the next one asks again.
    reading.then(ended, () => ended());
    return reading;
  };
  // What lacks something of the declaration is read again by the next call: another process may be about to make it.
  const keep = (found: Known): Known => {
    known = found.isComplete ? found : undefined;
    return found;
  };
  return {
    table,
    id,
    place,
    keyOf: keyWriter(table),
    textOf: rowWriter(table.columns),
    known: () => known ?? read(),
    forget: () => (known = undefined),
  };
}
