// The writing calls on many rows: updateAll, delAll and bulk.

import type { BoundTable, Row } from "../compile/bound-table.js";
import type { CallOptions } from "../normalize/call-options.js";
import { parseChanges } from "../normalize/changes.js";
import { type Condition, allOf, conditionKey, isNever } from "../reference/condition.js";
import { parseFilter } from "../normalize/filter.js";
import type { Change } from "../driver.js";
import { invalid } from "../errors.js";
import { rowsOf } from "./pages.js";
import { ask, hasConditions, living, refuseScan, valueEncoder } from "../plan/query.js";
import { isNative } from "../plan/select-plan.js";
import { changeRow, completeChanges } from "./update.js";
import { changeEncoder, isNativeChange } from "./row-change.js";
import { deleteRow } from "./delete.js";
import type { ChangeOptions, RowOptions, WriteContext } from "./write-context.js";

export interface ManyOptions extends CallOptions {
  readonly ops?: Readonly<Record<string, string>> | undefined;
  /** Operators of plain values in the filter, where they are not `eq`. */
  readonly filterOps?: Readonly<Record<string, string>> | undefined;
  /** Every row of the table; needed where the filter has no condition. Implies `scan`. */
  readonly all?: boolean | undefined;
  readonly scan?: boolean | undefined;
}

/** Rows that are changed at the same time where the engine has no command for many. */
const concurrency = 32;

/** Changes every row that a filter matches; gives how many. */
export async function updateMany(
  bound: BoundTable,
  context: WriteContext,
  filter: unknown,
  changes: unknown,
  options?: ManyOptions,
): Promise<{ affected: number }> {
  requireCondition(filter, options, "updateAll");
  const values: unknown[] = [];
  const parsed = parseChanges(bound.rules, changes, { verb: "updateAll", ops: options?.ops }, values);
  if (parsed.length === 0) throw invalid("updateAll needs at least one column to change");
  const complete = completeChanges(bound, context, parsed, values);
  refuse(bound, context, filter, options);
  const { capabilities } = bound.pool.driver;
  // Sums are guarded row by row, so that one outside its type is told.
  const native = capabilities.byFilter && complete.every((change) => change.op !== "incr" && isNativeChange(bound, change));
  const condition = filterOf(bound, context, filter, values, options);
  if (native && !isNever(condition) && isNative(condition, capabilities))
    return updateByFilter(bound, context, complete, condition, values, options);
  return eachKey(bound, context, filter, options, (key) =>
    changeRow(bound, context, "update", { ...(changes as Row), ...key }, { ...rowOptions(options, filter), ops: options?.ops }),
  );
}

/** Deletes every row that a filter matches; gives how many. */
export async function deleteMany(
  bound: BoundTable,
  context: WriteContext,
  filter: unknown,
  options?: ManyOptions,
): Promise<{ affected: number }> {
  requireCondition(filter, options, "delAll");
  refuse(bound, context, filter, options);
  const { capabilities } = bound.pool.driver;
  const values: unknown[] = [];
  const condition = filterOf(bound, context, filter, values, options);
  if (capabilities.byFilter && !isNever(condition) && isNative(condition, capabilities))
    return deleteByFilter(bound, context, condition, values, options);
  return eachKey(bound, context, filter, options, (key) => deleteRow(bound, context, key, rowOptions(options, filter)));
}

function requireCondition(filter: unknown, options: ManyOptions | undefined, call: string): void {
  if (options?.all !== true && !hasConditions(filter))
    throw invalid(`${call} needs a filter with at least one condition, or { all: true } in the options`);
}

function refuse(bound: BoundTable, context: WriteContext, filter: unknown, options: ManyOptions | undefined): void {
  const question = ask(bound, context, filter, { ops: options?.filterOps });
  refuseScan(question, options?.scan === true || options?.all === true, true);
}

function filterOf(
  bound: BoundTable,
  context: WriteContext,
  filter: unknown,
  values: unknown[],
  options: ManyOptions | undefined,
): Condition {
  const asked = parseFilter(
    bound.table,
    filter === undefined ? {} : filter,
    values,
    options?.filterOps === undefined ? {} : { ops: options.filterOps },
  );
  return allOf([asked, living(bound.table, values, context.now())]);
}

