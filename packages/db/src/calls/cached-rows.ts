// What calls know of rows that are kept in a cache: which ones a call has written, and how those of a table are read.

import type { Values } from "../driver.js";
import type { Call } from "../execute/call.js";

/** Rows of a table, by the text of their keys. */
export type SomeRows = "all" | ReadonlySet<string>;

/** A table of which rows are cached, for those who write. */
export interface ForgottenTable {
  /** The mark that entries of every row depend on. */
  readonly tableMark: string;
  /** The mark that entries of one row depend on. */
  markOf(row: string): string;
  /** The text of a stored key; undefined for rows that are never cached. */
  textOf(key: Values): string | undefined;
  /** Reads that are under way are not shared with later ones. */
  overtake(rows: SomeRows): void;
  readonly doubts: Doubts;
}

/** Where a row came from: the cache; the database, because the cache has it not; or the database, without asking the cache. */
export type RowSource = "hit" | "miss" | "bypass";

/** A row as the cache keeps it: in the stored form of `kvCodec`, by `column.index`; null where there is none. */
export interface FoundRow {
  readonly row: Values | null;
  readonly from: RowSource;
}

/** A table of which rows are cached. */
export interface CachedRows extends ForgottenTable {
  /** Whether reads that say nothing use the cache. */
  readonly byDefault: boolean;
  /** A read that goes to the database alone. */
  countBypass(call: Call): void;
  /** Rows by key (logical values), in the order asked. */
  read(keys: readonly (readonly unknown[])[], call: Call): Promise<readonly FoundRow[]>;
}

/** More rows of one table than this are forgotten as a whole table: what is remembered of them stays small. */
const mostRows = 1000;

/** The rows that a call, bulk or transaction may have written. */
export class Touched {
  readonly tables = new Map<ForgottenTable, "all" | Set<string>>();

  add(table: ForgottenTable, key: Values): void {
    const rows = this.tables.get(table);
    if (rows === "all") return;
    const row = table.textOf(key);
    if (row === undefined) return;
    if (rows === undefined) this.tables.set(table, new Set([row]));
    else if (rows.size < mostRows) rows.add(row);
    else this.addAll(table);
  }

  addAll(table: ForgottenTable): void {
    this.tables.set(table, "all");
  }
}

/** A write of which the cache has not acknowledged yet that its rows are forgotten. */
export interface Doubt {
  /** Whether it is known what the write did. */
  readonly isCertain: boolean;
}

/** The rows of a table that a cache may have in an older form than this process has written: they are not read from it. */
export class Doubts {
  #all: Doubt | undefined;
  readonly #rows = new Map<string, Doubt>();

  get isEmpty(): boolean {
    return this.#all === undefined && this.#rows.size === 0;
  }

  has(row: string): boolean {
    return this.#all !== undefined || (this.#rows.size > 0 && this.#rows.has(row));
  }

  add(rows: SomeRows, doubt: Doubt): void {
    if (rows === "all") this.#all = doubt;
    else for (const row of rows) this.#rows.set(row, doubt);
    if (this.#rows.size <= mostRows) return;
    const isCertain = doubt.isCertain && [...this.#rows.values()].every((each) => each.isCertain);
    this.#all = isCertain ? doubt : { isCertain: false };
    this.#rows.clear();
  }

  /** Those of later writes stay. */
  remove(rows: SomeRows, doubt: Doubt): void {
    if (rows === "all") {
      if (this.#all === doubt) this.#all = undefined;
      return;
    }
    for (const row of rows) if (this.#rows.get(row) === doubt) this.#rows.delete(row);
  }

  /** What is left, by write. */
  left(): Map<Doubt, SomeRows[]> {
    const left = new Map<Doubt, Set<string>>();
    for (const [row, doubt] of this.#rows) {
      const known = left.get(doubt);
      if (known === undefined) left.set(doubt, new Set([row]));
      else known.add(row);
    }
    const all = new Map<Doubt, SomeRows[]>([...left].map(([doubt, rows]) => [doubt, [rows]]));
    if (this.#all !== undefined) all.set(this.#all, ["all", ...(all.get(this.#all) ?? [])]);
    return all;
  }
}
