// The options of calls, untyped: what `api/calls.ts` states by the types of the tables.

import type { ScanProgress } from "./progress.js";

export interface CallOptions {
  /** Aborts the call, which rejects with `cancelled`; a change may have been made all the same (`outcome`). */
  readonly signal?: AbortSignal | undefined;
  /** Longest time for the whole call in milliseconds, waiting and retries included; after that it rejects with `timeout`. Default: that of `openDb`, else none. */
  readonly timeoutMs?: number | undefined;
  /** The pool to use instead of the table's own. */
  readonly pool?: string | undefined;
  /** False: the call is not sent together with others of the same tick. Default true. */
  readonly group?: boolean | undefined;
}

/** Options of the calls on rows of one table. */
export interface RowOptions extends CallOptions {
  /** Of a table with `softDelete`: as if it had none. Reads see deleted rows, `del` and `delAll` delete for good. Default false. */
  readonly deleted?: boolean | undefined;
}

export interface ReadOptions extends RowOptions {
  readonly select?: readonly string[] | undefined;
  readonly consistent?: boolean | undefined;
  /** Rows of other tables that are read along, by the names under which they stand. */
  readonly include?: unknown;
}

/** Options of reads by key. */
export interface KeyedReadOptions extends ReadOptions {
  /** Of a cached table: whether the rows may come from the cache. Default: as the table says. */
  readonly cached?: boolean | undefined;
}

export interface SelectOptions extends ReadOptions {
  readonly ops?: Readonly<Record<string, string>> | undefined;
  readonly sort?: string | readonly string[] | undefined;
  readonly desc?: boolean | undefined;
  readonly count?: number | undefined;
  readonly start?: string | undefined;
  readonly scan?: boolean | undefined;
}

export interface SearchOptions extends SelectOptions {
  readonly highlight?: boolean | undefined;
  readonly filter?: unknown;
}

export interface NearOptions extends ReadOptions {
  readonly filter?: unknown;
  /** The geohash column, where the table has several. */
  readonly column?: string | undefined;
  readonly ops?: Readonly<Record<string, string>> | undefined;
  readonly count?: number | undefined;
  readonly start?: string | undefined;
  readonly scan?: boolean | undefined;
}

export interface CountOptions extends SelectOptions {
  readonly all?: boolean | undefined;
}

export interface AggregateOptions extends RowOptions {
  readonly by?: readonly string[] | undefined;
  readonly count?: boolean | undefined;
  readonly sum?: readonly string[] | undefined;
  readonly avg?: readonly string[] | undefined;
  readonly min?: readonly string[] | undefined;
  readonly max?: readonly string[] | undefined;
  readonly sort?: string | readonly string[] | undefined;
  readonly desc?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly start?: string | undefined;
  readonly ops?: Readonly<Record<string, string>> | undefined;
  readonly scan?: boolean | undefined;
  readonly consistent?: boolean | undefined;
}

export interface ScanOptions extends SelectOptions {
  /** Most rows in all; default: no limit. */
  readonly limit?: number | undefined;
  /** Count the matching rows first, for `total`. */
  readonly total?: boolean | undefined;
  readonly onProgress?: ((progress: ScanProgress) => void) | undefined;
}

export interface WriteOptions extends RowOptions {
  /** Give the row after (`new`) or before (`old`) the change back, where there is one. */
  readonly returning?: "new" | "old" | undefined;
  /** Keep given values of `now` columns. */
  readonly keepNow?: boolean | undefined;
  /** The rows must exist that the written row refers to. */
  readonly checkRefs?: boolean | undefined;
}

export interface ChangeOptions extends WriteOptions {
  /** The change is made only if this holds for the row. */
  readonly where?: unknown;
  readonly ops?: Readonly<Record<string, string>> | undefined;
  /** Make the row when it is missing, whatever `where` and `mustMatch` say: they are about a row that exists. */
  readonly upsert?: boolean | undefined;
  /** Reject when nothing was changed: `not-found` or `condition-failed`. */
  readonly mustMatch?: boolean | undefined;
}

/** Options of `bulk` that are those of its items too. */
export interface BulkItemOptions extends CallOptions {
  readonly checkRefs?: boolean | undefined;
}

export interface BulkOptions extends BulkItemOptions {
  readonly atomic?: boolean | undefined;
}

export interface ManyOptions extends RowOptions {
  readonly ops?: Readonly<Record<string, string>> | undefined;
  /** Operators of plain values in the filter, where they are not `eq`. */
  readonly filterOps?: Readonly<Record<string, string>> | undefined;
  /** Every row of the table; needed where the filter has no condition. Implies `scan`. */
  readonly all?: boolean | undefined;
  readonly scan?: boolean | undefined;
}

export interface TransactionOptions {
  /** The pool whose tables the transaction is for; default: that of the calls, else the database's first. */
  readonly pool?: string | undefined;
  /** `serializable`: as if transactions ran one after another, where the engine has it. Default: the engine's own. */
  readonly isolation?: "default" | "serializable" | undefined;
  /** How often the function is run when others were faster (deadlock, conflict); default 5. It must have no other effects. */
  readonly attempts?: number | undefined;
  /** Bounds the whole, every attempt included. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
