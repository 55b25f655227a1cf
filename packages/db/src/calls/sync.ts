// Schema sync: compares the declared tables with what the store has, reports drift, then makes what is missing.

import type { Call } from "../execute/call.js";
import type { CallOptions } from "./options.js";
import { backfillTable, type BackfillProgress, filledColumns } from "./backfill.js";
import { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { countRows } from "./count.js";
import { partlyDone } from "./each-row.js";
import type { ResumePoint } from "./progress.js";
import type { DefineShape, Driver, StoredTable } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import type { Pool } from "../execute/pool.js";
import { checkCount } from "../normalize/order.js";
import { compileTables } from "../schema/compile-table.js";
import type { ColumnDefinition, ColumnDefinitions } from "../schema/definition.js";
import type { Column, Index, Table } from "../schema/table.js";
import { claimsNeededBy } from "./unique-claims.js";

/** A stored column, key or index that cannot serve the declared one. */
export interface Drift {
  readonly table: string;
  readonly column?: string;
  readonly message: string;
}

/** What `sync` did, or with `dryRun` would do. */
export interface SyncResult {
  /** Tables made. */
  readonly created: string[];
  /** Columns added, as `table.column`. */
  readonly altered: string[];
  /** Indexes made on tables that were there, as `table.index`. */
  readonly indexed: string[];
  readonly drift: Drift[];
  /** With `backfill`: rows that got values, by table, where there were any. */
  readonly filled?: Record<string, number>;
}

export interface SyncOptions extends CallOptions {
  /** Change nothing and report what would be done. Default false. */
  readonly dryRun?: boolean | undefined;
  /**
   * Give rows that are older than a column what an insert would give them, where they have no value: of all columns, or of
   * those that are named, as `table.column`. Null that was written on purpose is filled too. Default false.
   */
  readonly backfill?: boolean | readonly string[] | undefined;
  /** With `backfill`: rows of a step, 1 to 10,000; default: as many as are about 4 MB together, at most 2,000. */
  readonly count?: number | undefined;
  /** With `backfill`: go on where another one was; tables before are left alone. What is filled already is never filled again. */
  readonly resume?: ResumePoint | undefined;
  /** With `backfill`: called after each step. */
  readonly onProgress?: ((progress: BackfillProgress) => void) | undefined;
}

interface TablePlan {
  readonly table: Table;
  readonly pool: Pool;
  readonly creates: boolean;
  readonly columns: readonly Column[];
  readonly indexes: readonly Index[];
}

/**
 * Makes what is missing of the tables. Never drops, narrows or rewrites; safe when several processes call it at once.
 *
 * @throws DbError `drift` before anything is changed, unless `dryRun`, which reports it in the result
 */
export async function syncTables(tables: readonly BoundTable[], call: CallContext, options: SyncOptions = {}): Promise<SyncResult> {
  const toFill = columnsToFill(tables, options);
  const drift: Drift[] = [];
  const plans: TablePlan[] = [];
  const own = claimsNeededBy(tables);
  for (const { table, pool } of [...tables, ...own]) {
    const reply = await pool.send(pool.prepare({ verb: "inspect", table }), [], call);
    plans.push(planTable(table, pool, reply.stored, drift));
  }
  if (drift.length > 0 && !options.dryRun) throw driftError(drift);
  if (!options.dryRun) {
    for (const plan of plans) await carryOut(plan, call);
    await checkMade(plans, call);
  }
  const created = plans.filter((plan) => plan.creates && !own.some(({ table }) => table === plan.table));
  return {
    created: created.map(({ table }) => table.name),
    altered: plans.flatMap(({ table, columns }) => columns.map((column) => `${table.name}.${column.name}`)),
    indexed: plans.flatMap(({ table, creates, indexes }) => (creates ? [] : indexes.map((index) => `${table.name}.${index.name}`))),
    drift,
    ...(toFill === undefined ? {} : { filled: await fillTables(plans, toFill, call, options) }),
  };
}

/** The columns to fill of each table, in order; undefined where nothing is to be filled. */
function columnsToFill(
  tables: readonly BoundTable[],
  { backfill, count, resume, onProgress }: SyncOptions,
): ReadonlyMap<BoundTable, readonly Column[]> | undefined {
  if (backfill === undefined || backfill === false) {
    const name = Object.entries({ count, resume, onProgress }).find(([, value]) => value !== undefined)?.[0];
    if (name !== undefined) throw invalid(`the option ${name} is for { backfill: true }`);
    return undefined;
  }
  if (count !== undefined) checkCount(count);
  const all = new Map(tables.map((bound) => [bound, filledColumns(bound)]));
  if (backfill !== true) {
    const names = new Set([...all].flatMap(([{ table }, columns]) => columns.map((column) => `${table.name}.${column.name}`)));
    const other = backfill.find((name) => !names.has(name));
    if (other !== undefined)
      throw invalid(
        `backfill names ${JSON.stringify(other)}, which is no table.column that inserts fill; there are ${[...names].join(", ")}`,
      );
    for (const [bound, columns] of all)
      all.set(
        bound,
        columns.filter((column) => backfill.includes(`${bound.table.name}.${column.name}`)),
      );
  }
  if (resume === undefined) return all;
  const from = tables.findIndex(({ table }) => table.name === resume.table);
  if (from < 0) throw invalid("resume names a table that is not synced");
  return new Map([...all].slice(from));
}

async function fillTables(
  plans: readonly TablePlan[],
  toFill: ReadonlyMap<BoundTable, readonly Column[]>,
  context: CallContext,
  options: SyncOptions,
): Promise<Record<string, number>> {
  const filled: Record<string, number> = {};
  let before = 0;
  for (const [bound, columns] of toFill) {
    const plan = plans.find(({ table }) => table === bound.table)!;
    try {
      const rows = await fillTable(bound, plan, columns, context, options);
      if (rows > 0) filled[bound.table.name] = rows;
      before += rows;
    } catch (error) {
      throw partlyDone(error, options.dryRun ? 0 : before + Number((error instanceof DbError && error.detail?.["affected"]) || 0));
    }
  }
  return filled;
}

async function fillTable(
  bound: BoundTable,
  { creates, columns: added }: TablePlan,
  columns: readonly Column[],
  context: CallContext,
  options: SyncOptions,
): Promise<number> {
  if (columns.length === 0 || (creates && options.dryRun === true)) return 0;
  // A dry run has not made the columns: every row lacks them.
  if (!options.dryRun || !columns.some((column) => added.includes(column))) return backfillTable(bound, context, columns, options);
  return countRows(new BoundTable(bound.pool, keysOf(bound.table, added), bound.hooks), context, {}, { all: true });
}

/** A table of the key columns alone, and of the ttl where it is stored: what its rows can be counted by. */
function keysOf({ name, key, ttl }: Table, added: readonly Column[]): Table {
  const columns = ttl === undefined || added.includes(ttl) ? key : [...key, ttl];
  const definitions = columns.map((column) => [
    column.name,
    { type: column.type, primary: column.definition.primary, maxLength: column.definition.maxLength } as ColumnDefinition,
  ]);
  return compileTables({ [name]: Object.fromEntries(definitions) as ColumnDefinitions }).get(name)!;
}

function driftError(drift: readonly Drift[]): DbError {
  const [first] = drift;
  const more = drift.length > 1 ? ` (and ${drift.length - 1} more in detail.drift)` : "";
  return new DbError("drift", `${first!.message}${more}; nothing was changed`, {
    table: first!.table,
    ...(first!.column === undefined ? {} : { column: first!.column }),
    detail: { drift },
  });
}

function planTable(table: Table, pool: Pool, stored: StoredTable | undefined, drift: Drift[]): TablePlan {
  const indexes = [...table.indexes, ...table.uniques];
  if (stored === undefined) return { table, pool, creates: true, columns: [], indexes };
  const missing = indexes.filter((index) => !hasIndex(pool, stored, index));
  if (!pool.capabilities.schema) return { table, pool, creates: false, columns: [], indexes: missing };
  findDrift(table, pool.driver, stored, drift);
  for (const index of missing) {
    const reason = pool.driver.refusesIndex?.(index, stored);
    if (reason !== undefined)
      drift.push({
        table: table.name,
        column: index.columns[0]!.name,
        message: `the index ${table.name}.${index.name} cannot be made: ${reason}`,
      });
  }
  const columns = table.columns.filter((column) => !stored.columns.has(column.name) && !column.isKey);
  return { table, pool, creates: false, columns, indexes: missing };
}

/**
 * Engines take "if not exists" for anything that has the name, an index of another table or one of other columns say.
 * What is not there now, though it was made, is refused rather than promised.
 */
async function checkMade(plans: readonly TablePlan[], call: Call): Promise<void> {
  for (const { table, pool, creates, columns, indexes } of plans) {
    const { capabilities } = pool;
    if (!capabilities.schema || capabilities.access !== "any") continue;
    if (!creates && columns.length === 0 && indexes.length === 0) continue;
    const { stored } = await pool.send(pool.prepare({ verb: "inspect", table }), [], call);
    const lost = indexes.find((index) => stored === undefined || !hasIndex(pool, stored, index));
    if (stored !== undefined && lost === undefined) continue;
    const what = stored === undefined ? `table ${table.name}` : `the index ${table.name}.${lost!.name}`;
    throw new DbError("drift", `${what} could not be made: the store has something else of its name; rename or drop that`, {
      table: table.name,
      ...(lost === undefined ? {} : { column: lost.columns[0]!.name }),
    });
  }
}

function hasIndex({ capabilities }: Pool, stored: StoredTable, index: Index): boolean {
  // Where the core reads an index by its own name, a longer one does not serve in its stead.
  const isPlanned = capabilities.access === "any";
  return [...stored.indexes.values()].some((known) => covers(known, index) && (isPlanned || known.columns.length === index.columns.length));
}

/** Whether a stored index serves the declared one: its first columns are the same, and it is as unique. */
function covers(known: { readonly columns: readonly string[]; readonly unique: boolean }, index: Index): boolean {
  if (known.unique !== index.unique) return false;
  if (index.unique && known.columns.length !== index.columns.length) return false;
  return index.columns.every((column, i) => known.columns[i] === column.name);
}

function findDrift(table: Table, driver: Driver, stored: StoredTable, drift: Drift[]): void {
  const declared = table.key.map((column) => column.name);
  if (stored.key !== undefined && (stored.key.length !== declared.length || stored.key.some((name, i) => name !== declared[i])))
    drift.push({
      table: table.name,
      message: `table ${table.name} is stored with the key (${stored.key.join(", ")}) and declared with (${declared.join(", ")})`,
    });
  const byLowerCase = new Map([...stored.columns.keys()].map((name) => [name.toLowerCase(), name]));
  for (const column of table.columns) {
    const type = stored.columns.get(column.name);
    const place = `column ${table.name}.${column.name}`;
    const report = (message: string): void => void drift.push({ table: table.name, column: column.name, message: `${place} ${message}` });
    if (type === undefined) {
      // To some engines the two are one column, to others not.
      const twin = byLowerCase.get(column.name.toLowerCase());
      if (twin !== undefined) report(`is stored as ${twin}, another name; rename the one or the other`);
      continue;
    }
    const served = driver.serves?.(type, column) ?? true;
    if (served === true) continue;
    const hint = served === false ? "" : `; ${served}`;
    report(`is stored as ${type}, which does not serve the declared type ${column.type}${hint}`);
  }
}

async function carryOut({ table, pool, creates, columns, indexes }: TablePlan, call: Call): Promise<void> {
  const steps: DefineShape["step"][] = [];
  if (creates) steps.push({ kind: "table" });
  for (const column of columns) steps.push({ kind: "column", column });
  for (const index of indexes) steps.push({ kind: "index", index });
  if (table.search.length > 0 && pool.capabilities.search) steps.push({ kind: "search" });
  for (const step of steps) await pool.send(pool.prepare({ verb: "define", table, step }), [], call);
}
