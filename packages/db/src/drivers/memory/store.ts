// Where rows are kept: tables of rows by key, and who may write when.

import type { StoredTable, Values } from "../../driver.js";
import { turns } from "../../engines/turns.js";
import { DbError } from "../../errors.js";
import type { Index, Table } from "../../schema/table.js";
import { Feed, type StoredChange } from "./feed.js";
import type { StoredRow } from "./stored-row.js";

/** One table: its rows by key text, and for each unique group the key of the row that has a value. */
export interface Rows {
  readonly byKey: Map<string, StoredRow>;
  readonly owners: Map<string, Map<string, string>>;
  /** What has been defined, for `inspect`. */
  readonly indexes: Map<string, { readonly columns: readonly string[]; readonly unique: boolean }>;
  /** What was written since the rows were last published; undefined where nobody asks. */
  journal: StoredChange[] | undefined;
}

/** The tables as one reader or writer sees them. */
export interface Tables {
  /** The rows of a table for reading; undefined when it was neither defined nor written. */
  read(table: string): Rows | undefined;
  /** The rows of a table for changing, made when there are none. */
  write(table: string): Rows;
  /** Takes `rows` for the rows of a table. */
  replace(table: string, rows: Rows): void;
}

/** A text that is equal for equal stored values and for no others. */
export function keyText(values: Values): string {
  return JSON.stringify(values, (_name, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
}

/** A unique group: its name and its columns' names. */
interface Group {
  readonly name: string;
  readonly columns: readonly string[];
}

const ownGroups = new WeakMap<Table, ReadonlyMap<string, Group>>();

/** The groups of the writer's definition by {@link spaceOf}. */
function groupsIn(table: Table): ReadonlyMap<string, Group> {
  let groups = ownGroups.get(table);
  if (groups === undefined) {
    const named = table.uniques.map((group) => ({ name: group.name, columns: group.columns.map((column) => column.name) }));
    ownGroups.set(table, (groups = new Map(table.uniques.map((group, i) => [spaceOf(group), named[i]!]))));
  }
  return groups;
}

/** The groups of the writer's definition, and those that another definition of the table has made. */
function groupsOf(table: Table, { indexes }: Rows): Group[] {
  const own = groupsIn(table);
  const groups = [...own.values()];
  for (const [space, { columns, unique }] of indexes) if (unique && !own.has(space)) groups.push({ name: columns.join("_"), columns });
  return groups;
}

/** A name of an index that no other one of the table has: a unique group may have the columns of another index. */
export function spaceOf({ columns, unique }: Index): string {
  return [unique ? "u" : "i", ...columns.map(({ name }) => name)].join(".");
}

function uniqueText(group: Group, row: StoredRow): string | undefined {
  const values = group.columns.map((column) => row.get(column) ?? null);
  return values.includes(null) ? undefined : keyText(values);
}

function ownersOf(rows: Rows, group: Group): Map<string, string> {
  let owners = rows.owners.get(group.name);
  if (owners === undefined) {
    owners = new Map();
    for (const [key, row] of rows.byKey) {
      const text = uniqueText(group, row);
      if (text !== undefined) owners.set(text, key);
    }
    rows.owners.set(group.name, owners);
  }
  return owners;
}

/**
 * Makes `row` the row of `key`, or removes the row when it is undefined.
 *
 * @param now  a row that has expired by then loses its unique values, and with them its place, to the new one
 * @throws DbError `already-exists` when another row has one of its unique values; nothing has changed then
 */
export function setRow(rows: Rows, table: Table, key: string, row: StoredRow | undefined, now: number): void {
  const before = rows.byKey.get(key);
  const claims = groupsOf(table, rows).map((group) => ({
    group,
    owners: ownersOf(rows, group),
    released: before && uniqueText(group, before),
    taken: row && uniqueText(group, row),
  }));
  for (const { group, owners, taken } of claims) {
    const owner = taken === undefined ? undefined : owners.get(taken);
    if (owner === undefined || owner === key) continue;
    if (hasEnded(table, rows.byKey.get(owner)!, now)) setRow(rows, table, owner, undefined, now);
    else throw new DbError("already-exists", `a row with this value of ${group.name} exists`, { detail: { unique: group.name } });
  }
  for (const { owners, released, taken } of claims) {
    if (released !== undefined) owners.delete(released);
    if (taken !== undefined) owners.set(taken, key);
  }
  if (row === undefined) rows.byKey.delete(key);
  else rows.byKey.set(key, row);
  if (before !== undefined || row !== undefined) rows.journal?.push({ before, after: row });
}

function hasEnded({ ttl }: Table, row: StoredRow, now: number): boolean {
  const ends = ttl === undefined ? undefined : row.get(ttl.name);
  return ends !== undefined && Number(ends) <= now;
}

function copyRows(rows: Rows | undefined): Rows {
  const owners = [...(rows?.owners ?? [])].map(([name, map]) => [name, new Map(map)] as const);
  return { byKey: new Map(rows?.byKey), owners: new Map(owners), indexes: new Map(rows?.indexes), journal: undefined };
}

/** What `inspect` reports: the names that were defined. There are no types and no key. */
export function storedTable(rows: Rows | undefined): StoredTable | undefined {
  return rows && { columns: new Map(), key: undefined, indexes: new Map(rows.indexes) };
}

/** Tables of which those that are written are private copies until `publish` makes them the tables of `base`. */
export interface Draft extends Tables {
  publish(): void;
}

export function draftOf(base: Tables): Draft {
  const copies = new Map<string, Rows>();
  return {
    read: (table) => copies.get(table) ?? base.read(table),
    write(table) {
      let rows = copies.get(table);
      if (rows === undefined) {
        // Somebody may begin to watch before it is published.
        rows = { ...copyRows(base.read(table)), journal: [] };
        copies.set(table, rows);
      }
      return rows;
    },
    replace: (table, rows) =>
      void copies.set(table, { ...rows, journal: [...(copies.get(table)?.journal ?? []), ...(rows.journal ?? [])] }),
    publish() {
      for (const [table, rows] of copies) base.replace(table, rows);
    },
  };
}

/**
 * The tables and the right to write. One writer at a time: a transaction has that right from its begin to its end, so
 * what it read stays true. Readers never wait: they see the tables as they were before the transaction.
 */
export class MemoryStore implements Tables {
  readonly #tables = new Map<string, Rows>();
  /** Of tables that somebody has watched. */
  readonly #feeds = new Map<string, Feed>();
  /** The right to write. */
  readonly writing = turns();

  read(table: string): Rows | undefined {
    return this.#tables.get(table);
  }

  write(table: string): Rows {
    let rows = this.#tables.get(table);
    if (rows === undefined) this.#tables.set(table, (rows = copyRows(undefined)));
    return rows;
  }

  replace(table: string, rows: Rows): void {
    const changes = rows.journal ?? [];
    const feed = this.#feeds.get(table);
    rows.journal = feed && [];
    this.#tables.set(table, rows);
    feed?.add(changes);
  }

  /** Takes away a table without rows. One that somebody watches stays, so that they go on hearing of it. */
  remove(table: string): void {
    if (!this.#feeds.has(table)) this.#tables.delete(table);
  }

  /** Tells those who watch a table what has been written to its rows in place. */
  publish(table: string): void {
    const rows = this.#feeds.size === 0 ? undefined : this.#tables.get(table);
    if (rows?.journal !== undefined && rows.journal.length > 0) this.replace(table, rows);
  }

  /** What happens to a table from now on; `id` names the feed of one that nobody has watched before. */
  feedOf(table: string, id: () => string): Feed {
    let feed = this.#feeds.get(table);
    if (feed === undefined) {
      this.#feeds.set(table, (feed = new Feed(id())));
      this.write(table).journal = [];
    }
    return feed;
  }
}
