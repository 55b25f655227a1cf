// The writing calls on one row: add, put, update, incr and del.

import type { Clock } from "@bk/core";

import { type BoundTable, type Row, slotsOf } from "./bound-table.js";
import type { CallOptions } from "./call-options.js";
import { type Condition, allOf, conditionKey } from "./condition/condition.js";
import { compileMatcher } from "./condition/matches.js";
import { parseFilter } from "./condition/parse.js";
import { applyChanges } from "./change/apply.js";
import { parseChanges } from "./change/parse.js";
import { sumGuard } from "./change/sum-guard.js";
import type { Change, Codec, PutShape, Reply, Value, Values } from "./driver.js";
import { DbError, invalid } from "./errors.js";
import { type LogicalRow, checkKey, checkRow, keyOf } from "./normalize.js";
import { type ReadContext, living, valueEncoder } from "./pages.js";
import type { Prepared } from "./pipeline.js";
import { isNative } from "./plan.js";
import { isOver } from "./read.js";
import { encoderOf } from "./schema/encodings.js";
import type { Table } from "./schema/table.js";

export interface WriteContext extends ReadContext {
  readonly clock: Clock;
}

export interface WriteOptions extends CallOptions {
  /** Give the row after (`new`) or before (`old`) the change back, where there is one. */
  readonly returning?: "new" | "old" | undefined;
  /** Keep given values of `now` columns. */
  readonly keepNow?: boolean | undefined;
}

export interface ChangeOptions extends WriteOptions {
  /** The change is made only if this holds for the row. */
  readonly where?: unknown;
  readonly ops?: Readonly<Record<string, string>> | undefined;
  /** Make the row when it is missing. */
  readonly upsert?: boolean | undefined;
  /** Reject when nothing was changed: `not-found` or `condition-failed`. */
  readonly mustMatch?: boolean | undefined;
}

export interface WriteResult {
  readonly affected: number;
  readonly row?: Row;
}

const nothing: WriteResult = Object.freeze({ affected: 0 });
const done: WriteResult = Object.freeze({ affected: 1 });

/** Inserts a row (`add`), or inserts or replaces it (`put`). */
export function writeRow(
  bound: BoundTable,
  context: WriteContext,
  mode: PutShape["mode"],
  row: unknown,
  options?: WriteOptions,
): WriteResult | Promise<WriteResult> {
  const logical = checkRow(bound.rules, row, context.clock, options?.keepNow === true);
  return writeLogical(bound, context, mode, logical, options);
}

function writeLogical(
  bound: BoundTable,
  context: WriteContext,
  mode: PutShape["mode"],
  logical: LogicalRow,
  options: WriteOptions | undefined,
): WriteResult | Promise<WriteResult> {
  const stored = bound.encodeRow(logical);
  const key = storedKeyOf(bound.table, stored);
  const wantsOld = options?.returning === "old" && mode === "put";
  if (wantsOld && bound.pool.driver.capabilities.returning.put === "none")
    return bound.ordered(key, () => putByReading(bound, context, logical, stored, options));
  const finish = (reply: Reply): WriteResult => {
    if (reply.affected === 0) throw new DbError("already-exists", "a row with this key exists; use put to replace it");
    if (options?.returning === "new") return { affected: 1, row: presentLogical(bound, logical) };
    return wantsOld ? withOld(bound, context, reply) : done;
  };
  const prepared = putCommand(bound, mode, wantsOld);
  const values = mode === "add" && bound.table.ttl !== undefined ? [...stored, context.now()] : stored;
  const result = bound.ordered(key, () => bound.pool.send(prepared, values, options, context.target));
  return result instanceof Promise ? result.then(finish) : finish(result);
}

function putCommand(bound: BoundTable, mode: PutShape["mode"], wantsOld: boolean): Prepared {
  return bound.prepared(wantsOld ? "put old" : mode, () => {
    const { table } = bound;
    const { ttl } = table;
    const isOver: Condition | undefined =
      mode === "add" && ttl !== undefined ? { kind: "test", column: ttl, op: "le", slots: [table.columns.length] } : undefined;
    return {
      verb: "put",
      mode,
      table,
      key: table.key.map((column) => column.index),
      row: slotsOf(table.columns),
      replaceIf: isOver,
      returning: wantsOld ? "old" : "none",
    };
  });
}

