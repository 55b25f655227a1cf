// The contract of an ordered key-value store: four calls. The engine (engine.ts) makes a database driver of it. A store
// without indexes of its own is an ordered map (ordered-map.ts), of which `kvStoreOver` makes such a store; one in which
// nothing larger than a row is atomic is a row store (row-store.ts), of which `kvStoreByRow` does.
//
// A store keeps tables; a table keeps rows by key, and any number of spaces of entries in order. Keys, values, spaces and
// entries are texts that the store does not look into. Texts are well-formed; U+0000 stands in none of them, except once
// in the entry of a link. Order is that of the code points, which is that of the bytes in UTF-8.
//
// The name of a table may have a slash: what stands before it, or the whole name where there is none, is its group. One
// write concerns tables of one group, unless the app has a transaction over several; the driver of a store that keeps groups on
// different nodes says so (`atomic: { within: "slot" }`), and is given none.

import type { Column } from "../../schema/table.js";
import type { Awaitable } from "./at-once.js";

/** A place of a row in one index. */
export interface KvLink {
  /** Name of the index. */
  readonly space: string;
  /** The indexed values; the link's entry is {@link entryOf} this text and the row's key. */
  readonly text: string;
  /** No other row may have a link with this text in this space. */
  readonly unique: boolean;
}

/** What must be true of a row for a write to happen: no such row, any row, or the row with this value. */
export type KvExpectation = "absent" | "present" | { readonly value: string };

/** A row, not written itself, that must be as expected for a write to happen. */
export interface KvCheck {
  readonly table: string;
  readonly key: string;
  readonly expect: KvExpectation;
}

/** One row's write. */
export interface KvChange {
  readonly table: string;
  readonly key: string;
  /** The new value; undefined removes the row, if there is one. */
  readonly value: string | undefined;
  /** Absent: the write happens whatever there is. */
  readonly expect?: KvExpectation | undefined;
  /** All places of the new row; the store keeps them with it. At most one for each space. */
  readonly links: readonly KvLink[];
  /** The store may drop the row by itself that many milliseconds later, and not before. */
  readonly expiresInMs?: number | undefined;
}

/** What became of a write. The numbers are indexes into its changes, of `stale` into its checks. */
export type KvResult =
  | { readonly kind: "done" }
  /** The expectation of this check did not hold. */
  | { readonly kind: "stale"; readonly check: number }
  /** The expectation of this change did not hold. */
  | { readonly kind: "conflict"; readonly change: number }
  /** A unique text of this change belongs to the row with the key `owner`. */
  | { readonly kind: "taken"; readonly change: number; readonly space: string; readonly owner: string };

/** A part of a space, from one text to another. */
export interface KvRange {
  /** The space; undefined for the rows by key, where each key is an entry. */
  readonly space: string | undefined;
  /** The first entry that may be in it. */
  readonly from: string;
  /** The first entry that is not in it; undefined: the space's end. Where it is not after `from` the range is empty. */
  readonly to: string | undefined;
}

export interface KvPage {
  /** Entries in order, each with its row's value, of a row store with its version too. */
  readonly entries: readonly { readonly entry: string; readonly value: string; readonly version?: string }[];
  /** The last entry that was looked at, when the range may have more after it. */
  readonly end: string | undefined;
}

/**
 * An ordered key-value store.
 *
 * - Each call takes effect at one moment: it sees all of a write or nothing of it, and every write that was done before it.
 * - A call that rejects with an error that the driver classifies with outcome `none` has done nothing.
 * - A row and its entries are never apart: `range` gives no entry without its row, no entry that the row has no longer,
 *   and no entry twice. A store that drops rows by itself (`expiresInMs`) passes over the entries that they leave.
 * - A store that has its answer at once gives it without a promise.
 */
