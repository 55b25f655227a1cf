import { checkCount } from "../normalize/order.js";
import type { BatchSize } from "./batch-size.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { ScanOptions } from "./options.js";
import { type Page, pageOf, pageSize } from "./page.js";
import { type Query, queryOf } from "./query.js";

/** Reads one page within the time that a page may take. */
export type ReadPage = (read: (bound: BoundTable, context: CallContext) => Promise<Page>) => Promise<Page>;

/** Every matching row, page by page; only one page is held at a time. */
export async function* scanPages(filter: unknown, options: ScanOptions | undefined, readPage: ReadPage): AsyncGenerator<Row[]> {
  let query: Query | undefined;
  let size: BatchSize | undefined;
  let start = options?.start;
  do {
    const from = start;
    const page: Page = await readPage(async (bound, context) => {
      const count = options?.count === undefined ? undefined : checkCount(options.count);
      query ??= queryOf(bound, context, filter, options);
      if (query.never) return { rows: [] };
      size ??= pageSize(query);
      return pageOf(query, context, count ?? size.rows, from, size);
    });
    if (page.rows.length > 0) yield page.rows;
    start = page.next;
  } while (start !== undefined);
}