function storedKeyOf(table: Table, stored: Values): Value[] {
  return table.key.map((column) => stored[column.index]!);
}

function withOld(bound: BoundTable, context: WriteContext, reply: Reply): WriteResult {
  const [row] = reply.rows;
  if (row === undefined) return done;
  const { ttl } = bound.table;
  const old = bound.decodeRow(row);
  return ttl !== undefined && isOver(old[ttl.name], context.now()) ? done : { affected: 1, row: old };
}

/** A row as the caller gets it, from values that the caller may not share with us. */
function presentLogical(bound: BoundTable, logical: readonly unknown[]): Row {
  return bound.presentLogical(logical);
}

/** `put` that gives the old row back, on an engine that cannot: reads the row and replaces it if it is still the same. */
async function putByReading(
  bound: BoundTable,
  context: WriteContext,
  logical: LogicalRow,
  stored: Values,
  options: WriteOptions | undefined,
): Promise<WriteResult> {
  const { table } = bound;
  const key = storedKeyOf(table, stored);
  const changes = table.columns.filter((column) => !column.isKey).map((column): Change => ({ column, op: "set", slot: column.index }));
  return untilUnchanged(context, options, async () => {
    const before = await readWhole(bound, context, key, options);
    if (before === undefined || changes.length === 0) {
      const added = await bound.pool.send(putCommand(bound, before === undefined ? "add" : "put", false), withNow(bound, context, stored), options, context.target);
      return added.affected === 0 ? undefined : before === undefined ? done : { affected: 1, row: presentLogical(bound, before) };
    }
    const reply = await changeIfSame(bound, context, key, before, changes, logical, options);
    return reply.affected === 0 ? undefined : { affected: 1, row: presentLogical(bound, before) };
  });
}

function withNow(bound: BoundTable, context: WriteContext, stored: Values): Values {
  return bound.table.ttl === undefined ? stored : [...stored, context.now()];
}

/** One row's change, checked. */
interface RowChange {
  readonly key: readonly unknown[];
  readonly storedKey: Value[];
  readonly changes: readonly Change[];
  /** Logical values by slot: those of the changes and of the guard. */
  readonly values: unknown[];
  readonly guard: Condition;
  /** The guard without the parts that the core added. */
  readonly where: Condition;
  readonly ranged: boolean;
  /** The row to make when there is none; undefined: none is made. */
  readonly create: (() => LogicalRow) | undefined;
  readonly options: ChangeOptions | undefined;
}

/** Changes columns of the row of a key (`update`), or adds to them (`incr`). */
export function changeRow(
  bound: BoundTable,
  context: WriteContext,
  verb: "update" | "incr",
  row: unknown,
  options?: ChangeOptions,
): WriteResult | Promise<WriteResult> {
  const change = checkChange(bound, context, verb, row, options);
  return bound.ordered(change.storedKey, () => carryOut(bound, context, change));
}

