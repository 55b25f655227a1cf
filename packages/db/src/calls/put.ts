// add and put: writing whole rows.

import { type BoundTable, slotsOf } from "../compile/bound-table.js";
import type { PlainWrite } from "./bulk.js";
import { changeIfSame, readWhole, untilUnchanged } from "./compare-and-set.js";
import { always, type Condition, never } from "../reference/condition.js";
import type { Change, Reply, Value, Values } from "../driver.js";
import { CheckedRow } from "../normalize/checked-row.js";
import { DbError } from "../errors.js";
import { freeingUnique } from "./free-expired-unique.js";
import { type LogicalRow, checkRow } from "../normalize/row.js";
import type { Prepared } from "../execute/pool.js";
import { isOver } from "./read.js";
import type { Table } from "../schema/table.js";
import { type WriteContext, type WriteOptions, type WriteResult, done } from "./write-context.js";

export type PutMode = "put" | "add";

/** Inserts a row (`add`), or inserts or replaces it (`put`). */
export function writeRow(
  bound: BoundTable,
  context: WriteContext,
  mode: PutMode,
  row: unknown,
  options?: WriteOptions,
): WriteResult | Promise<WriteResult> {
  const logical = row instanceof CheckedRow ? row.values : checkRow(bound.rules, row, context.clock, options?.keepNow === true);
  return freeingUnique(
    bound,
    context,
    () => logical,
    options,
    () => writeLogical(bound, context, mode, logical, options),
  );
}

function writeLogical(
  bound: BoundTable,
  context: WriteContext,
  mode: PutMode,
  logical: LogicalRow,
  options: WriteOptions | undefined,
): WriteResult | Promise<WriteResult> {
  const stored = bound.encodeRow(logical);
  const key = storedKeyOf(bound.table, stored);
  const wantsOld = options?.returning === "old" && mode === "put";
  if (wantsOld && bound.pool.driver.capabilities.returning.put === "none")
    return bound.ordered(key, () => putByReading(bound, context, logical, stored, options));
  const prepared = putCommand(bound, mode, wantsOld);
  const values = mode === "add" ? withNow(bound, context, stored) : stored;
  const result = bound.ordered(key, () => bound.pool.send(prepared, values, options, context.target));
  if (options?.returning === undefined) return result instanceof Promise ? result.then(finish) : finish(result);
  const present = (reply: Reply): WriteResult => {
    if (wantsOld) return withOld(bound, context, reply);
    const { affected } = finish(reply);
    return options.returning === "new" ? { affected, row: bound.presentLogical(logical) } : done;
  };
  return result instanceof Promise ? result.then(present) : present(result);
}

/** The command of an `add` or `put` that asks for nothing besides; undefined where more than one command may be needed. */
export function plainWrite(bound: BoundTable, context: WriteContext, mode: PutMode, row: unknown): PlainWrite | undefined {
  // Unique values of ended rows may have to be freed first.
  if (bound.table.ttl !== undefined && bound.table.uniques.length > 0) return undefined;
  const stored = bound.encodeRow(checkRow(bound.rules, row, context.clock, false));
  const values = mode === "add" ? withNow(bound, context, stored) : stored;
  return { bound, prepared: putCommand(bound, mode, false), values, key: storedKeyOf(bound.table, stored), finish };
}

function finish(reply: Reply): WriteResult {
  if (reply.affected === 0) throw new DbError("already-exists", "a row with this key exists; use put to replace it");
  return done;
}

export function putCommand(bound: BoundTable, mode: PutMode, wantsOld: boolean): Prepared {
  return bound.prepared(wantsOld ? "put old" : mode, () => {
    const { table } = bound;
    const { ttl } = table;
    const expired: Condition = ttl === undefined ? never : { kind: "test", column: ttl, op: "le", slots: [table.columns.length] };
    return {
      verb: "put",
      table,
      key: table.key.map((column) => column.index),
      row: slotsOf(table.columns),
      over: mode === "put" ? always : expired,
      returning: wantsOld ? "old" : "none",
    };
  });
}

function storedKeyOf({ key }: Table, stored: Values): Value[] {
  return key.length === 1 ? [stored[key[0].index]!] : key.map((column) => stored[column.index]!);
}

function withOld(bound: BoundTable, context: WriteContext, reply: Reply): WriteResult {
  const [row] = reply.rows;
  if (row === undefined) return done;
  const { ttl } = bound.table;
  const old = bound.decodeRow(row);
  return ttl !== undefined && isOver(old[ttl.name], context.now()) ? done : { affected: 1, row: old };
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
  return untilUnchanged(bound, context, options, async () => {
    const before = await readWhole(bound, context, key, options);
    if (before === undefined || changes.length === 0) {
      const added = await bound.pool.send(
        putCommand(bound, before === undefined ? "add" : "put", false),
        withNow(bound, context, stored),
        options,
        context.target,
      );
      return added.affected === 0 ? undefined : before === undefined ? done : { affected: 1, row: bound.presentLogical(before) };
    }
    const reply = await changeIfSame(bound, context, key, before, changes, logical, options);
    return reply.affected === 0 ? undefined : { affected: 1, row: bound.presentLogical(before) };
  });
}

export function withNow(bound: BoundTable, context: WriteContext, stored: Values): Values {
  return bound.table.ttl === undefined ? stored : [...stored, context.now()];
}
