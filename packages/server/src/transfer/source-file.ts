// A file as decoded text, piece by piece, with a count of the bytes that were read.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { TextDecoder } from "node:util";

import { BkError } from "@bk/core";

export interface SourceFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Bytes read so far by the last reading. */
  readBytes: number;
}

/** @throws BkError `invalid` when there is no such file */
export async function openSource(path: string): Promise<SourceFile> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { path, size, mtimeMs, readBytes: 0 };
  } catch (cause) {
    throw new BkError("invalid", `cannot read ${path} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** The text of a file; the byte order mark is left out. @throws BkError `invalid` when it is not UTF-8 */
export async function* textOf(source: SourceFile): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  source.readBytes = 0;
  for await (const chunk of createReadStream(source.path, { highWaterMark: 256 * 1024 })) {
    source.readBytes += (chunk as Buffer).length;
    yield decode(decoder, chunk as Buffer, source);
  }
  yield decode(decoder, undefined, source);
}

function decode(decoder: TextDecoder, chunk: Buffer | undefined, source: SourceFile): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw new BkError("invalid", `${source.path} is not UTF-8 before byte ${source.readBytes}`, { cause });
  }
}