function checkChange(bound: BoundTable, context: WriteContext, verb: "update" | "incr", row: unknown, options: ChangeOptions | undefined): RowChange {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw invalid("the row must be an object of columns");
  const { table, rules } = bound;
  const given = row as Record<string, unknown>;
  const key = keyOf(rules, given);
  const values: unknown[] = [];
  const parsed = parseChanges(rules, given, { verb, ops: options?.ops, keepNow: options?.keepNow }, values);
  const changes = completeChanges(bound, context, parsed, values);
  const where = options?.where === undefined ? allOf([]) : parseFilter(table, options.where, values, {});
  const sums = changes.filter((change) => change.op === "incr").map((change) => sumGuard(change, values));
  const guard = allOf([where, ...sums, living(table, values, context.now())]);
  const creates = verb === "incr" ? options?.mustMatch !== true : options?.upsert === true && !(options.mustMatch === true && options.where !== undefined);
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
  const changes = parsed.map(
    (change): Change => (change.op === "unset" && change.member === undefined ? { ...change, op: "set", slot: values.push(null) - 1 } : change),
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
  options: ChangeOptions | undefined,
): LogicalRow {
  const computed = changes.filter((change) => change.op !== "set" && change.member === undefined);
  const left = new Set(computed.map((change) => change.column.name));
  const start = Object.fromEntries(Object.entries(given).filter(([name]) => !left.has(name)));
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
    isNative(change.guard, capabilities) &&
    (returning === undefined || capabilities.returning.update.includes(returning));
  if (!native) return changeByReading(bound, context, change);
  const inserts = change.create !== undefined && capabilities.upsert && bound.table.ttl === undefined && returning !== "old";
  const reply = await sendUpdate(bound, context, change, inserts);
  if (reply.affected > 0) return returning === undefined ? done : { affected: 1, ...(reply.rows[0] === undefined ? {} : { row: bound.decodeRow(reply.rows[0]) }) };
  if (change.create === undefined && options?.mustMatch !== true && !change.ranged) return nothing;
  // Why nothing was done is told by the row itself.
  return changeByReading(bound, context, change);
}

export function isNativeChange(bound: BoundTable, { column, op, member, from }: Change): boolean {
  if (member !== undefined || from !== undefined) return false;
  // The length of what an engine puts together is not known beforehand.
  if (column.maxLength !== undefined && (op === "append" || op === "prepend" || op === "add")) return false;
  return op === "set" || (bound.pool.driver.capabilities.changes[column.kind]?.includes(op) ?? false);
}

function sendUpdate(bound: BoundTable, context: WriteContext, change: RowChange, inserts: boolean): Reply | Promise<Reply> {
  const { table, codec } = bound;
  const { changes, guard, values, options } = change;
  const returning = options?.returning ?? "none";
  const names = changes.map(({ column, op, slot }) => `${column.name} ${op} ${slot}`).join(",");
  const kept = bound.kept(`update ${names}|${conditionKey(guard)}|${inserts ? "+" : ""}${returning}`, () => {
    const from = values.length;
    const prepared = bound.pool.prepare({
      verb: "update",
      target: "key",
      table,
      key: slotsOf(table.key, from),
      changes,
      guard,
      insert: inserts ? slotsOf(table.columns, from + table.key.length) : undefined,
      returning,
    });
    return { prepared, encode: changeEncoder(changes, valueEncoder(guard, from, codec), codec) };
  });
  const bindings = [...kept.encode(values), ...change.storedKey];
  if (inserts) bindings.push(...bound.encodeRow(change.create!()));
  return bound.pool.send(kept.prepared, bindings, options, context.target);
}

export type ValuesEncoder = (values: readonly unknown[]) => Value[];

export function changeEncoder(changes: readonly Change[], guard: ValuesEncoder, codec: Codec): ValuesEncoder {
  const encoders = changes.flatMap(({ column, slot }) => (slot === undefined ? [] : [{ slot, encode: encoderOf(column, codec) }]));
  return (values) => {
    const stored = guard(values);
    for (const { slot, encode } of encoders) stored[slot] = encode(values[slot] ?? null);
    return stored;
  };
}

/** Reads the row, computes the new one here, and changes it if it is still as it was; again when it is not. */
function changeByReading(bound: BoundTable, context: WriteContext, change: RowChange): Promise<WriteResult> {
  const { options, changes, values, storedKey } = change;
  const holds = compileMatcher(change.where, (column) => column.index);
  return untilUnchanged(context, options, async () => {
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
    return { affected: 1, row: presentLogical(bound, options.returning === "new" ? after : before) };
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
  return options?.returning === "new" ? { affected: 1, row: presentLogical(bound, row) } : done;
}

/** The whole row of a key as logical values, undefined when it is missing or its time has come. */
export async function readWhole(bound: BoundTable, context: WriteContext, storedKey: Values, options: CallOptions | undefined): Promise<unknown[] | undefined> {
  const { table, pool } = bound;
  const prepared = bound.prepared("whole", () => ({
    verb: "get",
    table,
    columns: table.columns,
    key: slotsOf(table.key),
    consistent: pool.driver.capabilities.consistent,
  }));
  const reply = await pool.send(prepared, storedKey, options, context.target);
  const [row] = reply.rows;
  if (row === undefined) return undefined;
  const logical = bound.decodeArray(row);
  return table.ttl !== undefined && isOver(logical[table.ttl.index], context.now()) ? undefined : logical;
}

/** Sets columns (slots of `changes` are column indexes of `after`) if the row is still `before`. */
function changeIfSame(
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
function sameRow(table: Table, from: number): Condition {
  const tests = table.columns.filter((column) => !column.isKey);
  return allOf(tests.map((column): Condition => ({ kind: "test", column, op: "same", slots: [from + column.index] })));
}

const eagerAttempts = 3;
const mostAttempts = 500;

/** Repeats `attempt` while it gives undefined: somebody changed the row between reading and writing. */
async function untilUnchanged<T>(context: WriteContext, options: CallOptions | undefined, attempt: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < mostAttempts; i++) {
    const result = await attempt();
    if (result !== undefined) return result;
    // Of many writers of one row the waiting ones step back a little more each time.
    if (i >= eagerAttempts) await context.clock.sleep(context.clock.random() * Math.min(2 * i, 50), options?.signal);
  }
  throw new DbError("limited", `the row was changed by others ${mostAttempts} times while this call computed its new value; try again later`);
}

/** Deletes the row of a key. */
export function deleteRow(bound: BoundTable, context: WriteContext, key: unknown, options?: ChangeOptions): WriteResult | Promise<WriteResult> {
  const { table, codec, pool } = bound;
  const storedKey = bound.encodeKey(checkKey(bound.rules, key));
  const values: unknown[] = [];
  const where = options?.where === undefined ? allOf([]) : parseFilter(table, options.where, values, {});
  const guard = allOf([where, living(table, values, context.now())]);
  const wantsOld = options?.returning === "old";
  const native = isNative(guard, pool.driver.capabilities) && (!wantsOld || pool.driver.capabilities.returning.delete === "old");
  if (!native || options?.mustMatch === true) return bound.ordered(storedKey, () => deleteByReading(bound, context, storedKey, where, values, options));
  const kept = bound.kept(`delete ${conditionKey(guard)}${wantsOld ? " old" : ""}`, () => ({
    prepared: pool.prepare({ verb: "delete", target: "key", table, key: slotsOf(table.key, values.length), guard, returning: wantsOld ? "old" : "none" }),
    encode: valueEncoder(guard, values.length, codec),
  }));
  const finish = (reply: Reply): WriteResult => {
    if (reply.affected === 0) return nothing;
    return wantsOld && reply.rows[0] !== undefined ? { affected: 1, row: bound.decodeRow(reply.rows[0]) } : done;
  };
  const result = bound.ordered(storedKey, () => pool.send(kept.prepared, [...kept.encode(values), ...storedKey], options, context.target));
  return result instanceof Promise ? result.then(finish) : finish(result);
}

function deleteByReading(
  bound: BoundTable,
  context: WriteContext,
  storedKey: Values,
  where: Condition,
  values: readonly unknown[],
  options: ChangeOptions | undefined,
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
  return untilUnchanged(context, options, async () => {
    const before = await readWhole(bound, context, storedKey, options);
    if (before === undefined) return fail("not-found", "there is no row with this key");
    if (!holds(before, values)) return fail("condition-failed", "the condition in where does not hold for the row");
    const reply = await pool.send(prepared, [...bound.encodeRow(before), ...storedKey], options, context.target);
    if (reply.affected === 0) return undefined;
    return options?.returning === "old" ? { affected: 1, row: presentLogical(bound, before) } : done;
  });
}