/** The filter is asked again of each row when it is changed: the row may have changed since it was found. */
function rowOptions(options: ManyOptions | undefined, filter: unknown): RowOptions {
  const { signal, timeoutMs, group, filterOps } = options ?? {};
  return { signal, timeoutMs, group, ...(hasConditions(filter) ? { where: filter, whereOps: filterOps } : {}) };
}

async function updateByFilter(
  bound: BoundTable,
  context: WriteContext,
  changes: readonly Change[],
  guard: Condition,
  values: readonly unknown[],
  options: ManyOptions | undefined,
): Promise<{ affected: number }> {
  const { pool, table, codec } = bound;
  const names = changes.map(({ column, op, slot }) => `${column.name} ${op} ${slot}`).join(",");
  const kept = bound.kept(`updateAll ${names}|${conditionKey(guard)}`, () => ({
    prepared: pool.prepare({ verb: "update", target: "filter", table, key: [], changes, guard, insert: undefined, returning: "none" }),
    encode: changeEncoder(changes, valueEncoder(guard, values.length, codec), codec),
  }));
  const reply = await pool.send(kept.prepared, kept.encode(values), options, context.target);
  return { affected: reply.affected };
}

async function deleteByFilter(
  bound: BoundTable,
  context: WriteContext,
  guard: Condition,
  values: readonly unknown[],
  options: ManyOptions | undefined,
): Promise<{ affected: number }> {
  const { pool, table, codec } = bound;
  const kept = bound.kept(`delAll ${conditionKey(guard)}`, () => ({
    prepared: pool.prepare({ verb: "delete", target: "filter", table, key: [], guard, returning: "none" }),
    encode: valueEncoder(guard, values.length, codec),
  }));
  const reply = await pool.send(kept.prepared, kept.encode(values), options, context.target);
  return { affected: reply.affected };
}

/** Finds the keys first, so that a changed row is not met again, then changes them, several at the same time. */
async function eachKey(
  bound: BoundTable,
  context: WriteContext,
  filter: unknown,
  options: ManyOptions | undefined,
  change: (key: Row) => { affected: number } | Promise<{ affected: number }>,
): Promise<{ affected: number }> {
  const select = bound.table.key.map((column) => column.name);
  const question = ask(bound, context, filter, { ops: options?.filterOps, select });
  const keys: Row[] = [];
  for await (const rows of rowsOf(question, context, 1000, options)) keys.push(...rows);
  let affected = 0;
  for (let i = 0; i < keys.length; i += concurrency) {
    const results = await Promise.all(keys.slice(i, i + concurrency).map(async (key) => change(key)));
    for (const result of results) affected += result.affected;
  }
  return { affected };
}

/** One item of `bulk`. */
export interface BulkItem {
  readonly op: "add" | "put" | "update" | "incr" | "del";
  readonly table: string;
  readonly row?: unknown;
  readonly key?: unknown;
  readonly options?: ChangeOptions;
}

export const bulkOps: ReadonlySet<string> = new Set(["add", "put", "update", "incr", "del"]);

/** Checks the form of a list of bulk items. */
export function checkBulk(items: unknown): BulkItem[] {
  if (!Array.isArray(items)) throw invalid('bulk takes an array of items { op, table, row } or { op: "del", table, key }');
  (items as unknown[]).forEach((item, i) => {
    if (typeof item !== "object" || item === null) throw invalid(`bulk: item ${i} must be an object { op, table, row }`);
    const { op, table } = item as Record<string, unknown>;
    if (typeof op !== "string" || !bulkOps.has(op))
      throw invalid(`bulk: item ${i} has an unknown op; there are ${[...bulkOps].join(", ")}`);
    if (typeof table !== "string") throw invalid(`bulk: item ${i} names no table`);
    const wanted = op === "del" ? "key" : "row";
    for (const name in item)
      if (name !== wanted && name !== "op" && name !== "table" && name !== "options")
        throw invalid(`bulk: item ${i} has the unknown member ${JSON.stringify(name.slice(0, 50))}; ${op} takes ${wanted} and options`);
  });
  return items as BulkItem[];
}
