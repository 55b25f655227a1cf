// Reads a file into a table: looks at the whole of it first, then writes in groups, and can go on where it was interrupted.

import { authTables } from "@bk/auth";
import { BkError } from "@bk/core";
import { type DbError, openDb, type TableDefinitions } from "@bk/db";

import type { ServedTable } from "../data/served-table.js";
import { convertRecord, type FieldMap } from "./convert-record.js";
import type { ImportState } from "./import-state.js";
import type { Progress } from "./progress.js";
import { readCsv } from "./read-csv.js";
import { readJson } from "./read-json.js";
import { readNdjson } from "./read-ndjson.js";
import type { FileRecord, TransferFormat } from "./record.js";
import type { SourceFile } from "./source-file.js";

/** What an import needs of a database. */
export interface BulkDb {
  bulk(items: readonly object[]): Promise<({ readonly affected: number } | { readonly error: DbError })[]>;
}

export interface ImportPlan {
  readonly table: ServedTable;
  readonly definitions: TableDefinitions;
  readonly source: SourceFile;
  readonly format: TransferFormat;
  readonly map: FieldMap;
  readonly mode: "put" | "add";
  readonly skipBad: boolean;
  /** Told of each record that cannot be written. */
  readonly onBad: (line: number, problem: string) => void;
}

export interface ImportResult {
  readonly written: number;
  readonly bad: number;
  /** Rows that an earlier run had written. */
  readonly resumed: number;
  /** With mode `add`: rows whose key was there. */
  readonly existing: number;
}

const readers: { readonly [Format in TransferFormat]: (source: SourceFile) => AsyncGenerator<FileRecord[], void, undefined> } = {
  json: readJson,
  ndjson: readNdjson,
  csv: readCsv,
};

const groupRows = 10_000;

interface Group {
  /** Lines and rows in order. */
  readonly lines: number[];
  readonly rows: Record<string, unknown>[];
  readonly bad: { line: number; problem: string }[];
  /** Records of the file up to the end of this group. */
  end: number;
}

async function* groupsOf({ table, source, format, map }: ImportPlan, from: number): AsyncGenerator<Group, void, undefined> {
  let group: Group = { lines: [], rows: [], bad: [], end: from };
  let at = 0;
  for await (const records of readers[format](source)) {
    for (const record of records) {
      if (at++ < from) continue;
      const converted = "problem" in record ? record : convertRecord(table, map, record.record, format === "csv");
      if ("problem" in converted) group.bad.push({ line: record.line, problem: converted.problem });
      else {
        group.lines.push(record.line);
        group.rows.push(converted.row);
      }
      group.end = at;
      if (group.rows.length + group.bad.length < groupRows) continue;
      yield group;
      group = { lines: [], rows: [], bad: [], end: at };
    }
  }
  yield group;
}

/**
 * Looks at every row without writing one, by putting them into a database in memory with the same tables.
 *
 * @returns how many rows are bad
 */
export async function validate(plan: ImportPlan, progress: Progress): Promise<number> {
  const { table, definitions, source, onBad } = plan;
  const db = await openDb({ url: "memory:", tables: { ...definitions, ...authTables } as TableDefinitions });
  let bad = 0;
  let seen = 0;
  try {
    await db.sync();
    for await (const group of groupsOf(plan, 0)) {
      const results = await bulk(db as unknown as BulkDb, table.name, group.rows, "put");
      const problems = [...group.bad];
      results.forEach((result, i) => {
        if ("error" in result) problems.push({ line: group.lines[i]!, problem: problemOf(result.error) });
      });
      for (const { line, problem } of problems.sort((a, b) => a.line - b.line)) onBad(line, problem);
      bad += problems.length;
      seen = group.end;
      progress.update(seen, source.readBytes / source.size);
      await db.delAll(table.name, {}, { all: true });
    }
  } finally {
    await db.close();
    progress.end();
  }
  return bad;
}

/** Writes the rows of a file; bad ones are reported and left out. Goes on from `state`, and keeps it up to date. */
export async function writeRows(plan: ImportPlan, db: BulkDb, state: ImportState, progress: Progress): Promise<ImportResult> {
  const { table, source, mode, onBad } = plan;
  const resumed = state.done;
  let [written, bad, existing] = [0, 0, 0];
  try {
    for await (const group of groupsOf(plan, resumed)) {
      const results = await bulk(db, table.name, group.rows, mode);
      const problems = [...group.bad];
      results.forEach((result, i) => {
        if ("affected" in result) written++;
        else if (mode === "add" && result.error.code === "already-exists" && !isUnique(result.error)) existing++;
        else if (rowFaults.has(result.error.code)) problems.push({ line: group.lines[i]!, problem: problemOf(result.error) });
        else throw interrupted(result.error, resumed + written);
      });
      for (const { line, problem } of problems.sort((a, b) => a.line - b.line)) onBad(line, problem);
      bad += problems.length;
      state.save(group.end);
      progress.update(resumed + written, source.readBytes / source.size);
    }
  } finally {
    progress.end();
  }
  state.clear();
  return { written, bad, resumed, existing };
}

function bulk(db: BulkDb, table: string, rows: readonly object[], op: "put" | "add"): ReturnType<BulkDb["bulk"]> {
  return db.bulk(rows.map((row) => ({ op, table, row, options: { keepNow: true } })));
}

/** Errors that are a row's own; any other stops the import. */
const rowFaults: ReadonlySet<string> = new Set(["invalid", "already-exists", "too-large", "unsupported"]);

function isUnique(error: DbError): boolean {
  return error.column !== undefined;
}

function problemOf(error: DbError): string {
  const what = error.message.replace(/^\w+ (put|add) \w+: /, "");
  return error.column !== undefined && !what.includes(error.column) ? `column ${error.column}: ${what}` : what;
}

function interrupted(error: DbError, rows: number): BkError {
  return new BkError(error.code, `stopped after ${rows} rows: ${error.message}. Give the same command again to go on`, { cause: error });
}
