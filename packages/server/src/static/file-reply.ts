// The reply with a file: what of it, in which encoding, and whether at all.

import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline, Readable, Transform } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";

import { hasSame, rangeOf } from "@bk/modules";
import { getMimeType } from "hono/utils/mime";

import type { StaticSettings } from "./static-options.js";

/** A file and the path by which it was asked for. */
export interface FoundFile {
  /** Where it really is. */
  readonly place: string;
  /** Below its folder, with slashes. */
  readonly path: string;
  readonly stats: Stats;
  /** Of the content, such as `br`, where it is packed. */
  readonly encoding: string | undefined;
}

/** Files up to this many bytes are read at once. */
const smallBytes = 64 * 1024;
const yearS = 31_536_000;

/** Opened without waiting: a pipe that nobody writes to would never be. A link in its place is not followed. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @returns undefined when the file has gone, or is none */
export async function fileReply(request: Request, found: FoundFile, settings: StaticSettings): Promise<Response | undefined> {
  const { headers: asked, method } = request;
  const file = await open(found.place, flags).catch((error: NodeJS.ErrnoException) => {
    if (["ENOENT", "ELOOP", "EACCES", "ENXIO"].includes(error.code ?? "")) return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  let isSent = false;
  try {
    // What is sent is what was opened, whatever has its name by now.
    const stats = await file.stat();
    if (!stats.isFile()) return undefined;
    const etag = `"${stats.size.toString(36)}-${Math.round(stats.mtimeMs * 1000).toString(36)}-${stats.ino.toString(36)}${found.encoding === undefined ? "" : `-${found.encoding}`}"`;
    // Whole seconds, as the header has them.
    const modified = Math.floor(stats.mtimeMs / 1000) * 1000;
    const headers = headersOf(found, settings, etag, modified);
    const refused = failedCondition(asked, etag, modified);
    if (refused !== undefined) return new Response(null, { status: refused, headers });
    headers["content-type"] = typeOf(found.path, settings);
    if (found.encoding !== undefined) headers["content-encoding"] = found.encoding;
    headers["accept-ranges"] = "bytes";
    const range =
      method === "GET"
        ? rangeOf(asked.get("range"), sameDate(asked.get("if-range"), modified) ? null : asked.get("if-range"), stats.size, etag)
        : undefined;
    if (range === "none") return new Response(null, { status: 416, headers: { ...headers, "content-range": `bytes */${stats.size}` } });
    const { start, end } = range ?? { start: 0, end: stats.size - 1 };
    headers["content-length"] = String(end - start + 1);
    if (range !== undefined) headers["content-range"] = `bytes ${start}-${end}/${stats.size}`;
    const status = range === undefined ? 200 : 206;
    if (method === "HEAD") return new Response(null, { status, headers });
    if (end - start < smallBytes) return new Response(await read(file, start, end), { status, headers });
    isSent = true;
    return new Response(streamed(file, start, end), { status, headers });
  } finally {
    if (!isSent) await file.close();
  }
}

async function read(file: FileHandle, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start + 1);
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
    // It was cut while it was read: a reply of the length that was said is no longer possible.
    if (bytesRead === 0) throw shorter();
    at += bytesRead;
  }
  return bytes;
}

/** It ends the file when it ends, also when the client has gone. Where the file is cut meanwhile it fails, so that the connection ends: the client would wait for the rest. */
function streamed(file: FileHandle, start: number, end: number): ReadableStream<Uint8Array> {
  let left = end - start + 1;
  const counted = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      left -= chunk.length;
      done(null, chunk);
    },
    flush: (done) => done(left > 0 ? shorter() : null),
  });
  // Whoever reads learns of its errors.
  pipeline(file.createReadStream({ start, end, highWaterMark: smallBytes }), counted, () => undefined);
  return Readable.toWeb(counted) as NodeReadableStream as ReadableStream<Uint8Array>;
}

const shorter = (): Error => new Error("the file became shorter while it was read");

function headersOf({ path }: FoundFile, settings: StaticSettings, etag: string, modified: number): Record<string, string> {
  const { noStore, immutable, maxAgeMs, precompressed } = settings;
  const keeping =
    noStore?.test(path) === true
      ? "no-store"
      : immutable !== false && immutable.test(path)
        ? `public, max-age=${yearS}, immutable`
        : `public, max-age=${Math.floor(maxAgeMs / 1000)}${maxAgeMs === 0 ? ", must-revalidate" : ""}`;
  return {
    "cache-control": keeping,
    "x-content-type-options": "nosniff",
    ...(keeping === "no-store" ? {} : { etag, "last-modified": new Date(modified).toUTCString() }),
    ...(precompressed ? { vary: "accept-encoding" } : {}),
  };
}

/** The status of a condition that does not hold (RFC 9110, 13.2.2); undefined when the file is to be sent. */
function failedCondition(asked: Headers, etag: string, modified: number): 304 | 412 | undefined {
  const match = asked.get("if-match");
  if (match !== null) {
    if (match.trim() !== "*" && !match.split(",").some((tag) => tag.trim() === etag)) return 412;
  } else {
    const unmodified = Date.parse(asked.get("if-unmodified-since") ?? "");
    if (modified > unmodified) return 412;
  }
  if (asked.has("if-none-match")) return hasSame(asked, etag) ? 304 : undefined;
  return modified <= Date.parse(asked.get("if-modified-since") ?? "") ? 304 : undefined;
}

const sameDate = (header: string | null, modified: number): boolean => header !== null && Date.parse(header) === modified;

function typeOf(path: string, { types }: StaticSettings): string {
  const ending = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return types.get(ending) ?? getMimeType(path.toLowerCase()) ?? "application/octet-stream";
}
