// update and incr: changing columns of one row.

import { type ValuesEncoder, changeEncoder, valueEncoder } from "../compile/bind.js";
import type { Prepared } from "../compile/prepared.js";
import { updateShape } from "../compile/shapes.js";
import type { Change, Reply } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import { parseChanges } from "../normalize/changes.js";
import { parseFilter } from "../normalize/filter.js";
import { type LogicalRow, checkIndexedTexts, checkRow, keyOf } from "../normalize/row.js";
import { snapshot } from "../normalize/snapshot.js";
import { sumGuard } from "../normalize/sum-guard.js";
import { canGuard } from "../plan/evaluates.js";
import { applyChanges } from "../reference/apply-changes.js";
import { allOf, always, conditionKey, isNever } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import { sameValue } from "../schema/compare.js";
import type { Table } from "../schema/table.js";
import type { BoundTable, Row } from "./bound-table.js";
import { changedReferences, checkOf, inTurn } from "./check-refs.js";
import { readStored, untilUnchanged, updateIfSame } from "./compare-and-set.js";
import { type CallContext, done, nothing, type WriteResult } from "./context.js";
import { freeingUnique } from "./free-expired-unique.js";
import type { ChangeOptions } from "./options.js";
import type { PlainWrite } from "./plain-write.js";
import { addMissing } from "./put-command.js";
import { isNativeChange, type RowChange } from "./row-change.js";
import { claimsUnique, writeClaiming } from "./unique-claims.js";
import { outside } from "./bound-scope.js";
import { type Presence, presenceOf, visibleRows } from "./visible.js";
import { learnChange, plainChange } from "./update-fast.js";

/** Changes columns of the row of a key (`update`), or adds to them (`incr`). */
export function changeRow(
  bound: BoundTable,
  context: CallContext,
  verb: "update" | "incr",
  row: unknown,
  options?: ChangeOptions,
): WriteResult | Promise<WriteResult> {
  const isPlain = hasNoWishes(options) && !claimsUnique(bound);
  // Rows are added to more often than they are made: where the engine has another command for a row that may be missing,
  // the plain one goes first.
  const goesFirst = verb === "update" || bound.pool.capabilities.access === "any";
  const plain = isPlain && goesFirst ? plainChange(bound, context, verb, row) : undefined;
  if (plain !== undefined) return changePlainly(bound, context, verb, row, options, plain);
  const change = checkChange(bound, context, verb, row, options);
  if (isPlain) learnChange(bound, context, verb, row as Row, change);
  return changeChecked(bound, context, change);
}

/** Carries out a change that is checked. */
export function changeChecked(bound: BoundTable, context: CallContext, change: RowChange): WriteResult | Promise<WriteResult> {
  return freeingUnique(
    bound,
    context,
    () => givenValues(bound, change),
    () => inTurn(bound, context, change.storedKey, checkOf(context, change.refs), () => carryOut(bound, context, change)),
  );
}

/** Whether options ask for nothing that changes what is written or given back. */
function hasNoWishes(options: ChangeOptions | undefined): boolean {
  if (options === undefined) return true;
  const { where, ops, upsert, mustMatch, returning, keepNow, checkRefs } = options;
  return [where, ops, upsert, mustMatch, returning, keepNow, checkRefs].every((wish) => wish === undefined);
}

