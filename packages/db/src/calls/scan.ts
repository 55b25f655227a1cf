import { checkCount } from "../normalize/order.js";
import type { BatchSize } from "./batch-size.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { countRows } from "./count.js";
import { includesOf } from "./include.js";
import type { ScanOptions } from "./options.js";
import { type Includes, type Page, pageIncluding, pageOf, pageSize } from "./page.js";
import { progressOf } from "./progress.js";
import { type Query, withColumns } from "./query.js";
import { askedQuery } from "./related.js";

/** Runs a read of the table within the time that one may take. */
export type Within = <T>(read: (bound: BoundTable, context: CallContext) => Promise<T>) => Promise<T>;

/** The rows of one page; `next` is where to go on, for `start`, absent at the end. */
export type ScanPage<Row> = Row[] & { readonly next?: string };

/** What the pages of one scan share. */
interface Scanned {
  readonly query: Query;
  readonly includes: Includes | undefined;
  readonly size: BatchSize;
  readonly report: ReturnType<typeof progressOf>;
}

/** Every matching row, page by page; only one page is held at a time. */
export async function* scanPages(filter: unknown, options: ScanOptions | undefined, within: Within): AsyncGenerator<ScanPage<Row>> {
  const { count: given, limit = Infinity, onProgress, total: counts } = options ?? {};
  const total =
    counts === true ? await within((bound, context) => countRows(bound, context, filter, { ops: options?.ops, all: true })) : undefined;
  let scanned: Scanned | undefined;
  const begin = async (bound: BoundTable, context: CallContext): Promise<Scanned> => {
    const asked = await askedQuery(bound, context, filter, { ...options, scan: true });
    const includes =
      options?.include === undefined ? undefined : await includesOf(bound.table, context, options.include, options.consistent);
    const query = includes === undefined ? asked : withColumns(asked, includes.needs);
    return { query, includes, size: pageSize(query), report: progressOf(bound.table.name, context.clock, total) };
  };
  let start = options?.start;
  let rows = 0;
  do {
    const from = start;
    const page: Page = await within(async (bound, context) => {
      const count = given === undefined ? undefined : checkCount(given);
      scanned ??= await begin(bound, context);
      const { query, includes, size } = scanned;
      // Only the way in is of use where no row is wanted: it refuses what is invalid.
      if (query.never || limit === 0) return { rows: [] };
      const most = Math.min(count ?? size.rows, limit - rows);
      return includes === undefined ? pageOf(query, context, most, from, size) : pageIncluding(query, context, most, from, includes, size);
    });
    start = page.next;
    rows += page.rows.length;
    if (page.rows.length > 0) yield withNext(page.rows, start);
    const { report, size } = scanned!;
    onProgress?.({ ...report(rows, size.bytes), ...(start === undefined ? {} : { next: start }) });
  } while (start !== undefined && rows < limit);
}

/** No member that is listed: to everything else a page is an array of its rows. */
function withNext(rows: Row[], next: string | undefined): ScanPage<Row> {
  return next === undefined ? rows : Object.defineProperty(rows as ScanPage<Row>, "next", { value: next });
}
