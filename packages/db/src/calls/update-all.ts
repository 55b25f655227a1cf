import { changeEncoder, valueEncoder } from "../compile/bind.js";
import { updateAllShape } from "../compile/shapes.js";
import type { Change } from "../driver.js";
import { invalid } from "../errors.js";
import { parseChanges } from "../normalize/changes.js";
import { parseFilter } from "../normalize/filter.js";
import { hasConditions } from "../normalize/order.js";
import { canGuard } from "../plan/evaluates.js";
import { allOf, type Condition, conditionKey, isNever } from "../reference/condition.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { eachRow } from "./each-row.js";
import type { ManyOptions } from "./options.js";
import { plannedQuery, refuseQuery } from "./query.js";
import { isNativeChange } from "./row-change.js";
import { claimsUnique } from "./unique-claims.js";
import { changeChecked, changesKey, completeChanges, guarded } from "./update.js";
import { visibleRows } from "./visible.js";

/** Changes every row that a filter matches; gives how many. */
export async function updateAll(
  bound: BoundTable,
  context: CallContext,
  filter: unknown,
  changes: unknown,
  options?: ManyOptions,
): Promise<{ affected: number }> {
  const values: unknown[] = [];
  const condition = conditionOfAll(bound, context, "updateAll", filter, values, options);
  const given = [...values];
  const parsed = parseChanges(bound.rules, changes, { verb: "updateAll", ops: options?.ops }, values);
  if (parsed.length === 0) throw invalid("updateAll needs at least one column to change");
  return changeAll(bound, context, { condition, given, changes: completeChanges(bound, context, parsed, values), values });
}

/** Changes of every row for which a condition holds. */
interface ChangesOfAll {
  readonly condition: Condition;
  /** Values of the condition. */
  readonly given: readonly unknown[];
  readonly changes: readonly Change[];
  /** Values of the condition and of the changes. */
  readonly values: unknown[];
}

/** Changes every row for which a condition holds; gives how many. */
export async function changeAll(
  bound: BoundTable,
  context: CallContext,
  { condition, given, changes: complete, values }: ChangesOfAll,
): Promise<{ affected: number }> {
  const { pool, table, codec, scope } = bound;
  const before = [...values];
  const staysInside = scope === undefined || scope.keeps(complete, values, context.scopeValues) === true;
  const guard = allOf([condition, visibleRows(bound, context, values)]);
  // Sums are guarded row by row, so that one outside its type is reported.
  const isNative = staysInside && complete.every((change) => change.op !== "incr" && isNativeChange(bound, change));
  if (!isNative || !canWriteByFilter(bound, guard))
    return eachRow(bound, context, condition, given, (storedKey) => {
      const change = { storedKey, changes: complete, values: [...before], where: condition, create: undefined, options: undefined };
      return changeChecked(bound, context, guarded(bound, context, change));
    });
  const kept = bound.kept(`updateAll ${changesKey(complete)}|${conditionKey(guard)}`, () => ({
    prepared: pool.prepare(updateAllShape(table, complete, guard)),
    encode: changeEncoder(complete, valueEncoder(guard, values.length, codec), codec),
  }));
  const { affected } = await pool.send(kept.prepared, kept.encode(values), context);
  return { affected };
}

/** Whether one command can write all rows for which a condition holds. */
export function canWriteByFilter(bound: BoundTable, guard: Condition): boolean {
  const { capabilities } = bound.pool;
  return capabilities.byFilter && !claimsUnique(bound) && !isNever(guard) && canGuard(guard, capabilities);
}

/**
 * Reads the filter of a call on many rows, once: what finds the rows is what is asked of each when it is written.
 *
 * @throws DbError `invalid` without a condition; `scan-refused`
 */
export function conditionOfAll(
  bound: BoundTable,
  context: CallContext,
  call: "updateAll" | "delAll",
  filter: unknown,
  values: unknown[],
  options: ManyOptions | undefined,
): Condition {
  if (options?.all !== true && !hasConditions(filter))
    throw invalid(`${call} needs a filter with at least one condition, or { all: true } in the options`);
  const ops = options?.filterOps;
  const condition = parseFilter(bound.readable, filter === undefined ? {} : filter, values, ops === undefined ? {} : { ops });
  const query = plannedQuery(bound, context, condition, [...values], undefined);
  refuseQuery(query, options?.scan === true || options?.all === true, true);
  return condition;
}
