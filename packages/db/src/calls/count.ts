import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { totalsOf } from "./groups.js";
import type { CountOptions } from "./options.js";
import { refuseQuery } from "./query.js";
import { askedQuery } from "./related.js";

/** How many rows a filter matches. */
export async function countRows(bound: BoundTable, context: CallContext, filter: unknown, options?: CountOptions): Promise<number> {
  const scan = options?.scan === true || options?.all === true;
  const asked = askedQuery(bound, context, filter, { ...options, scan, sort: undefined, desc: undefined, columns: bound.table.key });
  const query = asked instanceof Promise ? await asked : asked;
  refuseQuery(query, scan, true);
  const [count] = await totalsOf(query, context, [{ op: "count", column: undefined }]);
  return count as number;
}
