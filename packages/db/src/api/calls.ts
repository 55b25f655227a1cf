// The calls of a database as a caller sees them, typed by the tables that it was opened with.

import type { AggregateOptions, SomeOf } from "./aggregate-options.js";
import type { FilterOptions } from "./filter-options.js";
import type { Distances, NearOptions, NearPlace } from "./near-options.js";
import type { CopyOptions } from "../calls/copy.js";
import type { Hook, HookEvent } from "../calls/hooks.js";
import type { CallOptions, RowOptions, TransactionOptions } from "../calls/options.js";
import type { ScanProgress } from "../calls/progress.js";
import type { ScanPage } from "../calls/scan.js";
import type { ScopeOptions } from "../calls/scope.js";
import type { SyncOptions, SyncResult } from "../calls/sync.js";
import type { Capabilities } from "../driver.js";
import type { PoolNumbers } from "../execute/metrics.js";
import type { TableDefinitions } from "../schema/definition.js";
import type { AggregateRowOf, GroupName, GroupSortOf, NumberName } from "../schema/aggregate-type.js";
import type { FilterOf, FilterOpsOf } from "../schema/filter-type.js";
import type { CheckedInclude, IncludeShape, Including } from "../schema/include-type.js";
import type { CachedOption, Includes } from "./read-options.js";
import type { DbError } from "../errors.js";
import type {
  ChangeOpsOf,
  ChangedRowOf,
  ChangesOf,
  ColumnName,
  KeyOf,
  NewRowOf,
  RowOf,
  Selected,
  SortOf,
  TableName,
} from "../schema/infer.js";
import type { ExplainedCall } from "./explained-call.js";
import type { Highlights } from "./highlights.js";
import type { CheckedScope, ReadTables, ScopeOf, WrittenTables } from "./scope-types.js";
import type { BulkOptions, DelOptions, IncrOptions, UpdateAllOptions, UpdateOptions, WriteOptions, ManyOptions } from "./write-options.js";

/** The columns of a read; undefined: all. */
export type SelectOf<Tables, Name extends keyof Tables> = readonly ColumnName<Tables, Name>[] | undefined;

export interface ReadOptions<Select> extends RowOptions {
  /** The columns to return; default: all declared ones. */
  readonly select?: Select;
  /** See every acknowledged write, on databases where reads may lag behind. Default false. */
  readonly consistent?: boolean | undefined;
}

// The options have the types of what they take, not those of the tables: messages of the compiler would write those out.

export interface PageOptions<Sort, Ops, Select> extends ReadOptions<Select>, FilterOptions<Ops> {
  /** `"a"`, `"-a"` (descending) or a list of them. Default: range-key order within one partition, else the engine's own. */
  readonly sort?: Sort | readonly Sort[] | undefined;
  /** Reverses the direction of every sort column. Default false. */
  readonly desc?: boolean | undefined;
  /** Rows of a page, 1 to 10,000; default 50. */
  readonly count?: number | undefined;
  /** `next` of the previous page. */
  readonly start?: string | undefined;
}

export interface ScanOptions<Sort, Ops, Select> extends Omit<PageOptions<Sort, Ops, Select>, "scan"> {
  /** Rows of one page; default: as many as are about 4 MB together, at most 2,000. */
  readonly count?: number | undefined;
  /** Most rows in all; default: no limit. */
  readonly limit?: number | undefined;
  /** Count the matching rows first, for `total` of the progress. Default false. */
  readonly total?: boolean | undefined;
  /** Called when the rows of a page were taken. */
  readonly onProgress?: ((progress: ScanProgress) => void) | undefined;
}

export interface SearchOptions<Sort, Ops, Filter, Select, Highlight> extends Omit<PageOptions<Sort, Ops, Select>, "scan"> {
  /** A filter that the rows must match as well. */
  readonly filter?: Filter | undefined;
  /** Give `highlights`: where the words stand in each row. Default false. */
  readonly highlight?: Highlight;
}