export interface KvStore {
  /** Gives the values of rows in the order of `keys`, undefined for a missing one. A key may be asked for twice. */
  get(table: string, keys: readonly string[], signal?: AbortSignal): Awaitable<readonly (string | undefined)[]>;
  /** Gives at most `limit` (from 1) entries of a range, from its begin, or from its end backwards. */
  range(
    table: string,
    range: KvRange,
    page: { readonly descending: boolean; readonly limit: number },
    signal?: AbortSignal,
  ): Awaitable<KvPage>;
  /**
   * Carries out all changes, which are of different rows, or none.
   *
   * - First all checks and expectations are asked, then unique texts, as they are when all changes are made: one may pass
   *   from a row to another in one write. Checks are of other rows than the changes.
   * - Of concurrent writes that expect one row's absence or value exactly one is done; of concurrent writes that claim one
   *   unique text too.
   * - The links that the row had are removed, whoever wrote them.
   */
  write(changes: readonly KvChange[], checks: readonly KvCheck[], signal?: AbortSignal): Awaitable<KvResult>;
  /** Gives the number of entries of a range, where the store knows it without reading them. Rows must not expire. */
  count?(table: string, range: KvRange, signal?: AbortSignal): Awaitable<number>;
  /** The row store that this is made of: `write` takes one change then, and no checks. */
  readonly byRow?: KvRowStore;
  /** Waits for what is running and frees what is held. */
  close(): Awaitable<void>;
}

/** A row with its version, a text that changes with every write of the row. */
export interface KvVersioned {
  readonly value: string;
  readonly version: string;
}

/** What must be true of a row for its write to happen. */
export type KvRowExpectation = "absent" | "present" | { readonly version: string };

/** One row's write. Its links are never unique, and none where the store makes spaces by itself. */
export interface KvRowChange extends Omit<KvChange, "expect"> {
  readonly expect?: KvRowExpectation | undefined;
}

/** What became of a write: `conflict` where the expectation did not hold. */
export type KvRowOutcome = "done" | "conflict" | { readonly error: unknown };

/**
 * An ordered store of single rows. Texts and order are as in {@link KvStore}.
 *
 * - The write of a row takes effect at one moment. Every read sees all that was written before it.
 * - A row and its entries are never apart, as in {@link KvStore}.
 */
export interface KvRowStore {
  /** Gives rows in the order of `keys`, undefined for a missing one. A key may be asked for twice. */
  read(table: string, keys: readonly string[], signal?: AbortSignal): Awaitable<readonly (KvVersioned | undefined)[]>;
  /** As in {@link KvStore}, each entry with its row's version. */
  range(
    table: string,
    range: KvRange,
    page: { readonly descending: boolean; readonly limit: number },
    signal?: AbortSignal,
  ): Awaitable<KvPage>;
  /**
   * Carries out changes of different rows, each by itself, and gives what became of each, in order. It rejects only where
   * nothing is known of any of them.
   *
   * - Of concurrent writes that expect one row's absence or version exactly one is done.
   * - A write without an expectation, or one that expects any row, happens also while others write the row.
   */
  write(changes: readonly KvRowChange[], signal?: AbortSignal): Awaitable<readonly KvRowOutcome[]>;
  /**
   * Makes the entries of a space by itself from now on, whoever writes the rows, and those of all rows that there are: the
   * columns as `encodeKey` has them, of rows with a value in the first one. Safe when several do it at once. Absent: changes have links.
   */
  makeSpace?(table: string, space: string, columns: readonly Column[], signal?: AbortSignal): Promise<void>;
  /** Whether a space is as `makeSpace` makes it; somebody may have removed it. */
  hasSpace?(table: string, space: string, columns: readonly Column[], signal?: AbortSignal): Promise<boolean>;
  count?(table: string, range: KvRange, signal?: AbortSignal): Awaitable<number>;
  close(): Awaitable<void>;
}

/** The entry of a link: in order of its text, then of its row's key. */
export function entryOf(text: string, key: string): string {
  return `${text}\u0000${key}`;
}

/** The key of the row that an entry of a space belongs to. */
export function keyOfEntry(entry: string): string {
  return entry.slice(entry.indexOf("\u0000") + 1);
}

/** The first text after `text`: where to go on after an entry. */
export function justAfter(text: string): string {
  return `${text}\u0000`;
}
