// `bk-server db backup|restore FOLDER`: the tables of a database as files, a row a line.

import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";

import { BkError } from "@bk/core";

import { filterOf } from "../data/filter.js";
import { readable, type ServedTable } from "../data/served-table.js";
import { fieldsOf } from "../request/fields.js";
import { parseJson } from "../request/json.js";
import { varFolder } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { type BackupFolder, backupFolder } from "../transfer/backup-folder.js";
import { parseMap } from "../transfer/convert-record.js";
import { exportText, type ScanDb } from "../transfer/export-table.js";
import { importState } from "../transfer/import-state.js";
import { type BulkDb, writeRows } from "../transfer/import-table.js";
import { showProgress } from "../transfer/progress.js";
import { openSource } from "../transfer/source-file.js";
import { dropTableCommand } from "./db-tables.js";
import { writeFile } from "./export.js";
import { problemReport } from "./import.js";
import { databaseName } from "./open-database.js";
import { type JsonOption, tell } from "./output.js";
import { type OwnTables, withOwnTables } from "./own-tables.js";
import { confirm } from "./secret.js";

export interface WhichTables extends JsonOption {
  /** Tables in a comma list; default all. */
  readonly only?: string;
  /** Tables to leave out. */
  readonly skip?: string;
}

export interface BackupOptions extends WhichTables {
  /** Add what has changed since the last backup in the folder. Default: begin anew. */
  readonly incremental?: boolean;
  /** Go on with a backup that broke off: tables that are complete are left alone. */
  readonly resume?: boolean;
  /** Rows to back up, as JSON. */
  readonly filter?: string;
}

export interface RestoreOptions extends WhichTables {
  readonly mode?: "put" | "add";
  readonly map?: string;
  /** Empties the tables by dropping them. */
  readonly drop?: boolean;
  /** Bad rows are told and left out; default: it stops behind the table that has some. */
  readonly skipBad?: boolean;
  /** Begin at the first row, even if an earlier run was interrupted. */
  readonly restart?: boolean;
  readonly yes?: boolean;
}

/** What is written while a row's time is taken may become visible later. */
const overlapMs = 60_000;

/** Writes tables into a folder. Signatures and sessions that end soon are not among them, unless they are asked for. */
export function backupCommand(configuration: Configuration, options: BackupOptions, path: string): Promise<void> {
  return withOwnTables(configuration, { secure: true }, async (own) => {
    const folder = backupFolder(path, true);
    for (const table of wanted(own, [...own.tables.keys()], options)) {
      const done = folder.stateOf(table.name);
      if (options.resume === true && options.incremental !== true && done !== undefined) continue;
      const rows = await backUp(configuration, own, folder, table, options);
      tell(options, { table: table.name, rows }, `${table.name}: ${rows} rows`);
    }
  });
}

async function backUp(
  { limits }: Configuration,
  own: OwnTables,
  folder: BackupFolder,
  table: ServedTable,
  { incremental = false, filter: given }: BackupOptions,
): Promise<number> {
  const file = folder.fileOf(table.name);
  const before = incremental ? folder.stateOf(table.name) : undefined;
  const changed = [...table.columns.values()].find(({ name, type }) => type === "now" && name === "mtime")?.name;
  const columns = [...table.columns.values()].filter(({ definition }) => !definition.hidden).map(({ name }) => name);
  const asked = given === undefined ? {} : parseJson(given, limits.maxJsonDepth, "--filter", "filter");
  if (typeof asked !== "object" || asked === null || Array.isArray(asked))
    throw new BkError("invalid", "--filter must be a JSON object of columns and values", { detail: { field: "filter" } });
  const filter = filterOf(table, fieldsOf(asked), { seen: readable(table, own.caller).every, limits });
  // Where nothing says when a row was changed, all of them are written again.
  const since = before === undefined || changed === undefined ? [] : [{ [changed]: { $ge: before.until - overlapMs } }];
  const until = Date.now();
  const progress = showProgress(`backup ${table.name}`);
  let rows = 0;
  const onRows = (more: number): void => progress.update((rows += more), undefined);
  const conditions = [...(Object.keys(filter).length === 0 ? [] : [filter]), ...since];
  try {
    const text = exportText(
      own.db as unknown as ScanDb,
      table,
      columns,
      "ndjson",
      onRows,
      conditions.length === 0 ? {} : { $and: conditions },
    );
    const isAppended = before !== undefined && changed !== undefined;
    if (isAppended) await append(file, text);
    else {
      folder.forget(table.name);
      await writeFile(file, text);
    }
    folder.note(table.name, until, isAppended);
  } finally {
    progress.end();
  }
  return rows;
}

