// The commands that write whole rows, and what a row may replace.

import type { Prepared } from "../compile/prepared.js";
import { expiredRow, putShape } from "../compile/shapes.js";
import type { Values } from "../driver.js";
import { canGuard } from "../plan/evaluates.js";
import type { LogicalRow } from "../normalize/row.js";
import { always, anyOf, type Condition, isAlways, isNever } from "../reference/condition.js";
import type { BoundTable } from "./bound-table.js";
import { outside } from "./bound-scope.js";
import { type ReadRow, readStored } from "./compare-and-set.js";
import type { CallContext } from "./context.js";
import { claimsUnique, writeClaiming, writeIfSame } from "./unique-claims.js";
import { presenceOf } from "./visible.js";

export type PutVerb = "put" | "add";

/** What must hold for the row that a whole row replaces; its values follow those of the row. */
function replaceable(bound: BoundTable, mode: PutVerb): Condition {
  const { table, scope } = bound;
  const expired = expiredRow(table);
  if (scope === undefined) return mode === "put" ? always : expired;
  return anyOf([expired, scope.replaceableFrom(mode, table.columns.length + (table.ttl === undefined ? 0 : 1))]);
}

/** The command of an `add` or `put`; its values are those of {@link putValues}. */
export function putCommand(bound: BoundTable, mode: PutVerb, returnsOld: boolean): Prepared {
  return bound.prepared(returnsOld ? "put old" : mode, () => putShape(bound.table, replaceable(bound, mode), { returnsOld }));
}

/** What an `add` or `put` binds: the row, and the values of what it may replace. */
export function putValues(bound: BoundTable, context: CallContext, mode: PutVerb, stored: Values): Values {
  const { table, scope } = bound;
  if (scope !== undefined) return [...stored, ...(table.ttl === undefined ? [] : [context.now()]), ...scope.encode(context.scopeValues)];
  return mode === "put" || table.ttl === undefined ? stored : [...stored, context.now()];
}

/** Whether a row must be read before another is written in its place: for its unique values, or to see whether it may be replaced. */
export function isPutByReading(bound: BoundTable, mode: PutVerb): boolean {
  if (claimsUnique(bound)) return true;
  if (mode === "put" && bound.scope === undefined) return false;
  const over = replaceable(bound, mode);
  return !isNever(over) && !isAlways(over) && !canGuard(over, bound.pool.capabilities);
}

/**
 * Makes a row that is missing.
 *
 * @returns false when somebody else made it first
 */
export async function addMissing(bound: BoundTable, context: CallContext, logical: LogicalRow): Promise<boolean> {
  const stored = bound.encodeRow(logical);
  if (!isPutByReading(bound, "add"))
    return (await bound.pool.send(putCommand(bound, "add", false), putValues(bound, context, "add", stored), context)).affected > 0;
  const found = await readStored(bound, context, bound.keyIn(stored));
  const presence = presenceOf(bound, context, found);
  if (presence === "outside") throw outside();
  return presence === "missing" && replaceRow(bound, context, found, logical);
}

/** Writes a whole row if what it replaces is still as it was read; false when it is not. */
export async function replaceRow(
  bound: BoundTable,
  context: CallContext,
  found: ReadRow | undefined,
  logical: LogicalRow,
): Promise<boolean> {
  return (await writeClaiming(bound, context, found, logical, () => writeIfSame(bound, context, found, logical))) !== undefined;
}
