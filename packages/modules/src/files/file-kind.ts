// Which media type a file has, and whether a browser may show it.

import { createReadStream } from "node:fs";

import { fileTypeFromBuffer, fileTypeFromFile } from "file-type";

import type { StoredFile } from "../storage/object-storage.js";

/** Types that no magic bytes tell, by the ending of a name. All of them are text. */
const byEnding: Readonly<Record<string, string>> = {
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  json: "application/json",
};

/** What a browser may show: nothing of it runs. Everything else is offered to be saved. */
const shown: ReadonlySet<string> = new Set([
  "image/jpeg",
  "image/png",
  "image/gif",
  "image/webp",
  "audio/mpeg",
  "audio/wav",
  "audio/ogg",
  "video/mp4",
  "video/webm",
  "text/plain",
  "application/json",
]);

/** The media type of a file by its first bytes; of text by the ending of its name. What the client says does not count. */
export async function kindOf(bytes: Uint8Array | StoredFile, name: string): Promise<string> {
  const mime = (await (bytes instanceof Uint8Array ? fileTypeFromBuffer(bytes) : fileTypeFromFile(bytes.path)))?.mime;
  if (mime !== undefined) return mime;
  const ending = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(byEnding, ending) && (await isText(bytes)) ? byEnding[ending]! : "application/octet-stream";
}

async function isText(bytes: Uint8Array | StoredFile): Promise<boolean> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const hasNul = (part?: Uint8Array): boolean => decoder.decode(part, { stream: part !== undefined }).includes("\0");
  const parts = bytes instanceof Uint8Array ? [bytes] : (createReadStream(bytes.path) as AsyncIterable<Uint8Array>);
  try {
    for await (const part of parts) if (hasNul(part)) return false;
    return !hasNul();
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** How a browser is to take a file. Names hold nothing that would have to be escaped. */
export function disposition(type: string, name: string): string {
  return `${shown.has(type) ? "inline" : "attachment"}; filename="${name}"`;
}

/** A media type as it is sent: texts are UTF-8. */
export function sentType(type: string): string {
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}
