import { maxRecordLength, parsedRecord } from "./read-json.js";
import type { FileRecord } from "./record.js";
import { type SourceFile, textOf } from "./source-file.js";

/** The rows of a file with one JSON object a line; empty lines are left out. A line that is too long is a bad row, and is not kept. */
export async function* readNdjson(source: SourceFile): AsyncGenerator<FileRecord[], void, undefined> {
  /** The pieces of the line that has not ended; joined once, however many there are. */
  let pieces: string[] = [];
  let length = 0;
  let line = 0;

  function endLine(): FileRecord[] {
    line++;
    const text = pieces.join("");
    const isTooLong = length > maxRecordLength;
    pieces = [];
    length = 0;
    if (isTooLong) return [{ line, problem: `is longer than ${maxRecordLength} characters` }];
    return text.trim() === "" ? [] : [parsedRecord(text, line)];
  }

  function take(piece: string): void {
    length += piece.length;
    if (length > maxRecordLength) pieces = [];
    else pieces.push(piece);
  }

  for await (const text of textOf(source)) {
    const records: FileRecord[] = [];
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      take(text.slice(start, end));
      records.push(...endLine());
      start = end + 1;
    }
    take(text.slice(start));
    if (records.length > 0) yield records;
  }
  yield endLine();
}