/** Whole, before anything stands in the file: a scan that fails leaves it as it was. */
async function append(file: string, text: AsyncIterable<string>): Promise<void> {
  await writeFile(`${file}.more`, text);
  await pipeline(createReadStream(`${file}.more`), createWriteStream(file, { flags: "a" }));
  await rm(`${file}.more`);
}

/** Reads the tables of a folder back. An interrupted run goes on where it was. */
export async function restoreCommand(configuration: Configuration, options: RestoreOptions, path: string): Promise<void> {
  const { drop = false, json, mode } = options;
  const folder = backupFolder(path, false);
  // Before anything is dropped or written.
  const names = await withOwnTables(configuration, { sync: false }, (own) => {
    const tables = wanted(own, folder.tables, options);
    for (const { name } of tables)
      if (folder.check(name)?.isAppended === true && mode === "add")
        throw new BkError("invalid", `${name} has rows several times, as --incremental adds them, and --mode add would keep the oldest`, {
          detail: { field: "mode" },
        });
    return Promise.resolve(tables.map(({ name }) => name));
  });
  if (drop) {
    await confirm(`${names.join(", ")} are dropped before they are restored`, options);
    for (const name of names) await dropTableCommand(configuration, { yes: true, json }, name);
  }
  await withOwnTables(configuration, { secure: true }, async (own) => {
    for (const name of names)
      // What an earlier run had written was dropped.
      await restore(configuration, own, folder.fileOf(name), own.table(name), drop ? { ...options, restart: true } : options);
  });
}

async function restore(
  configuration: Configuration,
  own: OwnTables,
  file: string,
  table: ServedTable,
  { mode = "put", map, skipBad = false, restart = false, ...output }: RestoreOptions,
): Promise<void> {
  const source = await openSource(file);
  const job = { table: table.name, file: resolve(file), size: source.size, mtimeMs: source.mtimeMs, database: databaseName(configuration) };
  const state = importState(varFolder(configuration.home), { ...job, settings: JSON.stringify({ map, mode }) }, restart);
  const report = problemReport(file);
  const plan = { table, definitions: own.definitions, source, format: "ndjson", mode, skipBad: true, onBad: report.add } as const;
  const db = own.db as unknown as BulkDb;
  const result = await writeRows({ ...plan, map: parseMap(map, table) }, db, state, showProgress(`restore ${table.name}`));
  report.end();
  const { written, resumed, existing, bad } = result;
  const left = `${resumed === 0 ? "" : `, ${resumed} done by an earlier run`}${existing === 0 ? "" : `, ${existing} left as they were`}`;
  tell(output, { table: table.name, ...result }, `${table.name}: ${written} rows${left}`);
  if (bad > 0 && !skipBad) throw new BkError("invalid", `${bad} bad rows in ${file} (--skip-bad goes on with the other tables)`);
}

/** What ends by itself soon after a backup; keys of a signature that is used again do harm to nobody else. */
const passing: ReadonlySet<string> = new Set(["bk_nonce"]);

function wanted(own: OwnTables, names: readonly string[], { only, skip }: WhichTables): ServedTable[] {
  const chosen = only?.split(",").map((name) => own.table(name.trim()).name);
  const left = new Set(skip?.split(",").map((name) => own.table(name.trim()).name) ?? []);
  return names
    .filter((name) => (chosen === undefined ? !passing.has(name) : chosen.includes(name)) && !left.has(name))
    .map((name) => own.table(name));
}
