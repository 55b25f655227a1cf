// Which rows there are for a call: those that have not expired and lie within its scope.

import { allOf, type Condition } from "../reference/condition.js";
import { notExpired } from "../reference/expiry.js";
import type { BoundTable } from "./bound-table.js";
import { isExpired, type ReadRow, readStored } from "./compare-and-set.js";
import type { CallContext } from "./context.js";
import type { Values } from "../driver.js";

/** What holds for the rows that there are. The values are appended. */
export function visibleRows(bound: BoundTable, context: CallContext, values: unknown[]): Condition {
  const { table, scope } = bound;
  const present = notExpired(table, values, context.now());
  if (scope === undefined) return present;
  const inside = scope.visibleFrom(values.length);
  values.push(...context.scopeValues);
  return allOf([present, inside]);
}

/** A row as a call finds it: there, as if missing, or outside of its scope, where it is missing too but its key is taken. */
export type Presence = "there" | "missing" | "outside";

export function presenceOf(bound: BoundTable, context: CallContext, row: ReadRow | undefined): Presence {
  if (row === undefined || isExpired(bound, context, row)) return "missing";
  const { scope } = bound;
  if (scope === undefined) return "there";
  if (!scope.holds(row.values, context.scopeValues)) return "outside";
  return scope.isDeleted(row.values) ? "missing" : "there";
}

/** The whole row of a key, if it is there. */
export async function readVisible(bound: BoundTable, context: CallContext, storedKey: Values): Promise<ReadRow | undefined> {
  const row = await readStored(bound, context, storedKey);
  return presenceOf(bound, context, row) === "there" ? row : undefined;
}
