import { valueEncoder } from "../compile/bind.js";
import { countShape } from "../compile/shapes.js";
import type { Values } from "../driver.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { CountOptions } from "./options.js";
import { storedRows } from "./page.js";
import { pathBindings } from "./page-reader.js";
import { type Query, refuseQuery } from "./query.js";
import { askedQuery } from "./related.js";

/** How many rows a filter matches. */
export async function countRows(bound: BoundTable, context: CallContext, filter: unknown, options?: CountOptions): Promise<number> {
  const select = bound.table.key.map((column) => column.name);
  const scan = options?.scan === true || options?.all === true;
  const asked = askedQuery(bound, context, filter, { ...options, scan, sort: undefined, desc: undefined, select });
  const query = asked instanceof Promise ? await asked : asked;
  refuseQuery(query, scan, true);
  if (query.never) return 0;
  if (query.plan.residual === undefined && bound.pool.capabilities.aggregates.count) return countByEngine(query, context);
  let count = 0;
  for await (const rows of storedRows(query, context)) count += rows.length;
  return count;
}

async function countByEngine(query: Query, context: CallContext): Promise<number> {
  const { bound, plan, condition, values, consistent, shape } = query;
  const { pool, table, codec } = bound;
  const counter = bound.kept(`count ${shape.key}`, () => ({
    prepared: pool.prepare(countShape(table, plan, consistent)),
    encodeValues: valueEncoder(condition, values.length, codec),
  }));
  const count = async (fixed: Values): Promise<number> => {
    const { rows } = await pool.send(counter.prepared, fixed, context);
    return Number(rows[0]?.[0] ?? 0);
  };
  const counts = await Promise.all(pathBindings(query, counter).map(({ fixed }) => count(fixed)));
  return counts.reduce((sum, one) => sum + one, 0);
}
