// Read, compute, write if the row is still the same: how the core emulates what an engine cannot do in one step.

import type { Prepared } from "../compile/prepared.js";
import { deleteIfSameShape, deleteIfVersionShape, getShape, updateIfSameShape, updateShape } from "../compile/shapes.js";
import type { Change, Reply, Value, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { always } from "../reference/condition.js";
import { hasExpired } from "../reference/expiry.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";

/** A whole row as it was read. */
export interface ReadRow {
  /** Logical values by `column.index`. */
  readonly values: readonly unknown[];
  /** Where the engine has versions of rows. */
  readonly version: Value | undefined;
}

/** The whole row of a key, undefined when it is missing or has expired. */
export async function readWhole(bound: BoundTable, context: CallContext, storedKey: Values): Promise<ReadRow | undefined> {
  const row = await readStored(bound, context, storedKey);
  return row === undefined || isExpired(bound, context, row) ? undefined : row;
}

/** Whether a row that was read is a missing one. */
export function isExpired({ table }: BoundTable, context: CallContext, { values }: ReadRow): boolean {
  return table.ttl !== undefined && hasExpired(values[table.ttl.index], context.now());
}

/** The whole row of a key as the engine has it, expired or not. */
export async function readStored(bound: BoundTable, context: CallContext, storedKey: Values): Promise<ReadRow | undefined> {
  const { table, pool } = bound;
  // In a transaction the row must be read as it is now, whatever snapshot the transaction has, and stay so until it is written.
  const locks = context.target !== undefined;
  const prepared = bound.prepared(locks ? "whole, locked" : "whole", () =>
    getShape(table, table.columns, true, {
      ...(pool.capabilities.versions ? { version: true } : {}),
      ...(locks ? { lock: true } : {}),
    }),
  );
  const { rows, versions } = await pool.send(prepared, storedKey, context);
  const [row] = rows;
  if (row === undefined) return undefined;
  return { values: bound.decodeArray(row), version: versions?.[0] };
}

/** Sets columns (slots of `changes` are column indexes of `after`) if the row is still `before`. */
export function updateIfSame(
  bound: BoundTable,
  context: CallContext,
  storedKey: Values,
  before: ReadRow,
  changes: readonly Change[],
  after: readonly unknown[],
): Reply | Promise<Reply> {
  const { table, pool } = bound;
  const names = changes.map(({ column }) => column.name).join(",");
  if (before.version !== undefined) {
    const width = table.columns.length;
    const prepared = bound.prepared(`update version ${names}`, () => ({
      ...updateShape(table, changes, always, { values: width }),
      ifVersion: width + table.key.length,
    }));
    return pool.send(prepared, [...bound.encodeRow(after), ...storedKey, before.version], context);
  }
  const prepared = bound.prepared(`update same ${names}`, () => updateIfSameShape(table, changes));
  return pool.send(prepared, [...bound.encodeRow(after), ...bound.encodeRow(before.values), ...storedKey], context);
}

/** Deletes the row if it is still `before`. */
export function deleteIfSame(bound: BoundTable, context: CallContext, storedKey: Values, before: ReadRow): Reply | Promise<Reply> {
  const { table, pool } = bound;
  if (before.version !== undefined) {
    const prepared: Prepared = bound.prepared("delete version", () => deleteIfVersionShape(table));
    return pool.send(prepared, [...storedKey, before.version], context);
  }
  const prepared = bound.prepared("delete same", () => deleteIfSameShape(table));
  return pool.send(prepared, [...bound.encodeRow(before.values), ...storedKey], context);
}

const eagerAttempts = 3;
const mostAttempts = 500;
/** In a transaction a row that was locked cannot change between reading and writing: what is read is not what is written. */
const mostInTransaction = 3;

/** Repeats `attempt` while it gives undefined: somebody changed the row between reading and writing. */
export async function untilUnchanged<T>(context: CallContext, attempt: () => Promise<T | undefined>): Promise<T> {
  const most = context.target === undefined ? mostAttempts : mostInTransaction;
  for (let i = 0; i < most; i++) {
    const result = await attempt();
    if (result !== undefined) return result;
    // Of many writers of one row the waiting ones step back a little more each time.
    if (i >= eagerAttempts) await context.clock.sleep(context.clock.random() * Math.min(2 * i, 50), context.deadline?.signal);
  }
  throw new DbError("limited", `the row was changed by others ${most} times while this call computed its new value; try again later`);
}
