import type { Values } from "../../driver.js";
import type { Item } from "./attributes.js";
import type { ConditionInput } from "./guard.js";
import type { Layout } from "./layout.js";

/** One row: as it must still be, and as it shall be; undefined where there is none. */
export interface RowWrite {
  readonly layout: Layout;
  readonly key: Item;
  readonly before: Values | undefined;
  readonly after: Values | undefined;
  /** What must hold beside; its placeholders have no tag. */
  readonly guard?: ConditionInput | undefined;
}
