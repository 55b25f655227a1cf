// Carries the steps out that are broken off and taken up again, and gives what does not depend on the order in which an engine reads.

import { DbError, type ResumePoint } from "@bk/db";
import type { AnyDb, AnyOptions, AnyRow } from "../../src/testing/any-db.js";
import { agree, show } from "./agree.js";
import type { CallStep } from "./generate.js";
import { type BackfillStep, type CopyStep, hasUnique, type LongStep, type ScanStep } from "./generate-long.js";
import { type Answer, sortedByText, stateOf } from "./states.js";
import { keyColumns, type ModelTable, type PoolName, tableNames } from "./tables.js";

/** A database with the pools `main` and `other`. */
export interface PooledDb extends AnyDb {
  pool(name: PoolName): AnyDb;
  copy(options: AnyOptions): Promise<Record<string, number>>;
}

/** Makes one call. */
export type Apply = (db: AnyDb, call: CallStep) => Promise<Answer>;

/** A promise that was broken, whatever the other database did: both take the same ways through the core. */
export class Broken extends Error {}

export function carryOutLong(db: PooledDb, step: LongStep, apply: Apply): Promise<unknown> {
  switch (step.kind) {
    case "scan":
      return scan(db, step, apply);
    case "copy":
      return copy(db, step, apply);
    case "backfill":
      return backfill(db, step, apply);
  }
}

async function scan(db: PooledDb, { scope, ...step }: ScanStep, apply: Apply): Promise<unknown> {
  const { table, filter, options, count, stopAfter, between } = structuredClone(step);
  const scanned = scope === undefined ? db : db.scope(scope);
  const whole: AnyRow[] = [];
  for await (const page of scanned.scan(table, filter, options).pages()) whole.push(...page);
  const rows: AnyRow[] = [];
  const sizes: number[] = [];
  let start: string | undefined;
  const read = async (most: number): Promise<void> => {
    let pages = 0;
    const from = start;
    start = undefined;
    for await (const page of scanned.scan(table, filter, { ...options, count, ...(from === undefined ? {} : { start: from }) }).pages()) {
      sizes.push(page.length);
      rows.push(...page);
      start = page.next;
      if (++pages >= most) break;
    }
  };
  await read(stopAfter ?? Infinity);
  const written = start === undefined ? [] : await writeAll(db, between, apply);
  if (start !== undefined) await read(Infinity);
  // Whether rows were seen that were written meanwhile depends on where they lie.
  const touched = written.length === 0 ? [] : between;
  const [seen, expected] = [rows, whole].map((all) => sortedByText(withoutTouched(table, all, touched)));
  if (!agree(expected, seen)) throw new Broken(`the scan gave ${show(seen)}\nin place of     ${show(expected)}`);
  return { rows: seen, written, ...(written.length > 0 ? {} : { sizes }) };
}

function withoutTouched(table: ModelTable, rows: readonly AnyRow[], touched: readonly CallStep[]): AnyRow[] {
  if (touched.length === 0) return [...rows];
  const keys = new Set(touched.map(({ args }) => (args[0] === table ? keyText(table, args[1] as AnyRow) : undefined)));
  return rows.filter((row) => !keys.has(keyText(table, row)));
}

/** What a call on many rows reports after each page. */
interface Reported {
  readonly table: string;
  readonly rows: number;
  readonly resume: ResumePoint;
}

/**
 * Runs a call that can be stopped by its signal, to its end or until it is to be broken off, and then from where it said.
 *
 * @returns the rows of all its runs by table, and what the writes between them answered
 */
async function inTwoRuns(
  step: CopyStep | BackfillStep,
  run: (options: AnyOptions) => Promise<unknown>,
  between: () => Promise<unknown[]>,
): Promise<{ readonly rows: Record<string, number>; readonly written: readonly unknown[] }> {
  const { count, stopAfter = Infinity } = step;
  const before: Record<string, number> = {};
  const rows: Record<string, number> = {};
  const stop = new AbortController();
  let last: Reported | undefined;
  let pages = 0;
  const onProgress = (progress: Reported): void => {
    last = progress;
    rows[progress.table] = (before[progress.table] ?? 0) + progress.rows;
    if (++pages >= stopAfter) stop.abort();
  };
  try {
    await run({ count, signal: stop.signal, onProgress });
  } catch (error) {
    if (!(error instanceof DbError && error.code === "cancelled" && last !== undefined)) throw error;
  }
  if (!stop.signal.aborted) return { rows, written: [] };
  const written = await between();
  Object.assign(before, rows);
  pages = -Infinity;
  await run({ count, onProgress, resume: structuredClone(last!.resume) });
  return { rows, written };
}

