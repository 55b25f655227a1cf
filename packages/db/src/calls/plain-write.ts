import type { Prepared } from "../compile/prepared.js";
import type { Reply, Values } from "../driver.js";
import type { BoundTable } from "./bound-table.js";
import type { WriteResult } from "./context.js";

/** A write as one command with its values: what groups are made of. */
export interface PlainWrite {
  readonly bound: BoundTable;
  readonly prepared: Prepared;
  readonly values: Values;
  /** Of the row, stored form. */
  readonly key: Values;
  /** The call's result, or throws what its reply means. */
  readonly finish: (reply: Reply) => WriteResult;
}
