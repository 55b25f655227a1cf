// CSV as RFC 4180 has it, with a line of column names; parsed by csv-parse.

import { BkError } from "@bk/core";
import { CsvError, parse } from "csv-parse";

import { maxRecordLength } from "./read-json.js";
import type { FileRecord } from "./record.js";
import { type SourceFile, textOf } from "./source-file.js";

const batchRows = 1000;

/** @throws BkError `invalid` when quotes do not match or a column has no name, or the name of another */
export async function* readCsv(source: SourceFile): AsyncGenerator<FileRecord[], void, undefined> {
  const parser = parse({ info: true, relax_column_count: true, skip_empty_lines: true, max_record_size: maxRecordLength });
  const feeding = feed(parser, source);
  let names: readonly string[] | undefined;
  let batch: FileRecord[] = [];
  try {
    for await (const parsed of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      const { record, info } = parsed;
      if (names === undefined) names = checkNames(record, source);
      else batch.push(recordOf(names, record, info.lines));
      if (batch.length < batchRows) continue;
      yield batch;
      batch = [];
    }
  } catch (cause) {
    if (cause instanceof CsvError) throw new BkError("invalid", `${source.path}: ${cause.message}`, { cause });
    throw cause;
  } finally {
    parser.destroy();
    await feeding;
  }
  if (batch.length > 0) yield batch;
}

async function feed(parser: ReturnType<typeof parse>, source: SourceFile): Promise<void> {
  try {
    for await (const text of textOf(source)) {
      if (parser.destroyed) return;
      if (!parser.write(text)) await new Promise<void>((resolve) => void parser.once("drain", resolve).once("close", resolve));
    }
    parser.end();
  } catch (error) {
    // The reader of the parser gets it.
    parser.destroy(error as Error);
  }
}

function checkNames(names: readonly string[], source: SourceFile): readonly string[] {
  const seen = new Set<string>();
  names.forEach((name, i) => {
    if (name === "") throw new BkError("invalid", `${source.path}: column ${i + 1} has no name in the first line`);
    if (seen.has(name))
      throw new BkError("invalid", `${source.path}: the first line has the column ${JSON.stringify(name.slice(0, 60))} twice`);
    seen.add(name);
  });
  return names;
}

function recordOf(names: readonly string[], cells: readonly string[], line: number): FileRecord {
  if (cells.length !== names.length) return { line, problem: `has ${cells.length} cells in place of ${names.length}` };
  return { line, record: Object.fromEntries(names.map((name, i) => [name, cells[i]])) };
}