export interface CountOptions<Ops> extends RowOptions, FilterOptions<Ops> {
  readonly consistent?: boolean | undefined;
  /** Count every row of the table; implies `scan`. */
  readonly all?: boolean | undefined;
}

export type * from "./explained-call.js";
export type * from "./highlights.js";
export type * from "./near-options.js";
export type * from "./read-options.js";
export type * from "./write-options.js";
export type { AggregateOptions, FilterOptions, SomeOf, TransactionOptions };

/** One page of rows. */
export interface PageOf<Row> {
  readonly rows: Row[];
  /** Token of the next page, for `start`; absent on the last page. */
  readonly next?: string;
}

export interface WriteResultOf<Row> {
  readonly affected: number;
  /** The row that `returning` asks for, if there is one. */
  readonly row?: Row;
}

/** One write of `bulk`. */
export type BulkItemOf<Tables, Written = Tables> = {
  [Name in TableName<Tables> & keyof Written]:
    | { readonly op: "add" | "put"; readonly table: Name; readonly row: NewRowOf<Written, Name>; readonly options?: WriteOptions }
    | {
        readonly op: "update";
        readonly table: Name;
        readonly row: ChangedRowOf<Written, Name>;
        readonly options?: UpdateOptions<FilterOf<Tables, Name>, ChangeOpsOf<Written, Name>>;
      }
    | {
        readonly op: "incr";
        readonly table: Name;
        readonly row: ChangedRowOf<Written, Name>;
        readonly options?: IncrOptions<FilterOf<Tables, Name>, ChangeOpsOf<Written, Name>>;
      }
    | {
        readonly op: "del";
        readonly table: Name;
        readonly key: KeyOf<Written, Name>;
        readonly options?: DelOptions<FilterOf<Tables, Name>>;
      };
}[TableName<Tables> & keyof Written];

/** The result of one item of `bulk`. */
export type BulkResult = { readonly affected: number; readonly row?: Readonly<Record<string, unknown>> } | { readonly error: DbError };

/** The rows of a scan, one by one or by pages. Each iteration starts over. */
export interface RowScan<Row> extends AsyncIterable<Row> {
  /** Arrays of rows; the `next` of each is where another scan goes on after it, for `start`. */
  pages(): AsyncIterable<ScanPage<Row>>;
}

/** The option that names a pool, with the names of those that were opened. */
export interface OnPool<Pools extends string> {
  readonly pool?: Pools | undefined;
}

/**
 * The calls of a database, of one of its pools and of a transaction.
 *
 * @typeParam Written  the tables as keys and written rows know them, where a scope sets columns or leaves some alone
 */
export interface DbCalls<Tables, Pools extends string = string, Written = Tables> {
  /** The row of a whole primary key, or undefined. */
  get<
    const Name extends TableName<Tables> & keyof Written,
    const Select extends SelectOf<Tables, Name> = undefined,
    const Include extends IncludeShape | undefined = undefined,
  >(
    table: Name,
    key: KeyOf<Written, Name>,
    options?: ReadOptions<Select> & CachedOption & Includes<Include, CheckedInclude<Tables, Name, Include>> & OnPool<Pools>,
  ): Promise<Including<Tables, Name, Selected<RowOf<Tables, Name>, Select>, Include> | undefined>;

  /** Rows by key, in the order asked; missing ones are left out, a key that is asked for twice is given twice. */
  list<
    const Name extends TableName<Tables> & keyof Written,
    const Select extends SelectOf<Tables, Name> = undefined,
    const Include extends IncludeShape | undefined = undefined,
  >(
    table: Name,
    keys: readonly KeyOf<Written, Name>[],
    options?: ReadOptions<Select> & CachedOption & Includes<Include, CheckedInclude<Tables, Name, Include>> & OnPool<Pools>,
  ): Promise<Including<Tables, Name, Selected<RowOf<Tables, Name>, Select>, Include>[]>;

