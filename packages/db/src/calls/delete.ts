// del: deleting one row.

import { type BoundTable, slotsOf } from "../compile/bound-table.js";
import { readWhole, sameRow, untilUnchanged } from "./compare-and-set.js";
import type { PlainWrite } from "./bulk.js";
import { type Condition, allOf, always, conditionKey, isNever } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import { parseFilter } from "../normalize/filter.js";
import type { Reply, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { checkKey } from "../normalize/row.js";
import { living, valueEncoder } from "../plan/query.js";
import { isNative } from "../plan/select-plan.js";
import { type RowOptions, type WriteContext, type WriteResult, done, nothing } from "./write-context.js";

/** The command of a delete without conditions; undefined where the table has some of its own. */
export function plainDelete(bound: BoundTable, key: unknown): PlainWrite | undefined {
  const { table } = bound;
  if (table.ttl !== undefined) return undefined;
  const prepared = bound.prepared("delete", () => ({
    verb: "delete",
    target: "key",
    table,
    key: slotsOf(table.key),
    guard: always,
    returning: "none",
  }));
  const values = bound.encodeKey(checkKey(bound.rules, key));
  return { bound, prepared, values, key: values, finish };
}

function finish(reply: Reply): WriteResult {
  return reply.affected > 0 ? done : nothing;
}

/** Deletes the row of a key. */
export function deleteRow(
  bound: BoundTable,
  context: WriteContext,
  key: unknown,
  options?: RowOptions,
): WriteResult | Promise<WriteResult> {
  const { table, codec, pool } = bound;
  const { where: asked, returning, mustMatch } = options ?? {};
  const plain = asked === undefined && returning === undefined && mustMatch === undefined ? plainDelete(bound, key) : undefined;
  if (plain !== undefined) {
    const reply = bound.ordered(plain.key, () => pool.send(plain.prepared, plain.values, options, context.target));
    return reply instanceof Promise ? reply.then(finish) : finish(reply);
  }
  const storedKey = bound.encodeKey(checkKey(bound.rules, key));
  const values: unknown[] = [];
  const where = options?.where === undefined ? allOf([]) : parseFilter(table, options.where, values, { ops: options.whereOps });
  const guard = allOf([where, living(table, values, context.now())]);
  const wantsOld = options?.returning === "old";
  const native =
    !isNever(guard) && isNative(guard, pool.driver.capabilities) && (!wantsOld || pool.driver.capabilities.returning.delete === "old");
  if (!native || options?.mustMatch === true)
    return bound.ordered(storedKey, () => deleteByReading(bound, context, storedKey, where, values, options));
  const kept = bound.kept(`delete ${conditionKey(guard)}${wantsOld ? " old" : ""}`, () => ({
    prepared: pool.prepare({
      verb: "delete",
      target: "key",
      table,
      key: slotsOf(table.key, values.length),
      guard,
      returning: wantsOld ? "old" : "none",
    }),
    encode: valueEncoder(guard, values.length, codec),
  }));
  const present = (reply: Reply): WriteResult => {
    if (reply.affected === 0) return nothing;
    return wantsOld && reply.rows[0] !== undefined ? { affected: 1, row: bound.decodeRow(reply.rows[0]) } : done;
  };
  const result = bound.ordered(storedKey, () => pool.send(kept.prepared, [...kept.encode(values), ...storedKey], options, context.target));
  return result instanceof Promise ? result.then(present) : present(result);
}

function deleteByReading(
  bound: BoundTable,
  context: WriteContext,
  storedKey: Values,
  where: Condition,
  values: readonly unknown[],
  options: RowOptions | undefined,
): Promise<WriteResult> {
  const { table, pool } = bound;
  const holds = compileMatcher(where, (column) => column.index);
  const prepared = bound.prepared("delete same", () => ({
    verb: "delete",
    target: "key",
    table,
    key: slotsOf(table.key, table.columns.length),
    guard: sameRow(table, 0),
    returning: "none",
  }));
  const fail = (code: "not-found" | "condition-failed", message: string): WriteResult => {
    if (options?.mustMatch !== true) return nothing;
    throw new DbError(code, message);
  };
  return untilUnchanged(bound, context, options, async () => {
    const before = await readWhole(bound, context, storedKey, options);
    if (before === undefined) return fail("not-found", "there is no row with this key");
    if (!holds(before, values)) return fail("condition-failed", "the condition in where does not hold for the row");
    const reply = await pool.send(prepared, [...bound.encodeRow(before), ...storedKey], options, context.target);
    if (reply.affected === 0) return undefined;
    return options?.returning === "old" ? { affected: 1, row: bound.presentLogical(before) } : done;
  });
}
