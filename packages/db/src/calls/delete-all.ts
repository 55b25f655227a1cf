import { valueEncoder } from "../compile/bind.js";
import { deleteAllShape } from "../compile/shapes.js";
import { allOf, type Condition, conditionKey } from "../reference/condition.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { deleteGuarded, deletionChanges } from "./delete.js";
import { eachRow } from "./each-row.js";
import type { ManyOptions } from "./options.js";
import { canWriteByFilter, changeAll, conditionOfAll } from "./update-all.js";
import { visibleRows } from "./visible.js";

/** Deletes every row that a filter matches; gives how many. */
export async function deleteAll(
  bound: BoundTable,
  context: CallContext,
  filter: unknown,
  options?: ManyOptions,
): Promise<{ affected: number }> {
  const values: unknown[] = [];
  const condition = conditionOfAll(bound, context, "delAll", filter, values, options);
  const given = [...values];
  const deletedAt = bound.scope?.deletedAt;
  if (deletedAt !== undefined) {
    const changes = deletionChanges(bound, context, deletedAt, values);
    return changeAll(bound, context, { condition, given, changes, values });
  }
  const guard = allOf([condition, visibleRows(bound, context, values)]);
  return (
    (await deleteByFilter(bound, context, guard, values)) ??
    eachRow(bound, context, condition, given, (storedKey) =>
      deleteGuarded(bound, context, { storedKey, where: condition, values: given }, undefined),
    )
  );
}

/** Deletes in one command; undefined where the engine has none for this condition. */
export async function deleteByFilter(
  bound: BoundTable,
  context: CallContext,
  guard: Condition,
  values: readonly unknown[],
): Promise<{ affected: number } | undefined> {
  const { pool, table, codec } = bound;
  if (!canWriteByFilter(bound, guard)) return undefined;
  const kept = bound.kept(`delAll ${conditionKey(guard)}`, () => ({
    prepared: pool.prepare(deleteAllShape(table, guard)),
    encode: valueEncoder(guard, values.length, codec),
  }));
  const { affected } = await pool.send(kept.prepared, kept.encode(values), context);
  return { affected };
}