  /** One page of the rows that a filter matches. */
  select<
    const Name extends TableName<Tables>,
    const Select extends SelectOf<Tables, Name> = undefined,
    const Include extends IncludeShape | undefined = undefined,
  >(
    table: Name,
    filter?: FilterOf<Tables, Name>,
    options?: PageOptions<SortOf<Tables, Name>, FilterOpsOf<Tables, Name>, Select> &
      Includes<Include, CheckedInclude<Tables, Name, Include>> &
      OnPool<Pools>,
  ): Promise<PageOf<Including<Tables, Name, Selected<RowOf<Tables, Name>, Select>, Include>>>;

  /** One page of the rows whose `search` columns have the words of `text`; `-word` leaves rows with it out. With `highlight` it tells where they stand. */
  search<
    const Name extends TableName<Tables>,
    const Select extends SelectOf<Tables, Name> = undefined,
    const Include extends IncludeShape | undefined = undefined,
    const Highlight extends boolean | undefined = undefined,
  >(
    table: Name,
    text: string,
    options?: SearchOptions<SortOf<Tables, Name>, FilterOpsOf<Tables, Name>, FilterOf<Tables, Name>, Select, Highlight> &
      Includes<Include, CheckedInclude<Tables, Name, Include>> &
      OnPool<Pools>,
  ): Promise<
    PageOf<Including<Tables, Name, Selected<RowOf<Tables, Name>, Select>, Include>> & (Highlight extends true ? Highlights : unknown)
  >;

  /**
   * One page of the rows within a distance of a place, nearest first; rows without a place are left out. The table has a `geohash`
   * column that is made of its latitude and longitude, and an index by it.
   *
   * @throws DbError `scan-refused` where no key or index serves the cells of the column; `invalid` for a table without one
   */
  near<
    const Name extends TableName<Tables>,
    const Select extends SelectOf<Tables, Name> = undefined,
    const Include extends IncludeShape | undefined = undefined,
  >(
    table: Name,
    place: NearPlace,
    options?: ReadOptions<Select> &
      NearOptions<ColumnName<Tables, Name>, FilterOpsOf<Tables, Name>, FilterOf<Tables, Name>> &
      Includes<Include, CheckedInclude<Tables, Name, Include>> &
      OnPool<Pools>,
  ): Promise<PageOf<Including<Tables, Name, Selected<RowOf<Tables, Name>, Select>, Include>> & Distances>;

  /** Every row that a filter matches, read page by page. Never refused: its name says that it may read the whole table. */
  scan<
    const Name extends TableName<Tables>,
    const Select extends SelectOf<Tables, Name> = undefined,
    const Include extends IncludeShape | undefined = undefined,
  >(
    table: Name,
    filter?: FilterOf<Tables, Name>,
    options?: ScanOptions<SortOf<Tables, Name>, FilterOpsOf<Tables, Name>, Select> &
      Includes<Include, CheckedInclude<Tables, Name, Include>> &
      OnPool<Pools>,
  ): RowScan<Including<Tables, Name, Selected<RowOf<Tables, Name>, Select>, Include>>;

  /** How many rows a filter matches. */
  count<const Name extends TableName<Tables>>(
    table: Name,
    filter?: FilterOf<Tables, Name>,
    options?: CountOptions<FilterOpsOf<Tables, Name>> & OnPool<Pools>,
  ): Promise<number>;

  /**
   * What is computed over the rows that a filter matches, for each group of them: one page of groups, each a row with a
   * member for each option. `by` alone gives the distinct values. Without `by` one row, over no rows too.
   *
   * @throws DbError `too-large` for a sum that its type cannot say; `unsupported` when more than `sortLimit` groups
   *   would be sorted by what is computed
   */
  aggregate<
    const Name extends TableName<Tables>,
    const By extends SomeOf<GroupName<Tables, Name>> = undefined,
    const Count extends boolean | undefined = undefined,
    const Sum extends SomeOf<NumberName<Tables, Name>> = undefined,
    const Avg extends SomeOf<NumberName<Tables, Name>> = undefined,
    const Min extends SomeOf<GroupName<Tables, Name>> = undefined,
    const Max extends SomeOf<GroupName<Tables, Name>> = undefined,
  >(
    table: Name,
    filter: FilterOf<Tables, Name>,
    options: AggregateOptions<GroupSortOf<Tables, Name>, FilterOpsOf<Tables, Name>, By, Count, Sum, Avg, Min, Max> & OnPool<Pools>,
  ): Promise<PageOf<AggregateRowOf<Tables, Name, { by: By; count: Count; sum: Sum; avg: Avg; min: Min; max: Max }>>>;

