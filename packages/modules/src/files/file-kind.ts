// Which media type a file has, and whether a browser may show it.

import { fileTypeFromBuffer } from "file-type";

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
export async function kindOf(bytes: Uint8Array, name: string): Promise<string> {
  const mime = (await fileTypeFromBuffer(bytes))?.mime;
  if (mime !== undefined) return mime;
  const ending = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(byEnding, ending) && isText(bytes) ? byEnding[ending]! : "application/octet-stream";
}

function isText(bytes: Uint8Array): boolean {
  try {
    return !new TextDecoder("utf-8", { fatal: true }).decode(bytes).includes("\0");
  } catch {
    return false;
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
