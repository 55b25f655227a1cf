// The contract between the core and a database driver. Read this to write a driver; docs/adding-a-driver has a walk-through.
//
// A driver is two facts (name, capabilities and codec), two pure functions (compile, classify) and a few effects
// (execute, executeGroup, begin, commit, close). It sees only columns that exist, values already in stored form (see
// `Codec`), and operators that it claims. Validation, defaults, generated values, residual filters, pages, retries,
// timeouts, hooks and metrics are the core's.

import type { Condition, Slot, Test } from "./reference/condition.js";
import type { Operator } from "./schema/operators.js";
import type { Column, Index, Join, Kind, Table } from "./schema/table.js";
import type { Clock, ErrorCode, Log, Outcome } from "@bk/core";

/** What crosses the boundary: a closed set. Times are milliseconds since 1970 unless the codec says otherwise. */
export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[] | { readonly [name: string]: Value };

/** The values of one call; a command refers to them by index (slot). */
export type Values = readonly Value[];

/**
 * How a driver stores each kind of value: the name of an encoding of `schema/encodings.ts`. The core encodes before
 * `execute` and decodes after; drivers do not convert.
 *
 * | kind | encodings (stored form) |
 * |---|---|
 * | text | `text` |
 * | int | `number`, `text` (digits) |
 * | int64 | `bigint`, `text` (digits) |
 * | real | `number`, `text` |
 * | decimal | `text`, `sortable` (text that sorts as the number) |
 * | bool | `boolean`, `number` (0, 1), `letter` (read as `t`/`f`, written as a boolean) |
 * | time | `number` (ms), `text` (digits of ms) |
 * | json, list | `value` (as it is), `text` (JSON text) |
 * | blob | `bytes`, `base64`, `hex` (read as `\x…`, written as bytes) |
 */
export interface Codec {
  readonly text: "text";
  readonly int: "number" | "text";
  readonly int64: "bigint" | "text";
  readonly real: "number" | "text";
  readonly decimal: "text" | "sortable";
  readonly bool: "boolean" | "number" | "letter";
  readonly time: "number" | "text";
  readonly json: "value" | "text";
  readonly list: "value" | "text";
  readonly blob: "bytes" | "base64" | "hex";
}

/**
 * What a driver can do: plain frozen data, known before connecting. Each is read by the planner or by a test.
 */
export interface Capabilities {
  /**
   * - `any`: the engine filters and sorts by any column; `select` gets no access path.
   * - `ordered`: rows and index entries lie in order of their columns; a path may begin with a range.
   * - `partition`: as `ordered` within one partition; the first column of a path must be given by equality.
   */
  readonly access: "any" | "ordered" | "partition";
  /** Operators that the engine evaluates exactly as the core defines them, by kind of column. `same` is always claimed. */
  readonly filters: { readonly [kind in Kind]?: readonly Operator[] };
  /** Whether a condition may hold `or` (true), or only tests joined by `and` (false). */
  readonly or: boolean;
  /** Kinds whose stored form the engine sorts as the core does; others are sorted by the core, within `sortLimit`. */
  readonly sorts: readonly Kind[];
  /** Changes of `update` that the engine carries out itself, beside `set`; the core makes up the others by read, compute and change-if-same. */
  readonly changes: { readonly [kind in Kind]?: readonly ChangeOp[] };
  /** `update` can create the missing row in the same atomic step. */
  readonly upsert: boolean;
  /** Rows that the engine can give back in the same step. New rows of `put` the core knows. */
  readonly returning: { readonly put: "old" | "none"; readonly update: readonly ("old" | "new")[]; readonly delete: "old" | "none" };
  /** `update` and `delete` by filter in one command (`target: "filter"`). */
  readonly byFilter: boolean;
  /** `select` can count instead of giving rows. */
  readonly count: boolean;
  /** `interactive`: begin(); `batch`: commit(); `none`. */
  readonly transactions: "interactive" | "batch" | "none";
  /** Most rows of one batch transaction; absent where there is no limit. */
  readonly batchRows?: number;
  /** Groups of values that one command may be executed with at once, by verb; 1 or absent: one by one. */
  readonly group: { readonly get?: number; readonly put?: number; readonly update?: number; readonly delete?: number };
  /** Full-text search by `select` with `match`. */
  readonly search: boolean;
  /** Unique groups are enforced. */
  readonly unique: boolean;
  /** Reads may be asked to see every acknowledged write; false where all reads do already or none can. */
  readonly consistent: boolean;
  /** The engine removes rows whose `ttl` has passed by itself, some time later. */
  readonly ttl: boolean;
  /** Most bytes of a row, where the engine has a limit worth telling. */
  readonly maxRowBytes?: number;
  /** The store keeps types and keys of columns, so that `define` and `inspect` mean something. */
  readonly schema: boolean;
}