function changePlainly(
  bound: BoundTable,
  context: CallContext,
  verb: "update" | "incr",
  row: unknown,
  options: ChangeOptions | undefined,
  { prepared, values, key, finish }: PlainWrite,
): WriteResult | Promise<WriteResult> {
  // What goes on later goes on with the values that the row has now.
  const given = verb === "incr" ? snapshot(row) : undefined;
  return bound.ordered(context, key, () => {
    const reply = bound.pool.send(prepared, values, context);
    if (verb === "update") return reply instanceof Promise ? reply.then(finish) : finish(reply);
    // `incr` makes a missing row, and reports a sum that does not fit.
    const goOn = (): Promise<WriteResult> => carryOut(bound, context, checkChange(bound, context, verb, given, options));
    if (reply instanceof Promise) return reply.then(({ affected }) => (affected > 0 ? done : goOn()));
    return reply.affected > 0 ? done : goOn();
  });
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
  context: CallContext,
  verb: "update" | "incr",
  row: unknown,
  options: ChangeOptions | undefined,
): RowChange {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw invalid("the row must be an object of columns");
  const { table, readable, rules, scope } = bound;
  const given = row as Readonly<Record<string, unknown>>;
  const values: unknown[] = [];
  // Before the key, which it checks too: the error names every column at fault.
  const parsed = parseChanges(rules, given, { verb, ops: options?.ops, keepNow: options?.keepNow }, values);
  const key = keyOf(rules, given);
  const changes = completeChanges(bound, context, parsed, values);
  const where = options?.where === undefined ? always : parseFilter(readable, options.where, values);
  const creates = verb === "incr" ? options?.mustMatch !== true : options?.upsert === true;
  // Made later, if at all, and of what the caller gives now.
  const start = creates ? snapshot(given) : given;
  const create = (): LogicalRow => {
    const made = withKey(bound, createdRow(bound, context, start, changes, values, options), key);
    scope?.mustHold(made, context.scopeValues);
    return made;
  };
  return guarded(bound, context, {
    storedKey: bound.encodeKey(key),
    changes,
    values,
    where,
    create: creates ? create : undefined,
    options,
    refs: options?.checkRefs === true ? changedReferences(table, changes, values, key, creates) : undefined,
  });
}

/**
 * A change with the guard that it needs: the caller's condition, sums inside their types, a row that is there.
 *
 * @throws DbError `denied` where it moves any row out of the scope
 */
export function guarded(bound: BoundTable, context: CallContext, change: Omit<RowChange, "guard" | "hasSums" | "mayLeave">): RowChange {
  const { changes, values, where } = change;
  const sums = changes.filter(({ op }) => op === "incr").map((one) => sumGuard(one, values));
  const mayLeave = bound.scope !== undefined && bound.scope.keeps(changes, values, context.scopeValues) !== true;
  const guard = allOf([where, ...sums, visibleRows(bound, context, values)]);
  return { ...change, guard, hasSums: sums.length > 0, mayLeave };
}

/** The changes with what the core adds: `now` columns that are not given; `unset` becomes the setting of null. */
export function completeChanges(bound: BoundTable, context: CallContext, parsed: readonly Change[], values: unknown[]): Change[] {
  const changes = parsed.map((change): Change =>
    change.op === "unset" && change.member === undefined ? { ...change, op: "set", slot: values.push(null) - 1 } : change,
  );
  for (const column of bound.table.columns) {
    if (column.type !== "now" || column.isKey || column.definition.readonly) continue;
    if (!changes.some((change) => change.column === column)) changes.push({ column, op: "set", slot: values.push(context.now()) - 1 });
  }
  return changes;
}

/** A created row, if it has the key that was given: columns of the key that are made of others could make another one. */
function withKey({ table }: BoundTable, row: LogicalRow, key: readonly unknown[]): LogicalRow {
  table.key.forEach(({ name, kind, index }, i) => {
    if (!sameValue(kind)(row[index], key[i]))
      throw invalid(`the key column ${name} is made of other columns, which would make another key than the given one`, { column: name });
  });
  return row;
}

/** The row that `upsert` or `incr` makes: defaults, the key, what is set, then the other changes on it. */
function createdRow(
  bound: BoundTable,
  context: CallContext,
  given: Readonly<Record<string, unknown>>,
  changes: readonly Change[],
  values: readonly unknown[],
  options: ChangeOptions | undefined,
): LogicalRow {
  const computed = changes.filter((change) => change.op !== "set" && change.member === undefined);
  const left = new Set(computed.map((change) => change.column.name));
  const start = Object.fromEntries(Object.entries(given).filter(([name]) => !left.has(name)));
  // What is unset stays absent, whatever value stands beside the operation.
  for (const { column, op, slot } of changes) if (op === "set" && slot !== undefined && values[slot] === null) start[column.name] = null;
  const row = checkRow(bound.rules, start, context.clock, options?.keepNow === true);
  const created = applyChanges(computed, row, values);
  checkIndexedTexts(bound.rules, created);
  return created;
}

