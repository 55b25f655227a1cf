import { checkCount } from "../normalize/order.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { ScanOptions } from "./options.js";
import { type Page, pageOf, pageSize } from "./page.js";
import { queryOf } from "./query.js";

/** Reads one page within the time that a page may take. */
export type ReadPage = (read: (context: CallContext) => Promise<Page>) => Promise<Page>;

/** Every matching row, page by page; only one page is held at a time. */
export async function* scanPages(
  bound: BoundTable,
  context: CallContext,
  filter: unknown,
  options: ScanOptions | undefined,
  readPage: ReadPage,
): AsyncGenerator<Row[]> {
  const count = options?.count === undefined ? undefined : checkCount(options.count);
  const query = queryOf(bound, context, filter, options);
  if (query.never) return;
  const size = pageSize(query);
  let start = options?.start;
  do {
    const from = start;
    const page: Page = await readPage((own) => pageOf(query, own, count ?? size.rows, from, size));
    if (page.rows.length > 0) yield page.rows;
    start = page.next;
  } while (start !== undefined);
}
