// The contract between the core and a database driver. Read this to write a driver; docs/adding-a-driver has a walk-through.
//
// A driver is two facts (name, capabilities and codec), two pure functions (compile, classify) and a few effects
// (execute, executeGroup, begin, commit, close). It sees only columns that exist, values already in stored form (see
// `Codec`), and operators that it claims. Validation, defaults, generated values, residual filters, pages, retries,
// timeouts, hooks and metrics are the core's.

import type { Change } from "./reference/change.js";
import type { Condition, Related, Slot, Test } from "./reference/condition.js";
import type { AggregateOp, Measure } from "./reference/measure.js";
import type { SortColumn } from "./reference/order.js";
import type { ChangeOp, Operator } from "./schema/operators.js";
import type { Codec, Value, Values } from "./schema/stored-value.js";
import type { Column, Index, Kind, Table } from "./schema/table.js";
import type { Clock, ErrorCode, Log, Outcome } from "@bk/core";

export type { AggregateOp, Change, ChangeOp, Codec, Measure, Related, SortColumn, Value, Values };

/** Operators by kind of column. */
export type KindOps = { readonly [kind in Kind]?: readonly Operator[] };

/**
 * What one kind of read sees: every acknowledged write (`always`), every acknowledged write where the shape says
 * `consistent` (`asked`), or perhaps not the latest ones (`late`).
 */
export type Sees = "always" | "asked" | "late";

/**
 * How many members one request of a verb carries. Members of a select are selects of one shape, each with its own limit and rows.
 *
 * - `outcome: "whole"`: all members take effect or none does. After a rejection that `classify` gives the outcome `none`
 *   the core tries the members alone.
 * - `outcome: "each"`: every member has an outcome of its own, a reply or an error; services whose batches succeed in part.
 *   Members whose error is `limited` or `unavailable` with the outcome `none` are sent again by the core.
 */
export interface GroupLimit {
  readonly most: number;
  /**
   * Most bytes of values in one request, as few as they may take: texts in UTF-8, numbers two. The core divides groups by it, and a member that
   * has more alone goes alone. Absent where there is no limit worth stating.
   */
  readonly bytes?: number;
  /**
   * Calls that wait are shared among the requests that may be under way, this many in each at least: for engines that work on one request
   * with one thread, or reach other nodes by it. Absent: each request takes all that it may.
   */
  readonly fewest?: number;
  readonly outcome: "whole" | "each";
  /** Members of one request must share their hash key: the core sends those of each by themselves. */
  readonly within?: "partition";
}

/**
 * What an engine takes, as numbers; absent where there is no limit worth stating. The core plans within them, so that
 * `too-large` is the same error everywhere, and never the answer to the second page of a select whose first one worked.
 */
export interface Limits {
  /** Values of one command. */
  readonly values?: number;
  /** Tests of one condition. */
  readonly tests?: number;
  /**
   * Bytes of the values of one command, counted as in `GroupLimit.bytes`: more is `too-large` before anything is sent, and groups are divided by it. What the
   * engine itself refuses, its own words counted, `classify` makes the same code.
   */
  readonly statementBytes?: number;
  /** Bytes of UTF-8 that the columns of a key take together. */
  readonly keyBytes?: number;
  /** Bytes of UTF-8 of one indexed text; more is `too-large`, with the column. */
  readonly indexBytes?: number;
  /** Bytes of a whole row: a `put` whose values alone have more is `too-large` before it is sent. */
  readonly rowBytes?: number;
}

/**
 * What a driver can do: plain frozen data. It is known before connecting, save what `connect` corrects.
 * Each is read by the core or by a test.
 */