export type ChangeOp = "set" | "incr" | "append" | "prepend" | "add" | "del" | "unset";

/** One column's change in `update`. `unset` has no slot. `incr` counts an absent value as 0; `append` … start from empty. */
export interface Change {
  readonly column: Column;
  readonly op: ChangeOp;
  readonly slot: Slot | undefined;
  /** The undeclared column of an open table that is changed, a member of the JSON object in `column`. Left to the core, as `from`. */
  readonly member?: string;
  /**
   * The joined text of `column` must be made again from the changed row (`op` is `set` without a slot). `slots` has one
   * place for each part: the value that the call gives, or undefined where the row has it. Drivers never get such changes.
   */
  readonly from?: { readonly join: Join; readonly slots: readonly (Slot | undefined)[] };
}

/** One column of an order. */
export interface SortColumn {
  readonly column: Column;
  readonly descending: boolean;
}

/**
 * How an engine without native filters reaches rows: the table in key order, or one index.
 *
 * `columns` are the columns of the key or index in order (an index is followed by the key columns that it lacks);
 * the first `equal.length` of them equal the values of those slots; `range`, if any, bounds the next one.
 */
export interface AccessPath {
  readonly index: Index | undefined;
  readonly columns: readonly Column[];
  readonly equal: readonly Slot[];
  readonly range: Test | undefined;
  /** Read backwards. */
  readonly descending: boolean;
}

/** Gives the row of `key`. Values: `key`. Reply: no row or one. */
export interface GetShape {
  readonly verb: "get";
  readonly table: Table;
  readonly columns: readonly Column[];
  readonly key: readonly Slot[];
  readonly consistent: boolean;
}

/**
 * Gives at most `limit` rows for which `filter` holds, in `order`.
 *
 * - `order` is total: it ends with the key columns. With a `path` the order is that of the path and `order` says it in columns.
 * - `after` has one slot for each column of `order`: the position of the last row that the caller has; only rows
 *   strictly after it count. Nulls sort before all values, ascending.
 * - A reply may have fewer rows than `limit` only when there are no more, or when it has `next`: the position (values
 *   for the `after` slots, stored form) from which to go on.
 * - `count`: one row with one number, the number of matching rows; no order, limit or after.
 * - `match`: full text, a query as `search/query.ts` parses it.
 */
export interface SelectShape {
  readonly verb: "select";
  readonly table: Table;
  readonly columns: readonly Column[];
  readonly path: AccessPath | undefined;
  readonly filter: Condition;
  readonly order: readonly SortColumn[];
  readonly after: readonly Slot[] | undefined;
  readonly limit: Slot | undefined;
  readonly count: boolean;
  readonly match: Slot | undefined;
  readonly consistent: boolean;
}

/**
 * Writes a whole row. `row` has a slot for each of `table.columns`, in order; null is absence.
 *
 * - `put` inserts or replaces; affected 1. Readers see the old row or the new one.
 * - `add` inserts; affected 0 when a row with this key exists and `replaceIf` (the row's time has come) does not hold
 *   for it. Of concurrent adds of one key exactly one has affected 1.
 * - A value of a unique group that another row has: error `already-exists`, nothing written.
 * - `returning: "old"`: the replaced row, if there was one.
 */
export interface PutShape {
  readonly verb: "put";
  readonly mode: "put" | "add";
  readonly table: Table;
  readonly key: readonly Slot[];
  readonly row: readonly Slot[];
  readonly replaceIf: Condition | undefined;
  readonly returning: "old" | "none";
}

/**
 * Changes the row of `key`, if it exists and `guard` holds; affected 0 or 1, counting a row that was already so.
 *
 * - Atomic under concurrency: of two changes on one row each sees the other's result or precedes it.
 * - `insert`: when there is no row, write this one (a slot for each of `table.columns`); the guard is not asked then.
 *   Only where `capabilities.upsert`.
 * - With `target: "filter"` (`capabilities.byFilter`) `key` is empty and all rows for which `guard` holds are changed.
 * - `returning`: the row before or after.
 */
export interface UpdateShape {
  readonly verb: "update";
  readonly target: "key" | "filter";
  readonly table: Table;
  readonly key: readonly Slot[];
  readonly changes: readonly Change[];
  readonly guard: Condition;
  readonly insert: readonly Slot[] | undefined;
  readonly returning: "old" | "new" | "none";
}

