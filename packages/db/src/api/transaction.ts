// Transactions: interactive ones on a session of the engine, batch ones on an overlay that is committed if nobody was faster.

import { BoundTable, slotsOf } from "../compile/bound-table.js";
import type { Driver, RowChange, Value, Values } from "../driver.js";
import { memoryDriver } from "../drivers/memory/index.js";
import { DbError } from "../errors.js";
import { always } from "../reference/condition.js";
import { Pool, type Target } from "../execute/pool.js";

export interface TransactionOptions {
  /** The pool whose tables the transaction is for; default: the database's first. */
  readonly pool?: string | undefined;
  /** `serializable`: as if transactions ran one after another, where the engine has it. Default: the engine's own. */
  readonly isolation?: "default" | "serializable" | undefined;
  /** How often the function is run when others were faster (deadlock, conflict); default 5. It must have no other effects. */
  readonly attempts?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An open transaction: where the calls inside it go. */
export interface Scope {
  readonly pool: Pool;
  /** Interactive: the session's commands. */
  readonly target: Target | undefined;
  /** Batch: the overlay's rows. */
  readonly overlay: Overlay | undefined;
  /** Set when the transaction has ended: later calls are refused. */
  over: boolean;
}

/** Runs `work` in a transaction of the engine; commits when it resolves, rolls back when it rejects. */
export async function runInteractive<T>(pool: Pool, options: TransactionOptions, work: (scope: Scope) => Promise<T>): Promise<T> {
  const { driver } = pool;
  const shape = { verb: "transaction" };
  const session = await guarded(pool, shape, () => driver.begin!({ isolation: options.isolation ?? "default", signal: options.signal }));
  const target: Target = {
    execute: (prepared, values, signal) => session.execute(prepared.command, values, signal),
  };
  const scope: Scope = { pool, target, overlay: undefined, over: false };
  let result: T;
  try {
    result = await work(scope);
  } catch (error) {
    scope.over = true;
    // The error that ended the work is the one to tell; a failed rollback leaves nothing committed either.
    await session
      .rollback()
      .catch((cause: unknown) => pool.options.log.warn("rollback failed", { reason: pool.error(cause, shape).message }));
    throw error;
  }
  scope.over = true;
  await guarded(pool, { verb: "commit" }, () => session.commit());
  return result;
}

async function guarded<T>(pool: Pool, shape: { verb: string }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw pool.error(error, shape);
  }
}

/** Runs `work` on an overlay, then applies what it wrote if every row that it read is as it was. */
export async function runBatch<T>(pool: Pool, options: TransactionOptions, work: (scope: Scope) => Promise<T>): Promise<T> {
  const overlay = await openOverlay(pool);
  const scope: Scope = { pool, target: undefined, overlay, over: false };
  try {
    const result = await work(scope);
    scope.over = true;
    const changes = await overlay.changes();
    if (changes.some(({ before, after }) => !sameRow(before, after))) await commit(pool, changes, options.signal);
    return result;
  } finally {
    scope.over = true;
    await overlay.close();
  }
}

async function commit(pool: Pool, changes: readonly RowChange[], signal: AbortSignal | undefined): Promise<void> {
  const batchRows = pool.driver.capabilities.atomic?.rows;
  const shape = { verb: "commit" };
  if (batchRows !== undefined && changes.length > batchRows)
    throw pool.error(
      new DbError("too-large", `a transaction takes at most ${batchRows} rows, this one has ${changes.length}; split it`),
      shape,
    );
  const applied = await guarded(pool, shape, () => pool.driver.commit!(changes, signal));
  if (!applied)
    throw pool.error(new DbError("limited", "a row of the transaction was changed by others meanwhile; nothing was done"), shape);
}

function sameRow(a: Values | undefined, b: Values | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.every((value, i) => sameStored(value, b[i]!));
}

function sameStored(a: Value, b: Value): boolean {
  if (typeof a !== "object" || a === null) return Object.is(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.from(a).equals(b);
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The rows that a batch transaction has read or written, in memory. */
export interface Overlay {
  /** The table on the overlay. */
  bound(real: BoundTable): BoundTable;
  /** Reads a row into the overlay, once; calls on the row may follow. */
  load(real: BoundTable, key: readonly unknown[]): Promise<void>;
  /** Every row that was loaded, before and after. */
  changes(): Promise<RowChange[]>;
  close(): Promise<void>;
}

interface LoadedRow {
  readonly real: BoundTable;
  readonly key: readonly unknown[];
  readonly before: Values | undefined;
}

async function openOverlay(pool: Pool): Promise<Overlay> {
  const { clock, log } = pool.options;
  const driver = (await memoryDriver({ url: "memory:", options: {}, clock, log })) as Driver;
  const memory = new Pool(pool.name, driver, { clock, log });
  const tables = new Map<BoundTable, BoundTable>();
  const loaded = new Map<string, Promise<LoadedRow>>();
  const boundOf = (real: BoundTable): BoundTable => {
    const known = tables.get(real) ?? new BoundTable(memory, real.table, real.hooks);
    tables.set(real, known);
    return known;
  };
  return {
    bound: boundOf,
    async load(real, key) {
      const id = JSON.stringify([real.table.name, real.encodeKey(key).map(String)]);
      if (!loaded.has(id)) loaded.set(id, loadRow(real, boundOf(real), key));
      await loaded.get(id);
    },
    async changes() {
      const rows = await Promise.all(loaded.values());
      return rows.map(({ real, key, before }) => {
        const after = wholeRow(boundOf(real), key);
        return { table: real.table, key: real.encodeKey(key), before, after: after === undefined ? undefined : real.encodeRow(after) };
      });
    },
    close: () => memory.close(),
  };
}

async function loadRow(real: BoundTable, overlay: BoundTable, key: readonly unknown[]): Promise<LoadedRow> {
  const { table, pool } = real;
  const columns = table.columns;
  const prepared = real.prepared("load", () => ({
    verb: "get",
    table,
    columns,
    key: slotsOf(table.key),
    consistent: true,
  }));
  const reply = await pool.send(prepared, real.encodeKey(key), undefined);
  const [stored] = reply.rows;
  if (stored === undefined) return { real, key, before: undefined };
  const logical = real.decodeArray(stored);
  const put = overlay.prepared("load put", () => ({
    verb: "put",
    table,
    key: table.key.map((column) => column.index),
    row: slotsOf(columns),
    over: always,
    returning: "none",
  }));
  await overlay.pool.send(put, overlay.encodeRow(logical), undefined);
  return { real, key, before: real.encodeRow(logical) };
}

function wholeRow(bound: BoundTable, key: readonly unknown[]): unknown[] | undefined {
  const { table, pool } = bound;
  const prepared = bound.prepared("load", () => ({
    verb: "get",
    table,
    columns: table.columns,
    key: slotsOf(table.key),
    consistent: false,
  }));
  const reply = pool.send(prepared, bound.encodeKey(key), undefined);
  if (reply instanceof Promise) throw new Error("the memory driver answers at once");
  const [row] = reply.rows;
  return row === undefined ? undefined : bound.decodeArray(row);
}
