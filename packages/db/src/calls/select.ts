import { DbError, invalid } from "../errors.js";
import { checkCount, hasConditions } from "../normalize/order.js";
import { refuseScan } from "../plan/scan-rule.js";
import { parseSearch } from "../reference/search-query.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { SearchOptions, SelectOptions } from "./options.js";
import { type Page, pageOf } from "./page.js";
import { type Query, queryOf } from "./query.js";

/** One page of rows by filter. */
export function selectPage(bound: BoundTable, context: CallContext, filter: unknown, options?: SelectOptions): Page | Promise<Page> {
  const count = checkCount(options?.count);
  const query = queryOf(bound, context, filter, options);
  refuseQuery(query, options?.scan === true, hasConditions(filter));
  return pageOf(query, context, count, options?.start);
}

/** One page of the rows whose `search` columns hold the words of `text`, in key order unless sorted. */
export async function searchPage(bound: BoundTable, context: CallContext, text: unknown, options?: SearchOptions): Promise<Page> {
  const { table, pool } = bound;
  if (!pool.capabilities.search)
    throw new DbError("unsupported", "this driver has no full-text search (capability search); use select with contains", {
      detail: { capability: "search" },
    });
  if (table.search.length === 0) throw invalid(`no column of ${table.name} is declared with search: true`);
  if (typeof text !== "string") throw invalid("search takes the words to look for as a string");
  const count = checkCount(options?.count);
  const query = queryOf(bound, context, options?.filter, options, { text, query: parseSearch(text) });
  return pageOf(query, context, count, options?.start);
}

/** @throws DbError `scan-refused` where the query would read the whole table and nobody said so */
export function refuseQuery({ bound, plan, never }: Query, allowed: boolean, whole: boolean): void {
  if (!never) refuseScan(bound.table, plan, bound.pool.capabilities, allowed, whole);
}
