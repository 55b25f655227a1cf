import type { DbCalls } from "./calls.js";
import type { CopyOptions } from "../calls/copy.js";
import { type OpenOptions, openDatabase } from "./db.js";
import type { Capabilities } from "../driver.js";
import type { Hook, HookEvent } from "../calls/hooks.js";
import type { PoolNumbers } from "../execute/metrics.js";
import type { TableDefinitions } from "../schema/definition.js";
import type { TableName } from "../schema/infer.js";
import type { SyncOptions, SyncResult } from "../calls/sync.js";

/** The calls on one pool, for every declared table. */
export interface DbPool<Tables> extends DbCalls<Tables> {
  /** Makes what is missing of the declared tables on this pool. Never drops, narrows or rewrites. */
  sync(options?: SyncOptions): Promise<SyncResult>;
}

/** The calls that `explain` explains. */
export type ExplainedCall =
  | "get"
  | "list"
  | "select"
  | "search"
  | "count"
  | "add"
  | "put"
  | "update"
  | "incr"
  | "del"
  | "updateAll"
  | "delAll";

/** An open database, typed by its tables. Close it when done. */
export interface Db<Tables = TableDefinitions> extends DbPool<Tables>, AsyncDisposable {
  /** Another database of the same `Db`, with the same calls. */
  pool(name: string): DbPool<Tables>;
  /** What the driver of a pool can do, as plain data; default: the first pool. */
  capabilities(pool?: string): Capabilities;
  /** Plan and first native command of a call, without running it. Takes the arguments of the call after its name. */
  explain(call: ExplainedCall, table: TableName<Tables>, ...args: readonly unknown[]): Promise<{ plan: unknown; command: unknown }>;
  /** Runs a command of the engine itself; what it takes and gives is in the README of the driver. */
  native(pool: string, command: unknown, options?: { readonly signal?: AbortSignal }): Promise<unknown>;
  /** Registers a function that runs before or after the calls on a table; a `before` hook refuses the call by throwing. */
  hook(table: TableName<Tables>, event: HookEvent, hook: Hook): void;
  /** Copies tables from one pool to another, resumable; gives the number of rows by table. */
  copy(options: CopyOptions): Promise<Record<string, number>>;
  /** Counters by pool. */
  metrics(): Record<string, PoolNumbers>;
  /** Waits for what is running, then closes every pool. Later calls reject with `closed`. */
  close(): Promise<void>;
}

/**
 * Opens a database, or several as pools. Nothing is sent to a server before the first call; embedded databases open their file.
 *
 * @throws DbError `invalid` for tables, options or URLs that break the rules; `driver-missing` when a client package is not installed
 */
export async function openDb<const Tables extends TableDefinitions>(options: OpenOptions<Tables>): Promise<Db<Tables>> {
  return (await openDatabase(options)) as unknown as Db<Tables>;
}
