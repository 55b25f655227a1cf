import type { Capabilities } from "../driver.js";
import { DbError } from "../errors.js";
import type { Table } from "../schema/table.js";
import type { SelectPlan } from "./select-plan.js";

/**
 * Refuses to read a whole table where the caller did not say so.
 *
 * @param allowed  the caller said that the whole table may be read
 * @param whole    the call reads on to the end even where it has no filter (count, updateAll …)
 * @throws DbError `scan-refused`
 */
export function refuseScan(table: Table, plan: SelectPlan, { access }: Capabilities, allowed: boolean, whole: boolean): void {
  if (allowed || plan.narrow) return;
  if (!table.settings.noscan) {
    if (access === "any") return;
    // Without a filter a page is read in the engine's own order, and no further.
    if (!whole && !plan.coreSort) return;
  }
  throw new DbError(
    "scan-refused",
    "no key or index serves this filter, so the whole table would be read; give the hash key, add an index, or pass { scan: true }",
  );
}