  /** Inserts a row; rejects with `already-exists` when its key, or a unique value, is taken. */
  add<const Name extends TableName<Tables> & keyof Written>(
    table: Name,
    row: NewRowOf<Written, Name>,
    options?: WriteOptions & OnPool<Pools>,
  ): Promise<WriteResultOf<RowOf<Tables, Name>>>;

  /** Inserts a row or replaces the whole of it: what is not given falls back to its default or null. */
  put<const Name extends TableName<Tables> & keyof Written>(
    table: Name,
    row: NewRowOf<Written, Name>,
    options?: WriteOptions & OnPool<Pools>,
  ): Promise<WriteResultOf<RowOf<Tables, Name>>>;

  /** Changes the given columns of the row of a key, if it exists and `where` holds for it; affected 0 or 1. */
  update<const Name extends TableName<Tables> & keyof Written>(
    table: Name,
    row: ChangedRowOf<Written, Name>,
    options?: UpdateOptions<FilterOf<Tables, Name>, ChangeOpsOf<Written, Name>> & OnPool<Pools>,
  ): Promise<WriteResultOf<RowOf<Tables, Name>>>;

  /** Adds to numeric columns and sets the others that are given; creates the row if it is missing. */
  incr<const Name extends TableName<Tables> & keyof Written>(
    table: Name,
    row: ChangedRowOf<Written, Name>,
    options?: IncrOptions<FilterOf<Tables, Name>, ChangeOpsOf<Written, Name>> & OnPool<Pools>,
  ): Promise<WriteResultOf<RowOf<Tables, Name>>>;

  /** Deletes the row of a key, if `where` holds for it; affected 0 or 1. */
  del<const Name extends TableName<Tables> & keyof Written>(
    table: Name,
    key: KeyOf<Written, Name>,
    options?: DelOptions<FilterOf<Tables, Name>> & OnPool<Pools>,
  ): Promise<WriteResultOf<RowOf<Tables, Name>>>;

  /** Changes every row that a filter matches. */
  updateAll<const Name extends TableName<Tables> & keyof Written>(
    table: Name,
    filter: FilterOf<Tables, Name>,
    changes: ChangesOf<Written, Name>,
    options?: UpdateAllOptions<FilterOpsOf<Tables, Name>, ChangeOpsOf<Written, Name>> & OnPool<Pools>,
  ): Promise<{ readonly affected: number }>;

  /** Deletes every row that a filter matches. */
  delAll<const Name extends TableName<Tables>>(
    table: Name,
    filter: FilterOf<Tables, Name>,
    options?: ManyOptions<FilterOpsOf<Tables, Name>> & OnPool<Pools>,
  ): Promise<{ readonly affected: number }>;

  /** Runs writes on any tables and gives a result for each, in order. Items on one row keep their order; an item that fails does not affect the others. */
  bulk(items: readonly BulkItemOf<Tables, Written>[], options?: BulkOptions & OnPool<Pools>): Promise<BulkResult[]>;

  /**
   * Runs `run` in a transaction: what it writes is kept when it resolves, and undone when it rejects. Calls that were made
   * and not awaited belong to it; it ends after them. Inside another transaction it is a part of that, undone by itself.
   *
   * @throws DbError `unsupported` where the database has no transactions
   */
  transaction<Result>(
    run: (tx: DbCalls<Tables, Pools, Written>) => Promise<Result>,
    options?: TransactionOptions & OnPool<Pools>,
  ): Promise<Result>;

  /**
   * The same calls, within: rows, columns and tables that the scope does not have there are not. Scopes nest.
   *
   * @throws DbError `invalid` for what is no scope of the tables, or goes beyond the one it is in
   */
  scope<const Own extends ScopeOf<Tables, Written>>(
    tables: Own & CheckedScope<Tables, Written, Own>,
    options?: ScopeOptions,
  ): DbScope<ReadTables<Tables, Own>, Pools, WrittenTables<Written, Own>>;
}

