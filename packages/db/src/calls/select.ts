import { DbError, invalid } from "../errors.js";
import { checkCount, hasConditions } from "../normalize/order.js";
import { parseSearch, placesIn, type Range, type SearchQuery } from "../reference/search-query.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { includesOf } from "./include.js";
import type { SearchOptions, SelectOptions } from "./options.js";
import { type Includes, type Page, pageIncluding, pageOf } from "./page.js";
import { type Query, refuseQuery, withColumns } from "./query.js";
import { askedQuery } from "./related.js";

/** One page of rows by filter. */
export function selectPage(bound: BoundTable, context: CallContext, filter: unknown, options?: SelectOptions): Page | Promise<Page> {
  const count = checkCount(options?.count);
  const asked = askedQuery(bound, context, filter, options);
  // Where the scope leaves rows out, a page may take the whole table.
  const whole = hasConditions(filter) || bound.scope?.narrows === true;
  if (asked instanceof Promise) return asked.then((query) => unrefused(query, context, count, options, whole));
  return unrefused(asked, context, count, options, whole);
}

function unrefused(
  query: Query,
  context: CallContext,
  count: number,
  options: SelectOptions | undefined,
  whole: boolean,
): Page | Promise<Page> {
  refuseQuery(query, options?.scan === true, whole);
  return pageAsked(query, context, count, options);
}

/** A page, with what the options include. */
function pageAsked(query: Query, context: CallContext, count: number, options: SelectOptions | undefined): Page | Promise<Page> {
  if (options?.include === undefined) return pageOf(query, context, count, options?.start);
  const { include, consistent, start } = options;
  const read = (includes: Includes): Promise<Page> => pageIncluding(withColumns(query, includes.needs), context, count, start, includes);
  return includesOf(query.bound.table, context, include, consistent).then(read);
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
  const words = parseSearch(text);
  const query = await askedQuery(bound, context, options?.filter, options, { text, query: words });
  const page = await pageAsked(query, context, count, options);
  if (options?.highlight !== true) return page;
  const names = table.search.map(({ name }) => name);
  return { ...page, highlights: page.rows.map((row) => highlightsIn(row, names, words)) } as Page;
}

/** Where the words stand in the searched columns that a row was read with; columns without them are left out. */
function highlightsIn(row: Page["rows"][number], names: readonly string[], words: SearchQuery): Record<string, Range[]> {
  const found: Record<string, Range[]> = {};
  for (const name of names) {
    const text = row[name];
    const places = typeof text === "string" ? placesIn(words, text) : [];
    if (places.length > 0) found[name] = places;
  }
  return found;
}