async function carryOut(bound: BoundTable, context: CallContext, change: RowChange): Promise<WriteResult> {
  const { capabilities } = bound.pool;
  const { options, changes, guard } = change;
  const { returning } = options ?? {};
  const native =
    changes.length > 0 &&
    !change.mayLeave &&
    !claimsUnique(bound) &&
    changes.every((one) => isNativeChange(bound, one)) &&
    !isNever(guard) &&
    canGuard(guard, capabilities) &&
    (returning === undefined || capabilities.returning.update.includes(returning));
  if (!native) return changeByReading(bound, context, change);
  const inserts = capabilities.upsert && bound.table.ttl === undefined && returning !== "old" ? createdOrNot(change) : undefined;
  const reply = await sendUpdate(bound, context, change, inserts);
  if (reply.affected > 0)
    return returning === undefined
      ? done
      : { affected: 1, ...(reply.rows[0] === undefined ? {} : { row: bound.decodeWritten(reply.rows[0]) }) };
  if (change.create === undefined && options?.mustMatch !== true && !change.hasSums) return nothing;
  // The row itself says why nothing was done.
  return changeByReading(bound, context, change);
}

/** The row to make, if there may be one: an amount that fits an existing row may not fit a new one, which may be outside of the scope. */
function createdOrNot({ create }: RowChange): LogicalRow | undefined {
  try {
    return create?.();
  } catch (error) {
    // Should the row be missing, it is made by reading, and the error reported then.
    if (error instanceof DbError && (error.code === "invalid" || error.code === "denied")) return undefined;
    throw error;
  }
}

function sendUpdate(
  bound: BoundTable,
  context: CallContext,
  { changes, guard, values, options, storedKey }: RowChange,
  inserts: LogicalRow | undefined,
): Reply | Promise<Reply> {
  const { table, codec, pool } = bound;
  const returning = options?.returning ?? "none";
  const key = `update ${changesKey(changes)}|${conditionKey(guard)}|${inserts === undefined ? "" : "+"}${returning}`;
  const kept = bound.kept(key, (): { prepared: Prepared; encode: ValuesEncoder } => ({
    prepared: pool.prepare(updateShape(table, changes, guard, { values: values.length, inserts: inserts !== undefined, returning })),
    encode: changeEncoder(changes, valueEncoder(guard, values.length, codec), codec),
  }));
  const bindings = [...kept.encode(values), ...storedKey];
  if (inserts !== undefined) bindings.push(...bound.encodeRow(inserts));
  return pool.send(kept.prepared, bindings, context);
}

/** Equal for changes of one shape. */
export function changesKey(changes: readonly Change[]): string {
  return changes.map(({ column, op, slot }) => `${column.name} ${op} ${slot}`).join(",");
}

/** Reads the row, computes the new one here, and changes it if it is still as it was; again when it is not. */
function changeByReading(bound: BoundTable, context: CallContext, change: RowChange): Promise<WriteResult> {
  const { options, changes, values, storedKey } = change;
  const holds = compileMatcher(change.where, (column) => column.index);
  return untilUnchanged(context, async () => {
    const before = await readStored(bound, context, storedKey);
    const presence = presenceOf(bound, context, before);
    if (before === undefined || presence !== "there") return makeMissing(bound, context, change, presence);
    if (!holds(before.values, values)) {
      if (options?.mustMatch) throw new DbError("condition-failed", "the condition in where does not hold for the row");
      return nothing;
    }
    const after = applyChanges(changes, before.values, values);
    if (change.mayLeave) bound.scope!.mustHold(after, context.scopeValues);
    checkIndexedTexts(bound.rules, after);
    const written = changedColumns(bound.table, changes);
    if (written.length > 0) {
      const write = (): Reply | Promise<Reply> => updateIfSame(bound, context, storedKey, before, written, after);
      if ((await writeClaiming(bound, context, before, after, write)) === undefined) return undefined;
    }
    if (options?.returning === undefined) return done;
    return { affected: 1, row: bound.presentLogical(options.returning === "new" ? after : before.values) };
  });
}

function changedColumns(table: Table, changes: readonly Change[]): Change[] {
  const columns = table.columns.filter((column) => changes.some((change) => change.column === column));
  return columns.map((column) => ({ column, op: "set", slot: column.index }));
}

async function makeMissing(
  bound: BoundTable,
  context: CallContext,
  { options, create }: RowChange,
  presence: Presence,
): Promise<WriteResult | undefined> {
  if (create === undefined) {
    if (options?.mustMatch) throw new DbError("not-found", "there is no row with this key");
    return nothing;
  }
  const row = create();
  if (presence === "outside") throw outside();
  // Somebody else made it first: begin again with their row.
  if (!(await addMissing(bound, context, row))) return undefined;
  return options?.returning === "new" ? { affected: 1, row: bound.presentLogical(row) } : done;
}
