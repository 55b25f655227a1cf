// A database as the suite sees it: every call with plain types, so that wrong arguments can be tried as easily as right ones.

import type { Clock, Log } from "@bk/core";

import type { Capabilities } from "../driver.js";
import type { TableDefinitions } from "../schema/definition.js";

export type AnyRow = Record<string, unknown>;
export type AnyOptions = Readonly<Record<string, unknown>>;

export interface AnyPage {
  rows: AnyRow[];
  next?: string;
}

export interface AnyResult {
  affected: number;
  row?: AnyRow;
}

/** The writing calls on one row and the reading calls, as `db` and a transaction have them. */
export interface AnyCalls {
  get(table: string, key: unknown, options?: AnyOptions): Promise<AnyRow | undefined>;
  list(table: string, keys: unknown, options?: AnyOptions): Promise<AnyRow[]>;
  select(table: string, filter?: unknown, options?: AnyOptions): Promise<AnyPage>;
  count(table: string, filter?: unknown, options?: AnyOptions): Promise<number>;
  aggregate(table: string, filter?: unknown, options?: AnyOptions): Promise<AnyPage>;
  add(table: string, row: unknown, options?: AnyOptions): Promise<AnyResult>;
  put(table: string, row: unknown, options?: AnyOptions): Promise<AnyResult>;
  update(table: string, row: unknown, options?: AnyOptions): Promise<AnyResult>;
  incr(table: string, row: unknown, options?: AnyOptions): Promise<AnyResult>;
  del(table: string, key: unknown, options?: AnyOptions): Promise<AnyResult>;
}

export type AnyItem = Readonly<Record<string, unknown>>;

/** A scan: rows one by one, or as pages. */
export interface AnyScan extends AsyncIterable<AnyRow> {
  pages(): AsyncIterable<AnyRow[] & { readonly next?: string }>;
}

export interface AnySync {
  created: string[];
  altered: string[];
  indexed: string[];
  drift: { table: string; column?: string; message: string }[];
  filled?: Record<string, number>;
}

export interface AnyDb extends AnyCalls {
  scope(tables: unknown, options?: AnyOptions): AnyDb;
  search(table: string, query: unknown, options?: AnyOptions): Promise<AnyPage>;
  scan(table: string, filter?: unknown, options?: AnyOptions): AnyScan;
  updateAll(table: string, filter: unknown, changes: unknown, options?: AnyOptions): Promise<{ affected: number }>;
  delAll(table: string, filter?: unknown, options?: AnyOptions): Promise<{ affected: number }>;
  bulk(items: readonly AnyItem[], options?: AnyOptions): Promise<({ affected: number } | { error: unknown })[]>;
  transaction<T>(run: (tx: AnyCalls) => Promise<T>, options?: AnyOptions): Promise<T>;
  sync(options?: AnyOptions): Promise<AnySync>;
  drop(table: string, options?: AnyOptions): Promise<void>;
  capabilities(pool?: string): Capabilities;
  explain(verb: string, ...call: unknown[]): unknown;
  hook(table: string, event: string, hook: (call: AnyHookCall, result?: unknown) => void | Promise<void>): void;
  metrics(): unknown;
  close(): Promise<void>;
}

export interface AnyHookCall {
  verb: string;
  table: string;
  row?: AnyRow;
  options: AnyOptions;
}

/** How the suite opens a database: the settings of `openDb` that it needs, beside where the database is. */
export interface SuiteDbOptions {
  readonly tables: TableDefinitions;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly tokenKey?: string;
  readonly sortLimit?: number;
  readonly relatedLimit?: number;
  readonly timeoutMs?: number;
}
