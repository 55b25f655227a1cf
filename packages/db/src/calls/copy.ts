// Copying tables from one pool to another, page by page; it can be stopped and taken up again.

import { DbError } from "../errors.js";
import { CheckedRow } from "../normalize/checked-row.js";
import { checkCount } from "../normalize/order.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { eachOf, partlyDone } from "./each-row.js";
import type { CallOptions } from "./options.js";
import { pageSize, storedPage } from "./page.js";
import { putRow } from "./put.js";
import { queryOf } from "./query.js";

/** Where a copy stands; pass `resume` of the last one to go on from there. */
export interface CopyProgress {
  readonly table: string;
  /** Rows copied of this table in this run. */
  readonly copied: number;
  /** What `copy` takes to go on after this page. */
  readonly resume: { readonly table: string; readonly start: string | undefined; /** The table is copied. */ readonly done?: boolean };
}

export interface CopyOptions extends CallOptions {
  /** The pool to read from and the one to write to. */
  readonly from: string;
  readonly to: string;
  /** The tables to copy; default all. */
  readonly tables?: readonly string[] | undefined;
  /** Rows of a page, 1 to 10,000; default: as many as are about 4 MB together, at most 2,000. */
  readonly count?: number | undefined;
  readonly resume?: CopyProgress["resume"] | undefined;
  /** Called after each page. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/**
 * Copies one table; rows are put, with their `now` columns as they are. Gives the number of rows.
 *
 * @throws the first error; its `outcome` is `some` when rows were copied, with their number in `detail.affected`
 */
export async function copyTable(
  from: BoundTable,
  to: BoundTable,
  context: { readonly from: CallContext; readonly to: CallContext },
  options: CopyOptions,
): Promise<number> {
  const { name } = from.table;
  const count = options.count === undefined ? undefined : checkCount(options.count);
  const resume = options.resume?.table === name ? options.resume : undefined;
  if (resume?.done === true) return 0;
  let start = resume?.start;
  let copied = 0;
  const query = queryOf(from, context.from, {}, { consistent: from.pool.capabilities.sees.select === "asked" });
  const size = pageSize(query);
  try {
    do {
      const page = await storedPage(query, context.from, count ?? size.rows, start);
      size.saw(page.rows);
      const rows = page.rows.map((row) => new CheckedRow(from.decodeArray(row)));
      await eachOf(context.to, rows, (row) => putRow(to, context.to, "put", row, { keepNow: true }), rows.length);
      copied += rows.length;
      start = page.next;
      options.onProgress?.({ table: name, copied, resume: { table: name, start, done: start === undefined } });
    } while (start !== undefined);
  } catch (error) {
    const ofPage = error instanceof DbError ? Number(error.detail?.["affected"] ?? 0) : 0;
    throw partlyDone(error, copied + ofPage);
  }
  return copied;
}
