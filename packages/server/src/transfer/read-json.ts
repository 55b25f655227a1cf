// The members of a JSON list, one by one, however long the list is. Written by hand because of line numbers: the streaming
// parsers that there are do not tell where a member begins. Each member is then parsed by JSON.parse.

import { BkError } from "@bk/core";

import type { FileRecord } from "./record.js";
import { type SourceFile, textOf } from "./source-file.js";

/** The most characters of one record. */
export const maxRecordLength = 64 * 1024 * 1024;
/** What matters between members and inside of them; text in quotes is jumped over. */
const marks = /["[\]{},\n]/g;

/** @throws BkError `invalid` when the file is no list, or ends too early */
export async function* readJson(source: SourceFile): AsyncGenerator<FileRecord[], void, undefined> {
  const splitter = new MemberSplitter(source.path);
  for await (const text of textOf(source)) {
    const records = splitter.push(text);
    if (records.length > 0) yield records;
  }
  splitter.end();
}

class MemberSplitter {
  readonly #path: string;
  /** What was read of the member that is not complete yet. */
  #text = "";
  /** Where in `#text` to go on. */
  #at = 0;
  #line = 1;
  /** The line on which the member begins. */
  #memberLine = 0;
  /** 0 before the list, 1 between members, more inside of one. */
  #depth = 0;
  #inText = false;
  #ended = false;

  constructor(path: string) {
    this.#path = path;
  }

  push(text: string): FileRecord[] {
    this.#text += text;
    const records: FileRecord[] = [];
    let start = 0;
    for (;;) {
      if (this.#inText && !this.#skipText()) break;
      marks.lastIndex = this.#at;
      const mark = marks.exec(this.#text);
      this.#noteStart(mark?.index ?? this.#text.length);
      if (mark === null) {
        this.#at = this.#text.length;
        break;
      }
      this.#at = mark.index + 1;
      if (this.#step(mark[0])) {
        const record = this.#member(this.#text.slice(start, mark.index));
        if (record !== undefined) records.push(record);
        start = this.#at;
      }
      if (this.#depth === 1 && mark[0] === "[") start = this.#at;
    }
    this.#text = this.#text.slice(start);
    this.#at -= start;
    if (this.#text.length > maxRecordLength)
      throw this.#invalid(`has a member of more than ${maxRecordLength} characters, at line ${this.#memberLine}`);
    return records;
  }

  /** Checks that the list was whole. */
  end(): void {
    if (!this.#ended)
      throw this.#invalid(this.#depth === 0 ? "is not a JSON list" : `ends in the middle of the list, at line ${this.#line}`);
    if (this.#text.trim() !== "") throw this.#invalid("has something after the list");
  }

  /** Goes to the end of the quoted text; false when it is not there yet. */
  #skipText(): boolean {
    for (let at = this.#at; ; at++) {
      at = this.#text.indexOf('"', at);
      if (at < 0) return false;
      let slashes = 0;
      while (this.#text[at - 1 - slashes] === "\\") slashes++;
      if (slashes % 2 === 0) {
        this.#at = at + 1;
        this.#inText = false;
        return true;
      }
    }
  }

  #noteStart(end: number): void {
    if (this.#depth === 1 && this.#memberLine === 0 && /\S/.test(this.#text.slice(this.#at, end))) this.#memberLine = this.#line;
    if (this.#depth === 0 && !this.#ended && /[^\s]/.test(this.#text.slice(this.#at, end))) throw this.#invalid("is not a JSON list");
  }

  /** Takes one mark; true when it ends a member. */
  #step(mark: string): boolean {
    if (mark === "\n") {
      this.#line++;
      return false;
    }
    if (this.#ended) throw this.#invalid("has something after the list");
    if (this.#depth === 0 && mark !== "[") throw this.#invalid("is not a JSON list");
    if (this.#depth === 1 && this.#memberLine === 0 && mark !== "," && mark !== "]") this.#memberLine = this.#line;
    if (mark === '"') this.#inText = true;
    else if (mark === "[" || mark === "{") this.#depth++;
    else if (mark !== ",") {
      this.#depth--;
      this.#ended = this.#depth === 0;
      return this.#ended;
    } else return this.#depth === 1;
    return false;
  }

  #member(text: string): FileRecord | undefined {
    const line = this.#memberLine === 0 ? this.#line : this.#memberLine;
    const isMissing = this.#memberLine === 0;
    this.#memberLine = 0;
    if (isMissing) return this.#ended ? undefined : { line, problem: "there is no value before the comma" };
    return parsedRecord(text, line);
  }

  #invalid(what: string): BkError {
    return new BkError("invalid", `${this.#path} ${what}`);
  }
}

/** The record of a JSON text. */
export function parsedRecord(text: string, line: number): FileRecord {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch {
    // The native message repeats a part of the row.
    return { line, problem: "is not valid JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { line, problem: "is not a JSON object" };
  return { line, record: value as Readonly<Record<string, unknown>> };
}
