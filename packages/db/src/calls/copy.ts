// Copying tables from one pool to another, page by page; it can be stopped and taken up again.

import { cancelledError } from "@bk/core";

import type { BoundTable } from "../compile/bound-table.js";
import { readBack } from "../normalize/checked-row.js";
import type { CallOptions } from "../normalize/call-options.js";
import { pageOf } from "./pages.js";
import { type ReadContext, ask, checkCount } from "../plan/query.js";
import type { WriteContext } from "./write-context.js";
import { writeRow } from "./put.js";

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
  /** Rows of a page, 1 to 10,000; default 500. */
  readonly count?: number | undefined;
  readonly resume?: CopyProgress["resume"] | undefined;
  /** Called after each page. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** Copies one table; rows are put, with their `now` columns as they are. Gives the number of rows. */
export async function copyTable(
  from: BoundTable,
  to: BoundTable,
  read: ReadContext,
  write: WriteContext,
  options: CopyOptions,
): Promise<number> {
  const { name } = from.table;
  const count = options.count === undefined ? 500 : checkCount(options.count);
  const resume = options.resume?.table === name ? options.resume : undefined;
  if (resume?.done === true) return 0;
  let start = resume?.start;
  let copied = 0;
  do {
    if (options.signal?.aborted) throw cancelledError(options.signal);
    const page = await pageOf(ask(from, read, {}, {}), read, count, { start, signal: options.signal });
    await Promise.all(
      page.rows.map(async (row) => writeRow(to, write, "put", readBack(from.table, row), { keepNow: true, signal: options.signal })),
    );
    copied += page.rows.length;
    start = page.next;
    options.onProgress?.({ table: name, copied, resume: { table: name, start, done: start === undefined } });
  } while (start !== undefined);
  return copied;
}
