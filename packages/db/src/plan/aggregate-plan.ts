import type { Capabilities, Measure } from "../driver.js";
import type { Column } from "../schema/table.js";
import type { SelectPlan } from "./select-plan.js";

/** Whether the engine computes measures over what a plan reads, and makes the groups; else the core folds rows. */
export function isComputed(
  plan: SelectPlan,
  groupBy: readonly Column[],
  measures: readonly Measure[],
  { aggregates }: Pick<Capabilities, "aggregates">,
): boolean {
  if (plan.residual !== undefined) return false;
  // Groups of several paths would have to be put together, page by page.
  if (groupBy.length > 0 && plan.spread !== undefined) return false;
  return claimsGroups(groupBy, measures, { aggregates });
}

/** Whether the engine claims to compute measures by these columns, where it evaluates the whole filter. */
export function claimsGroups(
  groupBy: readonly Column[],
  measures: readonly Measure[],
  { aggregates }: Pick<Capabilities, "aggregates">,
): boolean {
  return groupBy.every(({ kind }) => aggregates.by.includes(kind)) && measures.every((measure) => isClaimed(measure, aggregates));
}

function isClaimed({ op, column }: Measure, { count, of }: Capabilities["aggregates"]): boolean {
  if (column === undefined) return count;
  if (op === "sum" && column.kind === "real") return false;
  return of[column.kind]?.includes(op) === true;
}
