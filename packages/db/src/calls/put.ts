// add and put: writing whole rows.

import type { Prepared } from "../compile/prepared.js";
import { putShape, type PutMode } from "../compile/shapes.js";
import type { Change, Reply, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { CheckedRow } from "../normalize/checked-row.js";
import { type LogicalRow, checkRow } from "../normalize/row.js";
import { hasExpired } from "../reference/expiry.js";
import type { BoundTable } from "./bound-table.js";
import { readWhole, untilUnchanged, updateIfSame } from "./compare-and-set.js";
import { type CallContext, done, type WriteResult } from "./context.js";
import { freeingUnique } from "./free-expired-unique.js";
import type { WriteOptions } from "./options.js";
import type { PlainWrite } from "./plain-write.js";

/** Inserts a row (`add`), or inserts or replaces it (`put`). */
export function putRow(
  bound: BoundTable,
  context: CallContext,
  mode: PutMode,
  row: unknown,
  options?: WriteOptions,
): WriteResult | Promise<WriteResult> {
  const logical = row instanceof CheckedRow ? row.values : checkRow(bound.rules, row, context.clock, options?.keepNow === true);
  return freeingUnique(
    bound,
    context,
    () => logical,
    () => putLogical(bound, context, mode, logical, options),
  );
}

function putLogical(
  bound: BoundTable,
  context: CallContext,
  mode: PutMode,
  logical: LogicalRow,
  options: WriteOptions | undefined,
): WriteResult | Promise<WriteResult> {
  const stored = bound.encodeRow(logical);
  const key = bound.keyIn(stored);
  const returnsOld = options?.returning === "old" && mode === "put";
  if (returnsOld && bound.pool.capabilities.returning.put === "none")
    return bound.ordered(context, key, () => putByReading(bound, context, logical, stored));
  const prepared = putCommand(bound, mode, returnsOld);
  const values = mode === "add" ? withNow(bound, context, stored) : stored;
  const result = bound.ordered(context, key, () => bound.pool.send(prepared, values, context));
  if (options?.returning === undefined) return result instanceof Promise ? result.then(finish) : finish(result);
  const present = (reply: Reply): WriteResult => {
    if (returnsOld) return withOld(bound, context, reply);
    const { affected } = finish(reply);
    return options.returning === "new" ? { affected, row: bound.presentLogical(logical) } : done;
  };
  return result instanceof Promise ? result.then(present) : present(result);
}

/** The command of an `add` or `put` that asks for nothing besides; undefined where more than one command may be needed. */
export function plainPut(bound: BoundTable, context: CallContext, mode: PutMode, row: unknown): PlainWrite | undefined {
  // Unique values of expired rows may have to be freed first.
  if (bound.table.ttl !== undefined && bound.table.uniques.length > 0) return undefined;
  const stored = bound.encodeRow(checkRow(bound.rules, row, context.clock, false));
  const values = mode === "add" ? withNow(bound, context, stored) : stored;
  return { bound, prepared: putCommand(bound, mode, false), values, key: bound.keyIn(stored), finish };
}

function finish(reply: Reply): WriteResult {
  if (reply.affected === 0) throw new DbError("already-exists", "a row with this key exists; use put to replace it");
  return done;
}

export function putCommand(bound: BoundTable, mode: PutMode, returnsOld: boolean): Prepared {
  return bound.prepared(returnsOld ? "put old" : mode, () => putShape(bound.table, mode, { returnsOld }));
}

/** What an `add` binds: the row, and where rows expire the time. */
export function withNow(bound: BoundTable, context: CallContext, stored: Values): Values {
  return bound.table.ttl === undefined ? stored : [...stored, context.now()];
}

function withOld(bound: BoundTable, context: CallContext, { rows: [row] }: Reply): WriteResult {
  if (row === undefined) return done;
  const { ttl } = bound.table;
  const old = bound.decodeRow(row);
  return ttl !== undefined && hasExpired(old[ttl.name], context.now()) ? done : { affected: 1, row: old };
}

/** `put` that gives the old row back, on an engine that cannot: reads the row and replaces it if it is still the same. */
async function putByReading(bound: BoundTable, context: CallContext, logical: LogicalRow, stored: Values): Promise<WriteResult> {
  const { table, pool } = bound;
  const key = bound.keyIn(stored);
  const changes = table.columns.filter((column) => !column.isKey).map((column): Change => ({ column, op: "set", slot: column.index }));
  return untilUnchanged(context, async () => {
    const before = await readWhole(bound, context, key);
    if (before === undefined || changes.length === 0) {
      const mode = before === undefined ? "add" : "put";
      const values = mode === "add" ? withNow(bound, context, stored) : stored;
      const added = await pool.send(putCommand(bound, mode, false), values, context);
      return added.affected === 0 ? undefined : before === undefined ? done : { affected: 1, row: bound.presentLogical(before.values) };
    }
    const reply = await updateIfSame(bound, context, key, before, changes, logical);
    return reply.affected === 0 ? undefined : { affected: 1, row: bound.presentLogical(before.values) };
  });
}
