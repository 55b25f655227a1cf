import type { Change, Value } from "../driver.js";
import type { LogicalRow } from "../normalize/row.js";
import type { Condition } from "../reference/condition.js";
import type { BoundTable } from "./bound-table.js";
import type { WrittenReference } from "./check-refs.js";
import type { ChangeOptions } from "./options.js";

/** One row's change, checked. */
export interface RowChange {
  readonly storedKey: readonly Value[];
  readonly changes: readonly Change[];
  /** Logical values by slot: those of the changes and of the guard. */
  readonly values: unknown[];
  readonly guard: Condition;
  /** The guard without the parts that the core added. */
  readonly where: Condition;
  /** The row itself has to say whether it stays inside the scope. */
  readonly mayLeave: boolean;
  /** Sums must stay inside their types. */
  readonly hasSums: boolean;
  /** The row to make when there is none; undefined: none is made. */
  readonly create: (() => LogicalRow) | undefined;
  readonly options: Pick<ChangeOptions, "returning" | "mustMatch"> | undefined;
  /** The references that must go to rows which exist. */
  readonly refs?: readonly WrittenReference[] | undefined;
}

/** Whether the engine carries out a change itself. */
export function isNativeChange(bound: BoundTable, { column, op, member, from }: Change): boolean {
  if (member !== undefined || from !== undefined) return false;
  // The length of what an engine puts together is not known beforehand.
  const isBounded = column.maxLength !== undefined || bound.rules.boundedTexts.has(column);
  if (isBounded && (op === "append" || op === "prepend" || op === "add")) return false;
  return op === "set" || (bound.pool.capabilities.changes[column.kind]?.includes(op) ?? false);
}
