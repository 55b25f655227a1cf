import { checkCount } from "../normalize/order.js";
import type { BatchSize } from "./batch-size.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { includesOf } from "./include.js";
import type { ScanOptions } from "./options.js";
import { type Includes, type Page, pageIncluding, pageOf, pageSize } from "./page.js";
import { type Query, withColumns } from "./query.js";
import { askedQuery } from "./related.js";

/** Reads one page within the time that a page may take. */
export type ReadPage = (read: (bound: BoundTable, context: CallContext) => Promise<Page>) => Promise<Page>;

/** Every matching row, page by page; only one page is held at a time. */
export async function* scanPages(filter: unknown, options: ScanOptions | undefined, readPage: ReadPage): AsyncGenerator<Row[]> {
  let query: Query | undefined;
  let includes: Includes | undefined;
  let size: BatchSize | undefined;
  let start = options?.start;
  do {
    const from = start;
    const page: Page = await readPage(async (bound, context) => {
      const count = options?.count === undefined ? undefined : checkCount(options.count);
      if (query === undefined) {
        const asked = await askedQuery(bound, context, filter, { ...options, scan: true });
        if (options?.include !== undefined) includes = await includesOf(bound.table, context, options.include, options.consistent);
        query = includes === undefined ? asked : withColumns(asked, includes.needs);
      }
      if (query.never) return { rows: [] };
      size ??= pageSize(query);
      const most = count ?? size.rows;
      return includes === undefined ? pageOf(query, context, most, from, size) : pageIncluding(query, context, most, from, includes, size);
    });
    if (page.rows.length > 0) yield page.rows;
    start = page.next;
  } while (start !== undefined);
}
