// update and incr: changing columns of one row.

import { type BoundTable, type Row, slotsOf } from "../compile/bound-table.js";
import { changeIfSame, readWhole, untilUnchanged } from "./compare-and-set.js";
import { applyChanges } from "../reference/apply-changes.js";
import { parseChanges } from "../normalize/changes.js";
import { sumGuard } from "../normalize/sum-guard.js";
import { allOf, conditionKey, isNever } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import { parseFilter } from "../normalize/filter.js";
import type { Change, Reply } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import { freeingUnique } from "./free-expired-unique.js";
import { type LogicalRow, checkRow, keyOf } from "../normalize/row.js";
import { living, valueEncoder } from "../plan/query.js";
import type { PlainWrite } from "./bulk.js";
import { learnChange, plainChange } from "./update-fast.js";
import { type RowChange, changeEncoder, isNativeChange } from "./row-change.js";
import { isNative } from "../plan/select-plan.js";
import type { Table } from "../schema/table.js";
import { type RowOptions, type WriteContext, type WriteResult, done, nothing } from "./write-context.js";
import { putCommand, withNow } from "./put.js";

/** Changes columns of the row of a key (`update`), or adds to them (`incr`). */
export function changeRow(
  bound: BoundTable,
  context: WriteContext,
  verb: "update" | "incr",
  row: unknown,
  options?: RowOptions,
): WriteResult | Promise<WriteResult> {
  const isPlain = hasNoWishes(options);
  // Rows are added to more often than they are made: where the engine has another command for a row that may be missing,
  // the plain one goes first.
  const goesFirst = verb === "update" || bound.pool.driver.capabilities.access === "any";
  const plain = isPlain && goesFirst ? plainChange(bound, context, verb, row) : undefined;
  if (plain !== undefined) return changePlainly(bound, context, verb, row, options, plain);
  const change = checkChange(bound, context, verb, row, options);
  if (isPlain) learnChange(bound, verb, row as Record<string, unknown>, change);
  const write = (): WriteResult | Promise<WriteResult> => bound.ordered(change.storedKey, () => carryOut(bound, context, change));
  return freeingUnique(bound, context, () => givenValues(bound, change), options, write);
}

/** Whether options ask for nothing that changes what is written or told. */
function hasNoWishes(options: RowOptions | undefined): boolean {
  if (options === undefined) return true;
  const { where, ops, upsert, mustMatch, returning, keepNow } = options;
  return [where, ops, upsert, mustMatch, returning, keepNow].every((wish) => wish === undefined);
}

function changePlainly(
  bound: BoundTable,
  context: WriteContext,
  verb: "update" | "incr",
  row: unknown,
  options: RowOptions | undefined,
  { prepared, values, key, finish }: PlainWrite,
): WriteResult | Promise<WriteResult> {
  return bound.ordered(key, () => {
    const reply = bound.pool.send(prepared, values, options, context.target);
    if (verb === "update") return reply instanceof Promise ? reply.then(finish) : finish(reply);
    if (!(reply instanceof Promise) && reply.affected > 0) return done;
    // `incr` makes a missing row, and tells of a sum that does not fit.
    const goOn = generally(bound, context, verb, row as Row, options);
    return reply instanceof Promise ? reply.then(({ affected }) => (affected > 0 ? done : goOn())) : goOn();
  });
}

/** The general way, to be gone later with the values that the row has now. */
function generally(
  bound: BoundTable,
  context: WriteContext,
  verb: "update" | "incr",
  row: Row,
  options: RowOptions | undefined,
): () => Promise<WriteResult> {
  const isCopiedFlat = Object.values(row).every((value) => typeof value !== "object");
  if (!isCopiedFlat) {
    const change = checkChange(bound, context, verb, row, options);
    return () => carryOut(bound, context, change);
  }
  const copy = { ...row };
  return async () => carryOut(bound, context, checkChange(bound, context, verb, copy, options));
}

