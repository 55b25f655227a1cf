// `sync({ backfill: true })`: rows that are older than a column get what an insert would give them.

import type { Change, Values } from "../driver.js";
import { fillRow, isFilled, joinOf } from "../normalize/fill-row.js";
import { valuesOf } from "../present/presenter.js";
import { allOf, anyOf, type Condition, type Test } from "../reference/condition.js";
import type { Column } from "../schema/table.js";
import type { BoundTable } from "./bound-table.js";
import { type CallContext, nothing, type WriteResult } from "./context.js";
import { canBeConsistent, eachOf } from "./each-row.js";
import { pageSize, storedPage } from "./page.js";
import { type Progress, progressOf, type ResumePoint, resumePoint } from "./progress.js";
import { plannedQuery } from "./query.js";
import { isOfRow, rowError } from "./row-error.js";
import { changeChecked, guarded } from "./update.js";

/** How far the filling of one table has come; `rows` are those that were filled. */
export interface BackfillProgress extends Progress {
  readonly resume: ResumePoint;
}

export interface BackfillOptions {
  /** Rows of a step; default: as many as are about 4 MB together, at most 2,000. */
  readonly count?: number | undefined;
  readonly resume?: ResumePoint | undefined;
  readonly onProgress?: ((progress: BackfillProgress) => void) | undefined;
  /** Only say how many rows would be filled. */
  readonly dryRun?: boolean | undefined;
}

/** The columns of a table that inserts fill: those that older rows may lack. */
export function filledColumns({ table, rules }: BoundTable): readonly Column[] {
  return table.columns.filter((column) => isFilled(rules, column));
}

/**
 * Gives every row what an insert would give the columns that it has no value of. A value is written only where there is
 * still none, so several may do it at once, and no newer write is lost; what was done before is not done again.
 *
 * @returns how many rows were filled; with `dryRun` how many would be
 */
export async function backfillTable(
  bound: BoundTable,
  context: CallContext,
  columns: readonly Column[],
  options: BackfillOptions,
): Promise<number> {
  const { table, codec } = bound;
  const { count, resume, onProgress, dryRun } = options;
  const isResumed = resume?.table === table.name;
  if (columns.length === 0 || (isResumed && resume.done === true)) return 0;
  const lacking = anyOf(columns.map(isAbsent));
  const query = plannedQuery(bound, context, lacking, [], { consistent: canBeConsistent(bound) });
  const size = pageSize(query);
  const report = progressOf(table.name, context.clock, undefined);
  const keyOf = valuesOf(codec, table.columns, table.key);
  const fill = async (row: Values): Promise<WriteResult> => {
    const given = missingOf(bound, context, columns, bound.decodeArray(row));
    if (given.length === 0) return nothing;
    if (dryRun === true) return { affected: 1 };
    const key = keyOf(row);
    try {
      return await fillColumns(bound, context, bound.encodeKey(key), given);
    } catch (error) {
      if (!isOfRow(error)) throw error;
      throw rowError(error, "sync", bound, Object.fromEntries(table.key.map(({ name }, i) => [name, key[i]])));
    }
  };
  let filled = 0;
  let start = isResumed ? resume.start : undefined;
  do {
    const { rows, next }: { readonly rows: readonly Values[]; readonly next?: string } = await storedPage(
      query,
      context,
      count ?? size.rows,
      start,
    );
    size.saw(rows);
    filled += await eachOf(context, rows, fill, rows.length);
    start = next;
    onProgress?.({ ...report(filled, size.bytes), resume: resumePoint(table.name, next) });
  } while (start !== undefined);
  return filled;
}

function isAbsent(column: Column): Test {
  return { kind: "test", column, op: "null", slots: [] };
}

/** A column that a row lacks, and what an insert would give it. */
interface Missing {
  readonly column: Column;
  readonly value: unknown;
}

function missingOf({ rules }: BoundTable, { clock }: CallContext, columns: readonly Column[], row: readonly unknown[]): Missing[] {
  const full = fillRow(rules, row, clock);
  const lacked = columns.filter(({ index }) => row[index] === null && (full[index] ?? null) !== null);
  return lacked.map((column) => ({ column, value: full[column.index] }));
}

/** Fills columns of one row together; where somebody else has filled one of them meanwhile, one by one. */
async function fillColumns(bound: BoundTable, context: CallContext, storedKey: RowKey, missing: readonly Missing[]): Promise<WriteResult> {
  const values: unknown[] = [];
  const changes = missing.map(({ column, value }): Change => {
    const join = joinOf(bound.rules, column);
    // What other columns make is made of the row as it is when it is written.
    if (join !== undefined) return { column, op: "set", slot: undefined, from: { join, slots: join.parts.map(() => undefined) } };
    return { column, op: "set", slot: values.push(value) - 1 };
  });
  const where: Condition = allOf(missing.map(({ column }) => isAbsent(column)));
  const change = guarded(bound, context, { storedKey, changes, values, where, create: undefined, options: undefined });
  const result = await changeChecked(bound, context, change);
  if (result.affected > 0 || missing.length === 1) return result;
  let affected = 0;
  for (const one of missing) affected = Math.max(affected, (await fillColumns(bound, context, storedKey, [one])).affected);
  return { affected };
}

type RowKey = ReturnType<BoundTable["encodeKey"]>;
