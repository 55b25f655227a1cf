import type { ChangeOp } from "../schema/operators.js";
import type { Column, Join } from "../schema/table.js";
import type { Slot } from "./condition.js";

/** One column's change in `update`. `unset` has no slot. `incr` counts an absent value as 0; `append` … start from empty. */
export interface Change {
  readonly column: Column;
  readonly op: ChangeOp;
  readonly slot: Slot | undefined;
  /** The undeclared column of an open table that is changed, a member of the JSON object in `column`. Left to the core, as `from`. */
  readonly member?: string;
  /**
   * The joined text of `column` must be made again from the changed row (`op` is `set` without a slot). `slots` has one
   * place for each part: the value that the call gives, or undefined where the row has it. Drivers never get such changes.
   */
  readonly from?: { readonly join: Join; readonly slots: readonly (Slot | undefined)[] };
}