/** What the change sets, by `column.index`. */
function givenValues(bound: BoundTable, { changes, values }: RowChange): unknown[] {
  return bound.table.columns.map((column) => {
    const change = changes.find((one) => one.column === column && one.op === "set" && one.slot !== undefined);
    return change === undefined ? undefined : values[change.slot!];
  });
}

function checkChange(
  bound: BoundTable,
  context: WriteContext,
  verb: "update" | "incr",
  row: unknown,
  options: RowOptions | undefined,
): RowChange {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw invalid("the row must be an object of columns");
  const { table, rules } = bound;
  const given = row as Record<string, unknown>;
  const key = keyOf(rules, given);
  const values: unknown[] = [];
  const parsed = parseChanges(rules, given, { verb, ops: options?.ops, keepNow: options?.keepNow }, values);
  const changes = completeChanges(bound, context, parsed, values);
  const where = options?.where === undefined ? allOf([]) : parseFilter(table, options.where, values, { ops: options.whereOps });
  const sums = changes.filter((change) => change.op === "incr").map((change) => sumGuard(change, values));
  const guard = allOf([where, ...sums, living(table, values, context.now())]);
  const creates =
    verb === "incr"
      ? options?.mustMatch !== true
      : options?.upsert === true && !(options.mustMatch === true && options.where !== undefined);
  const create = (): LogicalRow => createdRow(bound, context, given, changes, values, options);
  return {
    key,
    storedKey: bound.encodeKey(key),
    changes,
    values,
    guard,
    where,
    ranged: sums.length > 0,
    create: creates ? create : undefined,
    options,
  };
}

/** The changes with what the core adds: `now` columns that are not given; `unset` becomes the setting of null. */
export function completeChanges(bound: BoundTable, context: WriteContext, parsed: readonly Change[], values: unknown[]): Change[] {
  const changes = parsed.map((change): Change =>
    change.op === "unset" && change.member === undefined ? { ...change, op: "set", slot: values.push(null) - 1 } : change,
  );
  for (const column of bound.table.columns) {
    if (column.type !== "now" || column.isKey || column.definition.readonly) continue;
    if (!changes.some((change) => change.column === column)) changes.push({ column, op: "set", slot: values.push(context.now()) - 1 });
  }
  return changes;
}

/** The row that `upsert` or `incr` makes: defaults, the key, what is set, then the other changes on it. */
function createdRow(
  bound: BoundTable,
  context: WriteContext,
  given: Readonly<Record<string, unknown>>,
  changes: readonly Change[],
  values: readonly unknown[],
  options: RowOptions | undefined,
): LogicalRow {
  const computed = changes.filter((change) => change.op !== "set" && change.member === undefined);
  const left = new Set(computed.map((change) => change.column.name));
  const start = Object.fromEntries(Object.entries(given).filter(([name]) => !left.has(name)));
  // What is unset stays absent, whatever value stands beside the operation.
  for (const { column, op, slot } of changes) if (op === "set" && slot !== undefined && values[slot] === null) start[column.name] = null;
  const row = checkRow(bound.rules, start, context.clock, options?.keepNow === true);
  return applyChanges(computed, row, values);
}

async function carryOut(bound: BoundTable, context: WriteContext, change: RowChange): Promise<WriteResult> {
  const { capabilities } = bound.pool.driver;
  const { options, changes } = change;
  const { returning } = options ?? {};
  const native =
    changes.length > 0 &&
    changes.every((one) => isNativeChange(bound, one)) &&
    !isNever(change.guard) &&
    isNative(change.guard, capabilities) &&
    (returning === undefined || capabilities.returning.update.includes(returning));
  if (!native) return changeByReading(bound, context, change);
  const inserts = capabilities.upsert && bound.table.ttl === undefined && returning !== "old" ? createdOrNot(change) : undefined;
  const reply = await sendUpdate(bound, context, change, inserts);
  if (reply.affected > 0)
    return returning === undefined
      ? done
      : { affected: 1, ...(reply.rows[0] === undefined ? {} : { row: bound.decodeRow(reply.rows[0]) }) };
  if (change.create === undefined && options?.mustMatch !== true && !change.ranged) return nothing;
  // Why nothing was done is told by the row itself.
  return changeByReading(bound, context, change);
}

