// Read, compute, write if the row is still the same: how the core makes up what an engine cannot do in one step.

import { type BoundTable, slotsOf } from "../compile/bound-table.js";
import type { CallOptions } from "../normalize/call-options.js";
import { type Condition, allOf } from "../reference/condition.js";
import type { Change, Reply, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { isOver } from "./read.js";
import type { Table } from "../schema/table.js";
import type { WriteContext } from "./write-context.js";

/** The whole row of a key as logical values, undefined when it is missing or its time has come. */
export async function readWhole(
  bound: BoundTable,
  context: WriteContext,
  storedKey: Values,
  options: CallOptions | undefined,
): Promise<unknown[] | undefined> {
  const { table, pool } = bound;
  const prepared = bound.prepared("whole", () => ({
    verb: "get",
    table,
    columns: table.columns,
    key: slotsOf(table.key),
    consistent: true,
  }));
  const reply = await pool.send(prepared, storedKey, options, context.target);
  const [row] = reply.rows;
  if (row === undefined) return undefined;
  const logical = bound.decodeArray(row);
  return table.ttl !== undefined && isOver(logical[table.ttl.index], context.now()) ? undefined : logical;
}

/** Sets columns (slots of `changes` are column indexes of `after`) if the row is still `before`. */
export function changeIfSame(
  bound: BoundTable,
  context: WriteContext,
  storedKey: Values,
  before: readonly unknown[],
  changes: readonly Change[],
  after: readonly unknown[],
  options: CallOptions | undefined,
): Reply | Promise<Reply> {
  const { table } = bound;
  const width = table.columns.length;
  const names = changes.map(({ column }) => column.name).join(",");
  const prepared = bound.prepared(`update same ${names}`, () => ({
    verb: "update",
    target: "key",
    table,
    key: slotsOf(table.key, 2 * width),
    changes,
    guard: sameRow(table, width),
    insert: undefined,
    returning: "none",
  }));
  const values = [...bound.encodeRow(after), ...bound.encodeRow(before), ...storedKey];
  return bound.pool.send(prepared, values, options, context.target);
}

/** That every stored column but the key is as in the slots from `from` on. */
export function sameRow(table: Table, from: number): Condition {
  const tests = table.columns.filter((column) => !column.isKey);
  return allOf(tests.map((column): Condition => ({ kind: "test", column, op: "same", slots: [from + column.index] })));
}

const eagerAttempts = 3;
const mostAttempts = 500;

/** Repeats `attempt` while it gives undefined: somebody changed the row between reading and writing. */
export function untilUnchanged<T>(
  bound: BoundTable,
  context: WriteContext,
  options: CallOptions | undefined,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  return bound.pool.track(repeated(context, options, attempt));
}

async function repeated<T>(context: WriteContext, options: CallOptions | undefined, attempt: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < mostAttempts; i++) {
    const result = await attempt();
    if (result !== undefined) return result;
    // Of many writers of one row the waiting ones step back a little more each time.
    if (i >= eagerAttempts) await context.clock.sleep(context.clock.random() * Math.min(2 * i, 50), options?.signal);
  }
  throw new DbError(
    "limited",
    `the row was changed by others ${mostAttempts} times while this call computed its new value; try again later`,
  );
}
