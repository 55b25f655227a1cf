import { parsedRecord } from "./read-json.js";
import type { FileRecord } from "./record.js";
import { type SourceFile, textOf } from "./source-file.js";

/** The rows of a file with one JSON object a line; empty lines are left out. */
export async function* readNdjson(source: SourceFile): AsyncGenerator<FileRecord[], void, undefined> {
  let rest = "";
  let line = 0;
  const parse = (text: string): FileRecord[] => {
    line++;
    return text.trim() === "" ? [] : [parsedRecord(text, line)];
  };
  for await (const text of textOf(source)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    const records = lines.flatMap(parse);
    if (records.length > 0) yield records;
  }
  yield parse(rest);
}