export interface Capabilities {
  /**
   * - `any`: the engine filters and sorts by any column; `select` gets no access path.
   * - `ordered`: rows and index entries lie in order of their columns; a path may begin with a range.
   * - `partition`: as `ordered` within one partition; the first column of a path must be given by equality.
   */
  readonly access: "any" | "ordered" | "partition";
  /** An index gives rows in its order. Cassandra's SAI and Riak's 2i do not: their rows are sorted by the core. */
  readonly indexOrder: boolean;
  /** Operators that a read evaluates exactly as the core defines them, by kind of column. */
  readonly filters: KindOps;
  /**
   * What a write of one row can be made to depend on: operators by kind of column, and `same`; or `version`: nothing but
   * the row's version (Elasticsearch, CouchDB), so that the core reads, decides and writes if the version is still the same.
   * Apart from `filters`, because engines differ in what they evaluate in a read and in a write (Cassandra, Elasticsearch).
   */
  readonly guards: KindOps | "version";
  /** Reads can give the version of each row, and writes depend on it (`version`, `ifVersion`). */
  readonly versions: boolean;
  /** Columns that a filter may name: `any`, or only those of the key or index that is read (`path`). */
  readonly filterScope: "any" | "path";
  /** Whether a condition may hold `or` (true), or only tests joined by `and` (false). */
  readonly or: boolean;
  /**
   * The filter of a read may ask of the row of another table that columns refer to (`Related`), with operators of `filters`;
   * else the core reads the keys of those rows first.
   */
  readonly related: boolean;
  /** Kinds whose stored form the engine sorts as the core does; others are sorted by the core, within `sortLimit`. */
  readonly sorts: readonly Kind[];
  /** Changes of `update` that the engine carries out itself, beside `set`; the core emulates the others by compare-and-set. */
  readonly changes: { readonly [kind in Kind]?: readonly ChangeOp[] };
  /** `update` can create the missing row in the same atomic step. */
  readonly upsert: boolean;
  /** Rows that the engine can give back in the same step. New rows of `put` the core knows. */
  readonly returning: { readonly put: "old" | "none"; readonly update: readonly ("old" | "new")[]; readonly delete: "old" | "none" };
  /** `update` and `delete` by filter in one command (`target: "filter"`). */
  readonly byFilter: boolean;
  /**
   * What the engine computes exactly over rows; the core folds the rest on the rows that it reads.
   *
   * - `count`: the number of rows;
   * - `of`: measures by kind of column. Sums of `real` are always folded, since an engine's depend on the order in which it adds;
   * - `by`: kinds of columns by which it makes groups, and sorts them, as the core does; without any, rows are computed over as a whole.
   */
  readonly aggregates: {
    readonly count: boolean;
    readonly of: { readonly [kind in Kind]?: readonly AggregateOp[] };
    readonly by: readonly Kind[];
  };
  /** `interactive`: begin(); `batch`: commit(); `none`. */
  readonly transactions: "interactive" | "batch" | "none";
  /**
   * An interactive transaction in which the engine refused something goes on, as if the refused call had not been made; or
   * ends (MongoDB). The core sends nothing more to one that has ended, and it rejects with what was refused, also when its
   * function caught that. Undoing a mark that was set before (`savepoints`) takes the refusal back.
   */
  readonly afterRefusal: "goes on" | "ends";
  /** An interactive transaction can be undone back to a mark (`Session.mark`): nested transactions. */
  readonly savepoints: boolean;
  /**
   * How many rows take effect together in one batch transaction, and where they must lie: anywhere, in tables of one slot
   * (`slotOf`), or in one table under one hash key. The core counts what the transaction has read or written, and refuses the
   * whole before anything is done: `too-large`, or `unsupported` with the capability. Undefined: no limit.
   */
  readonly atomic: { readonly rows?: number; readonly within: "database" | "slot" | "partition" } | undefined;
  /** Verbs of which one request carries several members; absent: one by one. */
  readonly group: { readonly [verb in "get" | "select" | "put" | "update" | "delete"]?: GroupLimit };
  /** Full-text search by `select` with `match`. */
  readonly search: boolean;
  /**
   * Unique groups: enforced by the engine; claimed by the core in rows of a table of its own, `_bk_unique`, whose every write
   * is made by key and depends on the row that was read (`versions`, or `same`); or refused when the table is opened.
   */
  readonly unique: "engine" | "claims" | "none";
  readonly sees: { readonly get: Sees; readonly select: Sees; readonly index: Sees };
  /**
   * Where a page ends: `position`, values of the order; or `cursor`, a text of the engine (Riak, Cassandra's scans), which stands
   * behind the last row of its reply. The core asks for no more rows than a page takes, so that a token is a cursor alone.
   */
  readonly paging: "position" | "cursor";
  /** The engine removes expired rows by itself, some time later; else `sweep` does. */
  readonly ttl: boolean;
  readonly limits: Limits;
  /** The store keeps types and keys of columns, so that `define` and `inspect` mean something. */
  readonly schema: boolean;
  /**
   * What `watch` reports: nothing (there is no `watch`); the keys of rows that this process writes; those of every changed row;
   * or the rows too, before and after.
   */
  readonly watch: "none" | "process" | "keys" | "rows";
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

/**
 * Gives the row of `key` if `guard` holds for it. Reply: no row or one.
 *
 * - `guard`: a row rule as a part of the read, so that a row outside of it costs what a missing one does. Only operators
 *   of `filters`; the core evaluates others itself.
 * - `version`: the reply has `versions`. Only where `capabilities.versions`.
 * - `lock`: inside an interactive transaction the row is held for a write that follows, and read as it is now, not as the
 *   transaction's snapshot has it (MySQL).
 */
export interface GetShape {
  readonly verb: "get";
  readonly table: Table;
  readonly columns: readonly Column[];
  readonly key: readonly Slot[];
  readonly guard?: Condition;
  readonly version?: true;
  readonly lock?: true;
  readonly consistent: boolean;
}

/**
 * Gives at most `limit` rows for which `filter` holds, in `order`.
 *
 * - `order` is total: it ends with the key columns. With a `path` the order is that of the path and `order` says it in columns.
 * - `after` has one slot for each column of `order`: the position of the last row that the caller has; only rows
 *   strictly after it count. Nulls sort before all values, ascending.
 * - `cursor`, in its place where `capabilities.paging` is `cursor`: the slot of the `cursor` of the reply before.
 * - A reply may have fewer rows than `limit` only when there are no more, or when it has `next`, the position (values for
 *   the `after` slots, stored form), or `cursor`, from which to go on.
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
  readonly cursor?: Slot;
  readonly limit: Slot | undefined;
  readonly match: Slot | undefined;
  readonly consistent: boolean;
}

/**
 * Computes over the rows for which `filter` holds: one row of the reply for each distinct combination of the columns of
 * `groupBy`, in that order (without columns one row in all, also where nothing matches): its values, then one for each of `measures`.
 *
 * - Absent values are one group of their own. They have no part in measures of their column: over nothing `count` is 0, the others are null.
 * - `count` comes as a number or its digits. Sums come as the text of their digits, or as a number or bigint that is exact;
 *   they may be larger than what the column takes. `min` and `max` come in the stored form of the column.
 * - `after` and `limit` as in `select`: groups after a position are those of the rows after it. A reply has fewer rows than
 *   `limit` only when there are no more.
 */
export interface AggregateShape {
  readonly verb: "aggregate";
  readonly table: Table;
  readonly path: AccessPath | undefined;
  readonly filter: Condition;
  readonly groupBy: readonly SortColumn[];
  readonly measures: readonly Measure[];
  readonly after: readonly Slot[] | undefined;
  readonly limit: Slot | undefined;
  readonly consistent: boolean;
}

/**
 * Writes a whole row, if there is none with its key or `over` holds for the one that there is. `row` has a slot for each of
 * `table.columns`, in order; null is absence.
 *
 * - `over` that always holds is a put, one that never does an add; in between lie a row that has expired, or a row rule.
 * - Affected 0 when a row was there for which `over` does not hold. Readers see the old row or the new one.
 * - Of concurrent adds of one key exactly one has affected 1.
 * - `ifVersion`: written only if the row has this version; null: only if there is no row. Only where `capabilities.versions`.
 * - A value of a unique group that another row has: error `already-exists`, nothing written.
 * - `returning: "old"`: the replaced row, if there was one.
 */
export interface PutShape {
  readonly verb: "put";
  readonly table: Table;
  readonly key: readonly Slot[];
  readonly row: readonly Slot[];
  readonly over: Condition;
  readonly ifVersion?: Slot;
  readonly returning: "old" | "none";
}

/**
 * Changes the row of `key`, if it exists and `guard` holds; affected 0 or 1, counting a row that was already so.
 *
 * - Atomic under concurrency: of two changes on one row each sees the other's result or precedes it.
 * - `insert`: when there is no row, write this one (a slot for each of `table.columns`); the guard is not asked then.
 *   Only where `capabilities.upsert`.
 * - With `target: "filter"` (`capabilities.byFilter`) `key` is empty and all rows for which `guard` holds are changed.
 * - `ifVersion`: changed only if the row has this version.
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
  readonly ifVersion?: Slot;
  readonly returning: "old" | "new" | "none";
}

/** Deletes the row of `key` if `guard` holds, or with `target: "filter"` all rows for which `guard` holds. */
export interface DeleteShape {
  readonly verb: "delete";
  readonly target: "key" | "filter";
  readonly table: Table;
  readonly key: readonly Slot[];
  readonly guard: Condition;
  readonly ifVersion?: Slot;
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

/** Reports what the store has for a table; the reply's `stored` is undefined when there is nothing. */
export interface InspectShape {
  readonly verb: "inspect";
  readonly table: Table;
}

export type Shape = GetShape | SelectShape | AggregateShape | PutShape | UpdateShape | DeleteShape | DefineShape | InspectShape;

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
  /** With `GetShape.version`, one for each row: a text or number that changes with every write of the row. */
  readonly versions?: Values;
  readonly next?: Values;
  readonly cursor?: string;
  readonly stored?: StoredTable | undefined;
}

/** What a native error means. */
export interface Classified {
  readonly code: ErrorCode;
  readonly outcome?: Outcome;
  /** A short text without values, for the message. */
  readonly message?: string;
  /** The column that the engine names, if it does. */
  readonly column?: string;
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

/** A reply, or the native error of one member of a group. */
export type MemberReply = Reply | { readonly error: unknown };

/**
 * A transaction on one connection. Exactly one of commit and rollback ends it; a call that comes later, or that is still
 * under way then, takes no effect and is refused with `closed`.
 */
export interface Session<Command> {
  execute(command: Command, values: Values, signal?: AbortSignal): Reply | Promise<Reply>;
  /** As that of the driver, for reads; absent: they are carried out one after the other. */
  executeGroup?(command: Command, group: readonly Values[], signal?: AbortSignal): Promise<readonly MemberReply[]>;
  /**
   * Runs statements of the app's own on the transaction's connection, as `KnexAccess` lends it, in turn with its other calls.
   *
   * @param keepsMarks  they set, keep or undo marks of their own; else a statement that fails leaves the transaction as it was
   */
  knex?<Result>(work: (connection: object) => Promise<Result>, keepsMarks: boolean, signal: AbortSignal | undefined): Promise<Result>;
  /** Sets a mark, back to which `undo` takes what was written; `capabilities.savepoints`. Marks nest. */
  mark?(): Promise<SessionMark>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** A point in a transaction. Exactly one of the two ends it. */
export interface SessionMark {
  keep(): Promise<void>;
  undo(): Promise<void>;
}

/** When an error came: while a connection was being made, so that nothing was sent; or later. */
export type Phase = "connect" | "send";

/**
 * What `watch` reports: a row was written (`put`) or deleted, or `reset`: events were missed, and whoever keeps rows reads
 * them again. `key`, `before` and `after` are in stored form, in order of `table.key` and `table.columns`. Whole rows are
 * there where `capabilities.watch` is `rows`; `before` is absent where there was no row, `after` of a delete.
 *
 * `cursor` is where to go on behind the event.
 */
export type RowEvent =
  | { readonly kind: "put" | "delete"; readonly key: Values; readonly before?: Values; readonly after?: Values; readonly cursor: string }
  | { readonly kind: "reset"; readonly cursor: string };

export interface WatchShape {
  readonly table: Table;
}

/** Where commands go, as tracers report it: OpenTelemetry's words for databases. Neither user nor password. */
export interface Endpoint {
  /** `db.system.name`, such as `postgresql`. */
  readonly system: string;
  /** `db.namespace`: the database. */
  readonly namespace?: string | undefined;
  /** `server.address`: the host, of a cluster its first one. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

export interface Driver<Command = unknown> {
  /** Name in messages, in `capabilities()` and of the settings' bag. */
  readonly name: string;
  /** For tracers; absent: `name` says it all. */
  readonly endpoint?: Endpoint;
  readonly capabilities: Capabilities;
  readonly codec: Codec;
  /** Translates a shape. No I/O, clock or randomness; the result is kept and used again with other values. */
  compile(shape: Shape): Command;
  /** The command in words that a person can read, for `explain`: native text or a plain object. */
  describe(command: Command): unknown;
  /**
   * Connects, and gives what is known of the server only then. Called once, before the first `compile`; absent where
   * everything is known beforehand. A rejection is the call's error, and the next call tries again.
   */
  connect?(signal?: AbortSignal): Promise<{ readonly capabilities?: Partial<Capabilities>; readonly server: string }>;
  /** What a native error means; undefined when the driver does not know it (then it is `internal`, outcome unknown). Default phase: `send`. */
  classify(error: unknown, phase?: Phase): Classified | undefined;
  /** Carries a command out. A synchronous engine answers at once. Throws or rejects with native errors. */
  execute(command: Command, values: Values, signal?: AbortSignal): Reply | Promise<Reply>;
  /**
   * Carries one command out for several groups of values at once, each with its own reply, in order; `GroupLimit` says
   * what an error means. No two members concern one row.
   * A synchronous engine answers at once.
   */
  executeGroup?(command: Command, group: readonly Values[], signal?: AbortSignal): readonly MemberReply[] | Promise<readonly MemberReply[]>;
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
  /** A text that is the same for tables that lie together, where `atomic.within` is `slot`. */
  slotOf?(table: Table): string;
  /**
   * Reports what is written to a table's rows, in batches; `capabilities.watch` says what. No call of an app reads it yet:
   * handing events to many listeners, filters and row rules will be the core's.
   *
   * - Every write that took effect is reported once, those of one row in their order; what a transaction wrote only when it is
   *   committed, what was rolled back never. `process`: the writes of this driver object, or of its process, alone.
   * - `from`: behind the event with this cursor. Without it, and where the cursor is not known any more, the first event is a
   *   `reset`; its cursor is that of now, so that what is read after it and the events that follow leave nothing out.
   * - Who reads too slowly gets a `reset` in place of what the driver does not keep for them.
   * - It ends when the signal aborts and when the driver is closed. What hinders it for good is thrown, to its reader alone.
   */
  watch?(shape: WatchShape, from: string | undefined, signal: AbortSignal): AsyncIterable<readonly RowEvent[]>;
  /**
   * Checks the settings that a definition has for this driver, `drivers: { <name>: bag }` of a table or a column. Called
   * for each when a pool is opened; absent where the driver takes none.
   *
   * @param fail  makes the error of a setting that is unknown or wrong; to be thrown
   */
  checkBag?(bag: Readonly<Record<string, unknown>>, of: "table" | "column", fail: (setting: string, problem: string) => Error): void;
  /**
   * Removes the rows of a table that had expired by `before`, in milliseconds since 1970, and gives how many; a row that is
   * changed meanwhile is left alone. It reads those rows alone. Absent: the core finds them by a filter.
   */
  sweep?(table: Table, before: number, signal?: AbortSignal): Promise<number>;
  /**
   * Drops a table: its rows, its indexes, and what the store knows of it, so that `define` makes it anew. No error where there is none. Stores
   * that cannot do it at one moment remove the rows first, so that what was begun is finished by doing it once more. Absent: it cannot be done.
   */
  drop?(table: Table, signal?: AbortSignal): Promise<void>;
  /**
   * Whether a column whose native type is `stored` serves `column`: each value is kept, compared and sorted exactly, or
   * refused with an error. A string says what to do where it does not.
   */
  serves?(stored: string, column: Column): boolean | string;
  /** Why an index that is missing cannot be made on the table as it is stored, and what to do; undefined: it can be made. */
  refusesIndex?(index: Index, stored: StoredTable): string | undefined;
  /** SQL databases only. */
  readonly knex?: KnexAccess;
  /** Runs a native command, for `db.native`. */
  native?(command: unknown, signal?: AbortSignal): Promise<unknown>;
  /** Waits for what is running and frees the connections. */
  close(): Promise<void>;
}

export interface KnexConnection {
  /** Runs work on it; `connection` is as knex's client expects it. One that is lost meanwhile is never lent again. */
  run<Result>(work: (connection: object) => Promise<Result>): Promise<Result>;
  /**
   * Gives it back; nothing that was begun on it reaches its next borrower.
   *
   * @param mayBeOpen  a transaction was begun on it
   */
  release(mayBeOpen: boolean): Promise<void>;
}

/** Connections of the pool for SQL of the app's own, through knex (`@bk/db/knex`). */
export interface KnexAccess {
  /** The client of knex that speaks the dialect, as knex names it. */
  readonly client: string;
  /** Lends a connection; waits for one as calls do. */
  lend(): Promise<KnexConnection>;
  /** The error of a statement: an error of this package that says why, without values, or a native one for `classify`. */
  errorOf(error: unknown): unknown;
  /** A value as knex gives it, in stored form. */
  stored(value: unknown, column: Column): Value;
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
