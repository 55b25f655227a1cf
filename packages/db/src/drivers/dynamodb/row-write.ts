import type { Values } from "../../driver.js";
import type { Item } from "./attributes.js";
import type { Layout } from "./layout.js";

/** One row: as it must still be, and as it shall be; undefined where there is none. */
export interface RowWrite {
  readonly layout: Layout;
  readonly key: Item;
  readonly before: Values | undefined;
  /** The version that the row was read with, null: there was no row. Absent: the row's columns are compared. */
  readonly version?: string | null;
  /** The row as it was read, with the attributes of other programs. */
  readonly item?: Item | undefined;
  readonly after: Values | undefined;
}