/** Deletes the row of `key` if `guard` holds, or with `target: "filter"` all rows for which `guard` holds. */
export interface DeleteShape {
  readonly verb: "delete";
  readonly target: "key" | "filter";
  readonly table: Table;
  readonly key: readonly Slot[];
  readonly guard: Condition;
  readonly returning: "old" | "none";
}

/**
 * Makes what `step` names; it is no error when it is there already (ten processes may do it at once).
 * Never drops, narrows or rewrites.
 */
export interface DefineShape {
  readonly verb: "define";
  readonly table: Table;
  readonly step:
    | { readonly kind: "table" }
    | { readonly kind: "column"; readonly column: Column }
    | { readonly kind: "index"; readonly index: Index }
    | { readonly kind: "search" };
}

/** Tells what the store has for a table; the reply's `stored` is undefined when there is nothing. */
export interface InspectShape {
  readonly verb: "inspect";
  readonly table: Table;
}

export type Shape = GetShape | SelectShape | PutShape | UpdateShape | DeleteShape | DefineShape | InspectShape;

/** A table as the store has it. */
export interface StoredTable {
  /** Native type by column name, as the driver's `serves` understands it. */
  readonly columns: ReadonlyMap<string, string>;
  readonly key: readonly string[] | undefined;
  /** Column names of each index by its name in the store. */
  readonly indexes: ReadonlyMap<string, { readonly columns: readonly string[]; readonly unique: boolean }>;
}

/** What came back. Rows are arrays in the order of the shape's `columns` (`table.columns` for returned rows), in stored form. */
export interface Reply {
  readonly rows: readonly (readonly Value[])[];
  readonly affected: number;
  readonly next?: Values;
  readonly stored?: StoredTable | undefined;
}

/** What a native error means. */
export interface Classified {
  readonly code: ErrorCode;
  readonly outcome?: Outcome;
  /** A short text without values, for the message. */
  readonly message?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** One write of a batch transaction: the row before (undefined: there was none) and after (undefined: delete). */
export interface RowChange {
  readonly table: Table;
  /** Stored form, in order of `table.key`. */
  readonly key: Values;
  /** Stored form, in order of `table.columns`. */
  readonly before: Values | undefined;
  readonly after: Values | undefined;
}

/** A transaction on one connection. Exactly one of commit and rollback ends it. */
export interface Session<Command> {
  execute(command: Command, values: Values, signal?: AbortSignal): Reply | Promise<Reply>;
  executeGroup?(command: Command, group: readonly Values[], signal?: AbortSignal): Promise<readonly Reply[]>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export interface Driver<Command = unknown> {
  /** Name in messages, in `capabilities()` and of the settings' bag. */
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly codec: Codec;
  /** Translates a shape. No I/O, clock or randomness; the result is kept and used again with other values. */
  compile(shape: Shape): Command;
  /** The command in words that a person can read, for `explain`: native text or a plain object. */
  describe(command: Command): unknown;
  /** Tells what a native error means; undefined when it does not know it (then it is `internal`, outcome unknown). */
  classify(error: unknown): Classified | undefined;
  /** Carries a command out. A synchronous engine answers at once. Throws or rejects with native errors. */
  execute(command: Command, values: Values, signal?: AbortSignal): Reply | Promise<Reply>;
  /**
   * Carries one command out for several groups of values at once, each with its own reply, in order. All members take
   * effect or none does; after a rejection that `classify` gives the outcome `none` the core tries the members alone.
   * No two members concern one row.
   * A synchronous engine answers at once.
   */
  executeGroup?(command: Command, group: readonly Values[], signal?: AbortSignal): readonly Reply[] | Promise<readonly Reply[]>;
  /** Opens a transaction; `capabilities.transactions` is `interactive`. */
  begin?(options: {
    readonly isolation?: "default" | "serializable";
    readonly signal?: AbortSignal | undefined;
  }): Promise<Session<Command>>;
  /**
   * Applies all changes or none; `capabilities.transactions` is `batch`. False when a row is not as `before` says.
   * `before` and `after` undefined: the row must be absent still.
   */
  commit?(changes: readonly RowChange[], signal?: AbortSignal): Promise<boolean>;
  /** Whether a column whose native type is `stored` can hold all values of `column`. */
  serves?(stored: string, column: Column): boolean;
  /** Runs a native command, for `db.native`. */
  native?(command: unknown, signal?: AbortSignal): Promise<unknown>;
  /** Waits for what is running and frees the connections. */
  close(): Promise<void>;
}

/** What `openDb` gives a driver when it opens it. */
export interface DriverOptions {
  /** The connection as the app wrote it. */
  readonly url: string;
  /** Further settings of the pool, named and checked by each driver. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
  readonly log: Log;
}
