// `bk-server import TABLE FILE`

import { resolve } from "node:path";

import { BkError } from "@bk/core";

import { servedTables, type ServedTable } from "../data/served-table.js";
import { varFolder } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { parseMap } from "../transfer/convert-record.js";
import { importState } from "../transfer/import-state.js";
import { type BulkDb, type ImportPlan, validate, writeRows } from "../transfer/import-table.js";
import { showProgress } from "../transfer/progress.js";
import { openSource } from "../transfer/source-file.js";
import { formatOf } from "./file-format.js";
import { databaseName, openDatabase } from "./open-database.js";
import { type JsonOption, tell } from "./output.js";

export interface ImportOptions extends JsonOption {
  readonly map?: string;
  readonly mode?: "put" | "add";
  readonly format?: "json" | "ndjson" | "csv";
  readonly skipBad?: boolean;
  readonly restart?: boolean;
}

const shownProblems = 100;

/** Imports a file, and prints what became of it. Rejects, with nothing written, when a row is bad and `skipBad` is not given. */
export async function importCommand(configuration: Configuration, options: ImportOptions, tableName: string, file: string): Promise<void> {
  const { map, mode = "put", skipBad = false, restart = false } = options;
  const format = formatOf(file, options.format);
  const source = await openSource(file);
  const { db, tables } = await openDatabase(configuration);
  try {
    const table = declared(servedTables(tables), tableName);
    const report = problemReport(file);
    const plan: ImportPlan = { table, definitions: tables, source, format, map: parseMap(map, table), mode, skipBad, onBad: report.add };
    const settings = JSON.stringify({ map: map ?? "", mode, format, skipBad });
    const job = {
      table: tableName,
      file: resolve(file),
      size: source.size,
      mtimeMs: source.mtimeMs,
      settings,
      database: databaseName(configuration),
    };
    const state = importState(varFolder(configuration.home), job, restart);
    if (state.done > 0) process.stderr.write(`Going on after ${state.done} rows of an earlier run (--restart begins at the first).\n`);
    else if (!skipBad && (await validate(plan, showProgress(`checking ${tableName}`))) > 0) {
      report.end();
      throw new BkError("invalid", `${report.count} bad rows in ${file}; nothing was written (--skip-bad writes the others)`);
    }
    const { written, bad, resumed, existing } = await writeRows(plan, db as unknown as BulkDb, state, showProgress(`import ${tableName}`));
    report.end();
    const notes = [`${written} rows written`];
    if (resumed > 0) notes.push(`${resumed} done by an earlier run`);
    if (existing > 0) notes.push(`${existing} left as they were`);
    if (bad > 0) notes.push(`${bad} bad rows skipped`);
    tell(options, { table: tableName, written, resumed, existing, bad }, `${tableName}: ${notes.join(", ")}`);
  } finally {
    await db.close();
  }
}

export function declared(tables: ReadonlyMap<string, ServedTable>, name: string): ServedTable {
  const table = tables.get(name);
  if (table !== undefined) return table;
  const known = tables.size === 0 ? "none is declared; give a file with --tables" : `there are ${[...tables.keys()].join(", ")}`;
  throw new BkError("invalid", `unknown table ${JSON.stringify(name.slice(0, 60))}: ${known}`);
}

export function problemReport(file: string): { add: (line: number, problem: string) => void; end: () => void; readonly count: number } {
  let count = 0;
  return {
    add(line, problem) {
      if (count++ < shownProblems) process.stderr.write(`${file}, line ${line}: ${problem}\n`);
    },
    end() {
      if (count > shownProblems) process.stderr.write(`… and ${count - shownProblems} more\n`);
    },
    get count() {
      return count;
    },
  };
}
