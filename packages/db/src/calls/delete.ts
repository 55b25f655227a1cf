// del: deleting one row.

import { valueEncoder } from "../compile/bind.js";
import { deleteShape } from "../compile/shapes.js";
import type { Change, Reply, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { parseFilter } from "../normalize/filter.js";
import { checkKey } from "../normalize/row.js";
import { canGuard } from "../plan/evaluates.js";
import { allOf, always, type Condition, conditionKey, isNever } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import type { Column } from "../schema/table.js";
import type { BoundTable } from "./bound-table.js";
import { deleteIfSame, untilUnchanged } from "./compare-and-set.js";
import { type CallContext, done, nothing, type WriteResult } from "./context.js";
import type { ChangeOptions } from "./options.js";
import type { PlainWrite } from "./plain-write.js";
import { claimsUnique, writeClaiming } from "./unique-claims.js";
import { changeChecked, completeChanges, guarded } from "./update.js";
import { readVisible, visibleRows } from "./visible.js";

/** The command of a delete without conditions; undefined where the table has some of its own. */
export function plainDelete(bound: BoundTable, key: unknown): PlainWrite | undefined {
  const { table } = bound;
  if (table.ttl !== undefined || bound.scope !== undefined || claimsUnique(bound)) return undefined;
  const prepared = bound.prepared("delete", () => deleteShape(table, always, { values: 0 }));
  const values = bound.encodeKey(checkKey(bound.rules, key));
  return { bound, prepared, values, key: values, finish };
}

function finish(reply: Reply): WriteResult {
  return reply.affected > 0 ? done : nothing;
}

/** Deletes the row of a key. */
export function deleteRow(
  bound: BoundTable,
  context: CallContext,
  key: unknown,
  options?: ChangeOptions,
): WriteResult | Promise<WriteResult> {
  const { where, returning, mustMatch } = options ?? {};
  const plain = where === undefined && returning === undefined && mustMatch === undefined ? plainDelete(bound, key) : undefined;
  if (plain !== undefined) {
    const reply = bound.ordered(context, plain.key, () => bound.pool.send(plain.prepared, plain.values, context));
    return reply instanceof Promise ? reply.then(finish) : finish(reply);
  }
  const storedKey = bound.encodeKey(checkKey(bound.rules, key));
  const values: unknown[] = [];
  const condition = where === undefined ? always : parseFilter(bound.readable, where, values);
  const deletedAt = bound.scope?.deletedAt;
  if (deletedAt !== undefined) return markDeleted(bound, context, deletedAt, { storedKey, where: condition, values }, options);
  return deleteGuarded(bound, context, { storedKey, where: condition, values }, options);
}

/** Notes in the row when it was deleted: it is as if missing from then on. */
function markDeleted(
  bound: BoundTable,
  context: CallContext,
  deletedAt: Column,
  { storedKey, where, values: given }: GuardedDelete,
  options: Pick<ChangeOptions, "returning" | "mustMatch"> | undefined,
): WriteResult | Promise<WriteResult> {
  const values = [...given];
  const changes = deletionChanges(bound, context, deletedAt, values);
  return changeChecked(bound, context, guarded(bound, context, { storedKey, changes, values, where, create: undefined, options }));
}

/** The changes that mark a row as deleted; values are appended. */
export function deletionChanges(bound: BoundTable, context: CallContext, deletedAt: Column, values: unknown[]): Change[] {
  const now = context.now();
  const mark: Change = { column: deletedAt, op: "set", slot: values.push(deletedAt.kind === "time" ? new Date(now) : now) - 1 };
  return completeChanges(bound, context, [mark], values);
}

/** A row that is deleted if a condition holds for it. */
export interface GuardedDelete {
  readonly storedKey: Values;
  readonly where: Condition;
  /** Logical values of the condition. */
  readonly values: readonly unknown[];
}

export function deleteGuarded(
  bound: BoundTable,
  context: CallContext,
  { storedKey, where, values: given }: GuardedDelete,
  options: Pick<ChangeOptions, "returning" | "mustMatch"> | undefined,
): WriteResult | Promise<WriteResult> {
  const { table, codec, pool } = bound;
  const values = [...given];
  const guard = allOf([where, visibleRows(bound, context, values)]);
  const returnsOld = options?.returning === "old";
  const native =
    !isNever(guard) &&
    !claimsUnique(bound) &&
    canGuard(guard, pool.capabilities) &&
    (!returnsOld || pool.capabilities.returning.delete === "old");
  if (!native || options?.mustMatch === true)
    return bound.ordered(context, storedKey, () => deleteByReading(bound, context, { storedKey, where, values }, options));
  const kept = bound.kept(`delete ${conditionKey(guard)}${returnsOld ? " old" : ""}`, () => ({
    prepared: pool.prepare(deleteShape(table, guard, { values: values.length, returnsOld })),
    encode: valueEncoder(guard, values.length, codec),
  }));
  const present = (reply: Reply): WriteResult => {
    if (reply.affected === 0) return nothing;
    return returnsOld && reply.rows[0] !== undefined ? { affected: 1, row: bound.decodeWritten(reply.rows[0]) } : done;
  };
  const result = bound.ordered(context, storedKey, () => pool.send(kept.prepared, [...kept.encode(values), ...storedKey], context));
  return result instanceof Promise ? result.then(present) : present(result);
}

function deleteByReading(
  bound: BoundTable,
  context: CallContext,
  { storedKey, where, values }: GuardedDelete,
  options: Pick<ChangeOptions, "returning" | "mustMatch"> | undefined,
): Promise<WriteResult> {
  const holds = compileMatcher(where, (column) => column.index);
  const fail = (code: "not-found" | "condition-failed", message: string): WriteResult => {
    if (options?.mustMatch !== true) return nothing;
    throw new DbError(code, message);
  };
  return untilUnchanged(context, async () => {
    const before = await readVisible(bound, context, storedKey);
    if (before === undefined) return fail("not-found", "there is no row with this key");
    if (!holds(before.values, values)) return fail("condition-failed", "the condition in where does not hold for the row");
    const remove = (): Reply | Promise<Reply> => deleteIfSame(bound, context, storedKey, before);
    if ((await writeClaiming(bound, context, before, undefined, remove)) === undefined) return undefined;
    return options?.returning === "old" ? { affected: 1, row: bound.presentLogical(before.values) } : done;
  });
}
