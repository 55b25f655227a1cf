// What was added to a log since it was read last: by place and inode, so that files that were moved away or begun anew are noticed.

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

/** How far a file was read. */
export interface Position {
  readonly inode: number;
  readonly offset: number;
  /** A hash of how the file begins: one that was emptied and has grown again begins otherwise. */
  readonly head: string;
}

export interface NewLines {
  readonly lines: readonly string[];
  readonly position: Position;
  /** Bytes that were passed over, for there was more than is read at once. */
  readonly skipped: number;
}

/** Most bytes that are read at once. */
export const mostBytes = 1024 * 1024;
const headBytes = 128;
/** A line without an end is waited for, but not for ever. */
const longestOpen = 65_536;

/**
 * The lines after a position, whole ones alone; of a file that was not read yet, or is another one now, the last 1 MB. What was moved to
 * `path.1` is read to its end first.
 *
 * @returns undefined when there is no such file
 */
export async function readNew(path: string, before: Position | undefined): Promise<NewLines | undefined> {
  const file = await opened(path);
  if (file === undefined) return undefined;
  try {
    const { ino, size } = await file.stat();
    const isSame =
      before !== undefined && ino === before.inode && size >= before.offset && (await headOf(file, before.offset)) === before.head;
    const rest = before === undefined || isSame ? undefined : await restOfMoved(`${path}.1`, before);
    const own = await linesFrom(file, isSame ? before.offset : 0, size);
    const position = { inode: ino, offset: own.offset, head: await headOf(file, own.offset) };
    return { lines: [...(rest?.lines ?? []), ...own.lines], position, skipped: own.skipped + (rest?.skipped ?? 0) };
  } finally {
    await file.close();
  }
}

async function restOfMoved(path: string, before: Position): Promise<Pick<NewLines, "lines" | "skipped"> | undefined> {
  const file = await opened(path);
  if (file === undefined) return undefined;
  try {
    const { ino, size } = await file.stat();
    const isIt = ino === before.inode && size >= before.offset && (await headOf(file, before.offset)) === before.head;
    return isIt ? await linesFrom(file, before.offset, size) : undefined;
  } finally {
    await file.close();
  }
}

async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function headOf(file: FileHandle, offset: number): Promise<string> {
  const bytes = await read(file, 0, Math.min(headBytes, offset));
  return createHash("sha256").update(bytes).digest("base64url").slice(0, 16);
}

async function read(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, from + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

async function linesFrom(
  file: FileHandle,
  from: number,
  size: number,
): Promise<Pick<NewLines, "lines" | "skipped"> & { readonly offset: number }> {
  const start = Math.max(from, size - mostBytes);
  const bytes = await read(file, start, size - start);
  // What begins in the middle of a line begins with the next one.
  const begin = start > from ? bytes.indexOf("\n") + 1 : 0;
  const lastEnd = bytes.lastIndexOf("\n") + 1;
  const end = bytes.length - lastEnd > longestOpen ? bytes.length : lastEnd;
  const text = bytes.subarray(begin, Math.max(begin, end)).toString();
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  return { lines, offset: start + Math.max(begin, end), skipped: start + begin - from };
}
