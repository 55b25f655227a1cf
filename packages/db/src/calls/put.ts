// add and put: writing whole rows.

import type { Change, Reply } from "../driver.js";
import { DbError } from "../errors.js";
import { CheckedRow } from "../normalize/checked-row.js";
import { type LogicalRow, checkRow } from "../normalize/row.js";
import { always } from "../reference/condition.js";
import type { Column } from "../schema/table.js";
import { outside } from "./bound-scope.js";
import type { BoundTable } from "./bound-table.js";
import { checkOf, inTurn, writtenReferences } from "./check-refs.js";
import { readStored, untilUnchanged } from "./compare-and-set.js";
import { type CallContext, done, type WriteResult } from "./context.js";
import { freeingUnique } from "./free-expired-unique.js";
import type { WriteOptions } from "./options.js";
import type { PlainWrite } from "./plain-write.js";
import { isPutByReading, putCommand, putValues, type PutVerb, replaceRow } from "./put-command.js";
import { changeChecked, guarded } from "./update.js";
import { presenceOf } from "./visible.js";

/** Inserts a row (`add`), or inserts or replaces it (`put`). */
export function putRow(
  bound: BoundTable,
  context: CallContext,
  mode: PutVerb,
  row: unknown,
  options?: WriteOptions,
): WriteResult | Promise<WriteResult> {
  const logical = row instanceof CheckedRow ? row.values : checkRow(bound.rules, row, context.clock, options?.keepNow === true);
  if (bound.scope !== undefined) {
    bound.scope.mustHold(logical, context.scopeValues);
    if (mode === "put" && bound.scope.replaced !== undefined) return putPart(bound, context, logical, bound.scope.replaced, options);
  }
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
  const values = putValues(bound, context, mode, stored);
  const result = inTurn(bound, context, key, check, () => bound.pool.send(prepared, values, context));
  const finish = mode === "add" ? finishAdd : finishPut;
  if (options?.returning === undefined) return result instanceof Promise ? result.then(finish) : finish(result);
  const present = (reply: Reply): WriteResult => {
    const { affected } = finish(reply);
    if (returnsOld) return withOld(bound, context, reply);
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
  const values = putValues(bound, context, mode, stored);
  return { bound, prepared: putCommand(bound, mode, false), values, key: bound.keyIn(stored), finish: finishAdd };
}

function finishAdd(reply: Reply): WriteResult {
  if (reply.affected === 0) throw rowExists();
  return done;
}

/** A row that is not replaced is outside of the scope. */
function finishPut(reply: Reply): WriteResult {
  if (reply.affected === 0) throw outside();
  return done;
}

function rowExists(): DbError {
  return new DbError("already-exists", "a row with this key exists; use put to replace it");
}

function withOld(bound: BoundTable, context: CallContext, { rows: [row] }: Reply): WriteResult {
  if (row === undefined) return done;
  const before = { values: bound.decodeWrittenArray(row), version: undefined };
  return presenceOf(bound, context, before) === "there" ? { affected: 1, row: bound.decodeWritten(row) } : done;
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
    const presence = presenceOf(bound, context, found);
    if (mode === "add" && presence !== "missing") throw rowExists();
    if (presence === "outside") throw outside();
    const before = presence === "there" ? found : undefined;
    if (!(await replaceRow(bound, context, found, logical))) return undefined;
    if (options?.returning === "new") return { affected: 1, row: bound.presentLogical(logical) };
    return options?.returning === "old" && before !== undefined ? { affected: 1, row: bound.presentLogical(before.values) } : done;
  });
}

/** Replaces the columns of a row that may be written, and leaves the others as they are; makes the row where it is missing. */
function putPart(
  bound: BoundTable,
  context: CallContext,
  logical: LogicalRow,
  replaced: readonly Column[],
  options: WriteOptions | undefined,
): WriteResult | Promise<WriteResult> {
  const { table } = bound;
  const values: unknown[] = [];
  const set = (column: Column): Change => ({ column, op: "set", slot: values.push(logical[column.index] ?? null) - 1 });
  const joined = new Set(table.joins.map(({ column }) => column));
  const isTouched = ({ type, definition }: Column): boolean => type === "now" && definition.readonly !== true;
  const changes = table.columns
    .filter((column) => !column.isKey && !joined.has(column) && (replaced.includes(column) || isTouched(column)))
    .map(set);
  for (const join of table.joins) {
    if (join.column.isKey) continue;
    const kept = join.parts.filter((part) => !part.isKey && part.index >= 0 && part !== join.column && !replaced.includes(part));
    if (kept.length === 0) changes.push(set(join.column));
    // Of parts that stay and parts that are written: made when the row is known.
    else if (kept.length < join.parts.length)
      changes.push({ column: join.column, op: "set", slot: undefined, from: { join, slots: join.parts.map(() => undefined) } });
  }
  const storedKey = bound.keyIn(bound.encodeRow(logical));
  const refs = options?.checkRefs === true ? writtenReferences(table, logical) : undefined;
  const change = { storedKey, changes, values, where: always, create: () => logical, options, refs };
  return changeChecked(bound, context, guarded(bound, context, change));
}
