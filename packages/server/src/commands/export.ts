// `bk-server export TABLE FILE`

import { createWriteStream, rmSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

import { BkError } from "@bk/core";

import { servedTables, type ServedTable } from "../data/served-table.js";
import type { Configuration } from "../settings/configuration.js";
import { exportText, type ScanDb } from "../transfer/export-table.js";
import { showProgress } from "../transfer/progress.js";
import { formatOf } from "./file-format.js";
import { declared } from "./import.js";
import { openDatabase } from "./open-database.js";
import { type JsonOption, printJson } from "./output.js";

export interface ExportOptions extends JsonOption {
  readonly format?: "json" | "ndjson" | "csv";
  readonly columns?: string;
  readonly secure?: boolean;
}

/** Exports a table. The file appears when it is complete. */
export async function exportCommand(configuration: Configuration, options: ExportOptions, tableName: string, file: string): Promise<void> {
  const toStdout = file === "-";
  const format = formatOf(file, options.format, toStdout ? "ndjson" : undefined);
  const { db, tables } = await openDatabase(configuration);
  const progress = showProgress(`export ${tableName}`);
  try {
    const table = declared(servedTables(tables), tableName);
    const columns = columnsOf(table, options);
    let rows = 0;
    const text = exportText(db as unknown as ScanDb, table, columns, format, (more) => progress.update((rows += more), undefined));
    if (toStdout) await pipeline(text, process.stdout, { end: false });
    else await writeFile(file, text);
    progress.end();
    if (options.json && !toStdout) printJson({ table: tableName, rows });
    else process.stderr.write(`${tableName}: ${rows} rows exported\n`);
  } finally {
    progress.end();
    await db.close();
  }
}

/** Of an open table the undeclared columns are exported with all others, but into CSV, which needs to know them beforehand. */
function columnsOf(table: ServedTable, { columns, secure = false }: ExportOptions): string[] {
  const stored = [...table.columns.values()].filter(({ definition }) => !definition.hidden);
  if (columns === undefined) return stored.filter(({ definition }) => secure || !definition.secure).map(({ name }) => name);
  return columns.split(",").map((name) => {
    const column = stored.find((each) => each.name === name);
    if (column === undefined) throw new BkError("invalid", `--columns: ${table.name} has no column ${JSON.stringify(name.slice(0, 60))}`);
    if (column.definition.secure && !secure) throw new BkError("invalid", `--columns: ${name} is secure; give --secure to write it`);
    return name;
  });
}

/** Writes a file, which appears when it is complete. A device or a pipe takes the text as it comes. */
export async function writeFile(file: string, text: AsyncIterable<string>): Promise<void> {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) return pipeline(text, createWriteStream(file));
  // Of this process alone: another one may write the same file.
  const draft = `${file}.${process.pid}.part`;
  const signals = ["SIGINT", "SIGTERM"] as const;
  const stop = (signal: NodeJS.Signals): void => {
    rmSync(draft, { force: true });
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.once(signal, stop);
  try {
    // Rows may be private: only this user may read them.
    await pipeline(text, createWriteStream(draft, { mode: 0o600 }));
    await rename(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}