/** The calls within a scope. */
export interface DbScope<Tables, Pools extends string = string, Written = Tables> extends DbCalls<Tables, Pools, Written> {
  /** Another database of the same `Db`, within the same scope. */
  pool(name: Pools): DbCalls<Tables, Pools, Written>;
  /** Plan and first native command of a call, without running it. Takes the arguments of the call after its name. */
  explain(call: ExplainedCall, table: TableName<Tables>, ...args: readonly unknown[]): Promise<{ plan: unknown; command: unknown }>;
}

/** The calls on one pool, for every declared table. */
export interface DbPool<Tables, Pools extends string = string> extends DbCalls<Tables, Pools> {
  /** Makes what is missing of the declared tables on this pool. Never drops, narrows or rewrites. */
  sync(options?: SyncOptions & OnPool<Pools>): Promise<SyncResult>;
  /** Removes expired rows where the engine does not by itself; gives their number by table. `sweepEveryMs` of `openDb` does it in the background. */
  sweep(
    options?: SweepOptions & OnPool<Pools> & { readonly tables?: readonly TableName<Tables>[] | undefined },
  ): Promise<Record<string, number>>;
}

export interface SweepOptions extends CallOptions {
  /** Default: every table that has a `ttl` column. */
  readonly tables?: readonly string[] | undefined;
}

/** An open database, typed by its tables and the names of its pools. Close it when done. */
export interface Db<Tables = TableDefinitions, Pools extends string = string> extends DbPool<Tables, Pools>, AsyncDisposable {
  /** Another database of the same `Db`, with the same calls. */
  pool(name: Pools): DbPool<Tables, Pools>;
  /** What the driver of a pool can do, as plain data; default: the first pool. */
  capabilities(pool?: Pools): Capabilities;
  /** Plan and first native command of a call, without running it. Takes the arguments of the call after its name. */
  explain(call: ExplainedCall, table: TableName<Tables>, ...args: readonly unknown[]): Promise<{ plan: unknown; command: unknown }>;
  /** Runs a command of the engine itself; what it takes and gives is in the README of the driver. */
  native(pool: Pools, command: unknown, options?: Pick<CallOptions, "signal" | "timeoutMs">): Promise<unknown>;
  /**
   * Drops a table with all that it holds; the next `sync` makes it anew, without rows. No error where there is none. Other processes that use the
   * table are refused, or write to a table without indexes, until they have called `sync`.
   *
   * @throws DbError `unsupported` when the driver drops no tables, or the core keeps the table's unique groups (`capabilities.unique` is
   *   `claims`); the rows are deleted by `delAll`
   */
  drop(table: TableName<Tables>, options?: OnPool<Pools> & Pick<CallOptions, "signal" | "timeoutMs">): Promise<void>;
  /** Registers a function that runs before or after the calls on a table, or with `"*"` on every table; a `before` hook refuses the call by throwing. */
  hook(table: TableName<Tables> | "*", event: HookEvent, hook: Hook): void;
  /** Copies tables from one pool to another, resumable; gives the number of rows by table. */
  copy(
    options: CopyOptions & { readonly from: Pools; readonly to: Pools; readonly tables?: readonly TableName<Tables>[] | undefined },
  ): Promise<Record<string, number>>;
  /**
   * Forgets cached rows: after writes that this database does not know of, such as those of `native`, Knex or other programs.
   *
   * @param keys  the rows; default: every row of the table
   * @throws DbError `unavailable` when the cache does not answer; it is tried again in the background
   */
  forget<const Name extends TableName<Tables>>(table: Name, keys?: readonly KeyOf<Tables, Name>[], options?: OnPool<Pools>): Promise<void>;
  /** Counters by pool. */
  metrics(): Record<string, PoolNumbers>;
  /** Waits for what is running, then closes every pool. Later calls reject with `closed`. */
  close(): Promise<void>;
}