async function copy(db: PooledDb, step: CopyStep, apply: Apply): Promise<unknown> {
  const { from, to, tables, between } = structuredClone(step);
  const target = db.pool(to);
  // Which of two rows comes first, and is in the other's way, depends on the order of reading.
  for (const table of tables.filter(hasUnique)) await target.delAll(table, {}, { all: true });
  const refused: string[] = [];
  const onRowError = (error: DbError): void => void refused.push(error.code);
  const { rows, written } = await inTwoRuns(
    step,
    (options) => db.copy({ from, to, tables, onRowError, ...options }),
    () => writeAll(db.pool(from), between, apply),
  );
  if (written.length > 0) await settle(target, between);
  const states = await Promise.all(tables.map((table) => stateOf(target, table)));
  if (refused.length === 0) await checkCopied(db.pool(from), target, tables, written.length > 0 ? between : undefined, rows);
  return { refused: refused.sort(), written, ...(written.length > 0 ? {} : { rows }), states };
}

/** @param touched  rows that were written in the middle; undefined: none, and each row was copied once */
async function checkCopied(
  source: AnyDb,
  target: AnyDb,
  tables: readonly ModelTable[],
  touched: readonly CallStep[] | undefined,
  copied: Readonly<Record<string, number>>,
): Promise<void> {
  for (const table of tables) {
    const [all, copies] = [await everyRow(source, table), await everyRow(target, table)];
    const copyOf = new Map(copies.map((row) => [keyText(table, row), row]));
    const lost = withoutTouched(table, all, touched ?? []).find((row) => !agree(row, copyOf.get(keyText(table, row))));
    if (lost !== undefined) throw new Broken(`${show(lost)} of ${table} was not copied`);
    const times = copied[table] ?? 0;
    if (touched === undefined && times !== all.length) throw new Broken(`${table} has ${all.length} rows, and ${times} were copied`);
  }
}

/** The rows of a table, also those that are marked as deleted. */
async function everyRow(db: AnyDb, table: ModelTable): Promise<AnyRow[]> {
  const rows: AnyRow[] = [];
  for await (const row of db.scan(table, {}, table === "note" ? { deleted: true } : {})) rows.push(row);
  return rows;
}

/** Rows that were written in the middle of a copy may be copied or not: they are made the same everywhere. */
async function settle(target: AnyDb, between: readonly CallStep[]): Promise<void> {
  for (const { args } of between) {
    const [table, subject] = args as [ModelTable, AnyRow];
    const key = Object.fromEntries(keyColumns[table].map((column) => [column, subject[column]]));
    await target.del(table, key, table === "note" ? { deleted: true } : {});
  }
}

async function backfill(db: PooledDb, step: BackfillStep, apply: Apply): Promise<unknown> {
  const { columns, count, dryRun, older, between } = structuredClone(step);
  await writeAll(db, older, apply);
  const lacking = (await db.sync({ backfill: columns, count, dryRun: true })).filled;
  if (dryRun) return lacking;
  const { rows, written } = await inTwoRuns(
    step,
    (options) => db.sync({ backfill: columns, ...options }),
    () => writeAll(db, between, apply),
  );
  if (written.length === 0) {
    const filledRows = Object.fromEntries(Object.entries(rows).filter(([, number]) => number > 0));
    if (!agree(lacking, filledRows)) throw new Broken(`values were lacking of ${show(lacking)} rows, and filled of ${show(filledRows)}`);
  }
  // Rows that were written in the middle, behind where the first run stood, lack values still.
  else await db.sync({ backfill: columns });
  const { filled } = await db.sync({ backfill: columns, dryRun: true });
  if (!agree(filled, {})) throw new Broken(`after the backfill rows are left that lack values: ${show(filled)}`);
  const states = await Promise.all(tableNames.map((table) => stateOf(db, table)));
  return { written, ...(written.length > 0 ? {} : { rows }), states };
}

/** Makes calls one after the other; gives the codes of those that were refused. */
async function writeAll(db: AnyDb, calls: readonly CallStep[], apply: Apply): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const call of calls) {
    const answer = await apply(db, call);
    answers.push("code" in answer ? answer.code : "done");
  }
  return answers;
}

function keyText(table: ModelTable, row: AnyRow): string {
  return show(keyColumns[table].map((column) => row[column]));
}
