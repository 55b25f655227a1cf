// Copying tables from one pool to another, step by step; it can be stopped, or killed, and taken up again.

import { DbError } from "../errors.js";
import { CheckedRow } from "../normalize/checked-row.js";
import type { Values } from "../driver.js";
import { valuesOf } from "../present/presenter.js";
import type { BoundTable } from "./bound-table.js";
import { type CallContext, nothing, type WriteResult } from "./context.js";
import { countRows } from "./count.js";
import { eachOf, partlyDone } from "./each-row.js";
import type { CallOptions } from "./options.js";
import { fetchedBy, pageSize, storedPage } from "./page.js";
import { type Progress, progressOf, type ResumePoint, resumePoint } from "./progress.js";
import { putRow } from "./put.js";
import { type Query, queryOf } from "./query.js";
import { isOfRow, rowError } from "./row-error.js";

/** How far a copy has come: what is counted is written. */
export interface CopyProgress extends Progress {
  readonly resume: ResumePoint;
}

export interface CopyOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {
  /** The pool to read from and the one to write to. */
  readonly from: string;
  readonly to: string;
  /** The tables to copy; default all. */
  readonly tables?: readonly string[] | undefined;
  /** Rows of a step, which are read by one request and written at the same time, 1 to 10,000; default: as many as are about 4 MB together, at most 2,000. */
  readonly count?: number | undefined;
  /** Count the rows of each table first, for `total`. Default false. */
  readonly total?: boolean | undefined;
  readonly resume?: ResumePoint | undefined;
  /** Called after each step. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  /**
   * Called for each row that cannot be copied (`already-exists`, `invalid`, `too-large`, `drift`), and the copy goes on. The
   * error names `table` and `key`. Absent: the first such error ends the copy.
   */
  readonly onRowError?: ((error: DbError) => void) | undefined;
}

/** Rows that were read, as the engine gave them. */
interface Step {
  readonly rows: readonly Values[];
  readonly bytes: number;
  readonly next?: string;
}

/**
 * Copies one table; rows are put, with their `now` columns as they are. Gives the number of rows.
 *
 * @throws the first error; its `outcome` is `some` when rows were copied, with their number in `detail.affected`
 */
export async function copyTable(from: BoundTable, to: BoundTable, context: CallContext, options: CopyOptions): Promise<number> {
  const { name } = from.table;
  const { count, resume, onProgress } = options;
  const isResumed = resume?.table === name;
  if (isResumed && resume.done === true) return 0;
  const consistent = from.pool.capabilities.sees.select === "asked";
  const query = queryOf(from, context, {}, { consistent });
  const size = pageSize(query);
  const total = options.total === true ? await countRows(from, context, {}, { all: true, consistent }) : undefined;
  const report = progressOf(name, context.clock, total);
  const copyOne = rowCopier(from, to, context, query, options);
  const read = async (start: string | undefined): Promise<Step> => {
    const step = await storedPage(query, context, count ?? size.rows, start);
    size.saw(step.rows);
    return { ...step, bytes: size.bytes };
  };
  let copied = 0;
  let ahead: Promise<Step> | undefined = read(isResumed ? resume.start : undefined);
  try {
    while (ahead !== undefined) {
      const { rows, bytes, next }: Step = await ahead;
      ahead = next === undefined ? undefined : read(next);
      // Read while the rows before are written: should those fail, nobody asks what became of it.
      ahead?.catch(() => undefined);
      copied += await eachOf(context, rows, copyOne, rows.length);
      onProgress?.({ ...report(copied, bytes), resume: resumePoint(name, next) });
    }
  } catch (error) {
    const ofStep = error instanceof DbError ? Number(error.detail?.["affected"] ?? 0) : 0;
    throw partlyDone(error, copied + ofStep);
  }
  return copied;
}

function rowCopier(
  from: BoundTable,
  to: BoundTable,
  context: CallContext,
  query: Query,
  { onRowError }: CopyOptions,
): (row: Values) => Promise<WriteResult> {
  const fetched = fetchedBy(query);
  const keyOf = valuesOf(from.codec, fetched, from.table.key);
  const keyIn = (row: Values): Record<string, unknown> | undefined => {
    try {
      const key = keyOf(row);
      return Object.fromEntries(from.table.key.map(({ name }, i) => [name, key[i]]));
    } catch {
      // The key itself may be what cannot be read; the error says so.
      return undefined;
    }
  };
  return async (row) => {
    let checked: CheckedRow | undefined;
    try {
      checked = new CheckedRow(from.decodeArray(row));
      return await putRow(to, context, "put", checked, { keepNow: true });
    } catch (error) {
      const isOwn = checked === undefined || isOfRow(error);
      if (!isOwn) throw error;
      const own = rowError(error, "copy", checked === undefined ? from : to, keyIn(row));
      if (onRowError === undefined) throw own;
      onRowError(own);
      return nothing;
    }
  };
}