/** The row to make, if there may be one: an amount that fits an existing row may not fit a new one. */
function createdOrNot({ create }: RowChange): LogicalRow | undefined {
  try {
    return create?.();
  } catch (error) {
    // Should the row be missing, it is made by reading, and the error told then.
    if (error instanceof DbError && error.code === "invalid") return undefined;
    throw error;
  }
}

function sendUpdate(bound: BoundTable, context: WriteContext, change: RowChange, inserts: LogicalRow | undefined): Reply | Promise<Reply> {
  const { table, codec } = bound;
  const { changes, guard, values, options } = change;
  const returning = options?.returning ?? "none";
  const names = changes.map(({ column, op, slot }) => `${column.name} ${op} ${slot}`).join(",");
  const kept = bound.kept(`update ${names}|${conditionKey(guard)}|${inserts === undefined ? "" : "+"}${returning}`, () => {
    const from = values.length;
    const prepared = bound.pool.prepare({
      verb: "update",
      target: "key",
      table,
      key: slotsOf(table.key, from),
      changes,
      guard,
      insert: inserts === undefined ? undefined : slotsOf(table.columns, from + table.key.length),
      returning,
    });
    return { prepared, encode: changeEncoder(changes, valueEncoder(guard, from, codec), codec) };
  });
  const bindings = [...kept.encode(values), ...change.storedKey];
  if (inserts !== undefined) bindings.push(...bound.encodeRow(inserts));
  return bound.pool.send(kept.prepared, bindings, options, context.target);
}

/** Reads the row, computes the new one here, and changes it if it is still as it was; again when it is not. */
function changeByReading(bound: BoundTable, context: WriteContext, change: RowChange): Promise<WriteResult> {
  const { options, changes, values, storedKey } = change;
  const holds = compileMatcher(change.where, (column) => column.index);
  return untilUnchanged(bound, context, options, async () => {
    const before = await readWhole(bound, context, storedKey, options);
    if (before === undefined) return makeMissing(bound, context, change);
    if (!holds(before, values)) {
      if (options?.mustMatch) throw new DbError("condition-failed", "the condition in where does not hold for the row");
      return nothing;
    }
    const after = applyChanges(changes, before, values);
    const written = changedColumns(bound.table, changes);
    if (written.length > 0) {
      const reply = await changeIfSame(bound, context, storedKey, before, written, after, options);
      if (reply.affected === 0) return undefined;
    }
    if (options?.returning === undefined) return done;
    return { affected: 1, row: bound.presentLogical(options.returning === "new" ? after : before) };
  });
}

function changedColumns(table: Table, changes: readonly Change[]): Change[] {
  const columns = table.columns.filter((column) => changes.some((change) => change.column === column));
  return columns.map((column) => ({ column, op: "set", slot: column.index }));
}

async function makeMissing(bound: BoundTable, context: WriteContext, change: RowChange): Promise<WriteResult | undefined> {
  const { options } = change;
  if (change.create === undefined) {
    if (options?.mustMatch) throw new DbError("not-found", "there is no row with this key");
    return nothing;
  }
  const row = change.create();
  const stored = bound.encodeRow(row);
  const reply = await bound.pool.send(putCommand(bound, "add", false), withNow(bound, context, stored), options, context.target);
  // Somebody else made it first: begin again with their row.
  if (reply.affected === 0) return undefined;
  return options?.returning === "new" ? { affected: 1, row: bound.presentLogical(row) } : done;
}
