// add and put: writing whole rows.

import type { Prepared } from "../compile/prepared.js";
import { expiredRow, putShape } from "../compile/shapes.js";
import type { Reply, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { CheckedRow } from "../normalize/checked-row.js";
import { type LogicalRow, checkRow } from "../normalize/row.js";
import { canGuard } from "../plan/evaluates.js";
import { isNever } from "../reference/condition.js";
import { hasExpired } from "../reference/expiry.js";
import type { BoundTable } from "./bound-table.js";
import { checkOf, inTurn, writtenReferences } from "./check-refs.js";
import { isExpired, readStored, type ReadRow, untilUnchanged } from "./compare-and-set.js";
import { type CallContext, done, type WriteResult } from "./context.js";
import { freeingUnique } from "./free-expired-unique.js";
import type { WriteOptions } from "./options.js";
import type { PlainWrite } from "./plain-write.js";
import { claimsUnique, writeClaiming, writeIfSame } from "./unique-claims.js";

type PutVerb = "put" | "add";

/** Inserts a row (`add`), or inserts or replaces it (`put`). */
export function putRow(
  bound: BoundTable,
  context: CallContext,
  mode: PutVerb,
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
  mode: PutVerb,
  logical: LogicalRow,
  options: WriteOptions | undefined,
): WriteResult | Promise<WriteResult> {
  const stored = bound.encodeRow(logical);
  const key = bound.keyIn(stored);
  const returnsOld = options?.returning === "old" && mode === "put";
  const check = options?.checkRefs === true ? checkOf(context, writtenReferences(bound.table, logical)) : undefined;
  if (isPutByReading(bound, mode) || (returnsOld && bound.pool.capabilities.returning.put === "none"))
    return inTurn(bound, context, key, check, () => putByReading(bound, context, mode, logical, options));
  const prepared = putCommand(bound, mode, returnsOld);
  const values = mode === "add" ? withNow(bound, context, stored) : stored;
  const result = inTurn(bound, context, key, check, () => bound.pool.send(prepared, values, context));
  if (options?.returning === undefined) return result instanceof Promise ? result.then(finish) : finish(result);
  const present = (reply: Reply): WriteResult => {
    if (returnsOld) return withOld(bound, context, reply);
    const { affected } = finish(reply);
    return options.returning === "new" ? { affected, row: bound.presentLogical(logical) } : done;
  };
  return result instanceof Promise ? result.then(present) : present(result);
}

/** The command of an `add` or `put` that asks for nothing besides; undefined where more than one command may be needed. */
export function plainPut(bound: BoundTable, context: CallContext, mode: PutVerb, row: unknown): PlainWrite | undefined {
  if (isPutByReading(bound, mode)) return undefined;
  // Unique values of expired rows may have to be freed first.
  if (bound.table.ttl !== undefined && bound.table.uniques.length > 0) return undefined;
  const stored = bound.encodeRow(checkRow(bound.rules, row, context.clock, false));
  const values = mode === "add" ? withNow(bound, context, stored) : stored;
  return { bound, prepared: putCommand(bound, mode, false), values, key: bound.keyIn(stored), finish };
}

function finish(reply: Reply): WriteResult {
  if (reply.affected === 0) throw rowExists();
  return done;
}

function rowExists(): DbError {
  return new DbError("already-exists", "a row with this key exists; use put to replace it");
}

export function putCommand(bound: BoundTable, mode: PutVerb, returnsOld: boolean): Prepared {
  return bound.prepared(returnsOld ? "put old" : mode, () => putShape(bound.table, mode, { returnsOld }));
}

/** What an `add` binds: the row, and where rows expire the time. */
export function withNow(bound: BoundTable, context: CallContext, stored: Values): Values {
  return bound.table.ttl === undefined ? stored : [...stored, context.now()];
}

function withOld(bound: BoundTable, context: CallContext, { rows: [row] }: Reply): WriteResult {
  if (row === undefined) return done;
  const { ttl } = bound.table;
  const old = bound.decodeWritten(row);
  return ttl !== undefined && hasExpired(old[ttl.name], context.now()) ? done : { affected: 1, row: old };
}

/** Whether a row must be read before another is written in its place: for its unique values, or to see whether it has expired. */
function isPutByReading(bound: BoundTable, mode: PutVerb): boolean {
  if (claimsUnique(bound)) return true;
  if (mode === "put") return false;
  const over = expiredRow(bound.table);
  return !isNever(over) && !canGuard(over, bound.pool.capabilities);
}

/** Reads the row and replaces it if it is still the same: what an engine does not do in one step. */
async function putByReading(
  bound: BoundTable,
  context: CallContext,
  mode: PutVerb,
  logical: LogicalRow,
  options: WriteOptions | undefined,
): Promise<WriteResult> {
  const key = bound.keyIn(bound.encodeRow(logical));
  return untilUnchanged(context, async () => {
    const found = await readStored(bound, context, key);
    const before = found === undefined || isExpired(bound, context, found) ? undefined : found;
    if (mode === "add" && before !== undefined) throw rowExists();
    if (!(await replaceRow(bound, context, found, logical))) return undefined;
    if (options?.returning === "new") return { affected: 1, row: bound.presentLogical(logical) };
    return options?.returning === "old" && before !== undefined ? { affected: 1, row: bound.presentLogical(before.values) } : done;
  });
}

/**
 * Makes a row that is missing.
 *
 * @returns false when somebody else made it first
 */
export async function addMissing(bound: BoundTable, context: CallContext, logical: LogicalRow): Promise<boolean> {
  const stored = bound.encodeRow(logical);
  if (!isPutByReading(bound, "add"))
    return (await bound.pool.send(putCommand(bound, "add", false), withNow(bound, context, stored), context)).affected > 0;
  const found = await readStored(bound, context, bound.keyIn(stored));
  if (found !== undefined && !isExpired(bound, context, found)) return false;
  return replaceRow(bound, context, found, logical);
}

async function replaceRow(bound: BoundTable, context: CallContext, found: ReadRow | undefined, logical: LogicalRow): Promise<boolean> {
  return (await writeClaiming(bound, context, found, logical, () => writeIfSame(bound, context, found, logical))) !== undefined;
}
