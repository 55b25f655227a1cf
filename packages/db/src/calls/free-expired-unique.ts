// An expired row is a missing row: its unique values are free, although engines keep it for a while.

import { BkError } from "@bk/core";

import { valueEncoder } from "../compile/bind.js";
import { deleteAllShape } from "../compile/shapes.js";
import { allOf, type Condition } from "../reference/condition.js";
import type { Index } from "../schema/table.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext, WriteResult } from "./context.js";

/**
 * Runs a write; when a unique value hinders it, deletes expired rows that hold one of the values and runs it once more.
 * Drivers without commands by filter take over the values of expired rows themselves.
 *
 * @param row  logical values that the write gives the row, by `column.index`; undefined where it leaves them
 */
export function freeingUnique(
  bound: BoundTable,
  context: CallContext,
  row: () => readonly unknown[],
  write: () => WriteResult | Promise<WriteResult>,
): WriteResult | Promise<WriteResult> {
  const { table, pool } = bound;
  if (table.ttl === undefined || table.uniques.length === 0 || !pool.capabilities.byFilter) return write();
  const tryAgain = async (error: unknown): Promise<WriteResult> => {
    if (!(error instanceof BkError) || error.code !== "already-exists" || error.detail?.["unique"] === undefined) throw error;
    const values = row();
    let freed = 0;
    for (const group of table.uniques) freed += await deleteExpired(bound, context, group, values);
    if (freed === 0) throw error;
    return write();
  };
  return (async () => write())().catch(tryAgain);
}

async function deleteExpired(bound: BoundTable, context: CallContext, group: Index, row: readonly unknown[]): Promise<number> {
  const { table, pool, codec } = bound;
  const known = group.columns.filter((column) => row[column.index] !== undefined && row[column.index] !== null);
  if (known.length === 0) return 0;
  const values = [...known.map((column) => row[column.index]), context.now()];
  const holders = known.map((column, i): Condition => ({ kind: "test", column, op: "eq", slots: [i] }));
  const guard = allOf([...holders, { kind: "test", column: table.ttl!, op: "le", slots: [known.length] }]);
  const names = known.map((column) => column.name).join(",");
  const kept = bound.kept(`free ${names}`, () => ({
    prepared: pool.prepare(deleteAllShape(table, guard)),
    encode: valueEncoder(guard, values.length, codec),
  }));
  return (await pool.send(kept.prepared, kept.encode(values), context)).affected;
}
