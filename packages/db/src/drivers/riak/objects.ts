// Objects of Riak over HTTP: what a reply says of a row, one value or several siblings.

import { DbError } from "../../errors.js";
import type { HttpReply } from "../../engines/http.js";
import { RiakError } from "./errors.js";

/** What lies under a key for the driver: a row, or the mark of one that is removed. */
export interface Content {
  /** The row's text; undefined: it is removed. */
  readonly row: string | undefined;
  /** Places in indexes: space and text. */
  readonly links: readonly (readonly [space: string, text: string])[];
  /** New with each write, so that siblings that are the same write are known. */
  readonly write: string;
  /** How many writes the row has come through. Of siblings of one generation, the one that came first stands. */
  readonly generation: number;
  /** Written again as it was by somebody who left, so that it is of no use beside a later generation. */
  readonly isCopy?: boolean;
  /** When it was written, by the writer's clock, in milliseconds since 1970. */
  readonly at: number;
}

/** The state of a key. `vclock` and `etag` are of what a write that follows replaces. */
export interface Found {
  /** Without copies that a later generation has replaced. */
  readonly contents: readonly Content[];
  /** The latest of the contents; 0 without any. */
  readonly generation: number;
  readonly vclock: string | undefined;
  /** Something lies under the key, if only what deletions left. */
  readonly isThere: boolean;
  /** Undefined where there are siblings, or nothing. */
  readonly etag: string | undefined;
}

export const nothing: Found = Object.freeze({ contents: [], generation: 0, vclock: undefined, isThere: false, etag: undefined });

/** @throws RiakError for a reply that tells of no object */
export function foundIn(reply: HttpReply): Found {
  const { status, headers, text } = reply;
  const vclock = valueOf(headers["x-riak-vclock"]);
  if (status === 404) return vclock === undefined ? nothing : { ...nothing, vclock };
  if (status === 300) return { ...standing(partsOf(reply).flatMap(contentOfPart)), vclock, isThere: true, etag: undefined };
  if (status !== 200) throw new RiakError(reply);
  const content = contentIn(text);
  return { contents: [content], generation: content.generation, vclock, isThere: true, etag: headers.etag };
}

/** A header that comes once. */
function valueOf(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

function contentIn(text: string): Content {
  let body: Partial<Record<string, unknown>>;
  try {
    body = JSON.parse(text) as typeof body;
  } catch (cause) {
    throw new DbError("drift", "an object of a bucket is not a row", { outcome: "none", cause });
  }
  const { row, links, write, generation = 0, isCopy, at } = body ?? {};
  if (typeof write !== "string" || !Array.isArray(links))
    throw new DbError("drift", "an object of a bucket is not a row", { outcome: "none" });
  return {
    row: row === undefined ? undefined : JSON.stringify(row),
    links: links as Content["links"],
    write,
    generation: Number(generation),
    isCopy: isCopy === true,
    at: Number(at),
  };
}

/** The text of an object. `row` is JSON already. */
export function textOf({ row, ...more }: Content): string {
  return `{${row === undefined ? "" : `"row":${row},`}${JSON.stringify(more).slice(1)}`;
}

/** A part of a reply with several: its headers, in small letters, and its body. */
interface Part {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

function partsOf({ headers, text }: HttpReply): Part[] {
  const boundary = /boundary="?([^";]+)"?/.exec(headers["content-type"] ?? "")?.[1];
  if (boundary === undefined) throw new DbError("internal", "the server lists siblings without their content");
  return text
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const end = part.indexOf("\r\n\r\n");
      const lines = part.slice(0, end).split("\r\n").filter(Boolean);
      const pairs = lines.map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      });
      return { headers: new Map(pairs), body: part.slice(end + 4).replace(/\r\n$/, "") };
    });
}

/** Tombstones are what a deletion leaves for a while: a write beside one knew of it, or comes after. */
function contentOfPart({ headers, body }: Part): Content[] {
  return headers.get("x-riak-deleted") === "true" ? [] : [contentIn(body)];
}

/** One of each write, the latest, and no copies that are replaced. */
function standing(contents: readonly Content[]): Pick<Found, "contents" | "generation"> {
  const sorted = [...contents].sort((a, b) => a.generation - b.generation);
  const generation = sorted.at(-1)?.generation ?? 0;
  const distinct = [...new Map(sorted.map((content) => [content.write, content])).values()];
  return { contents: distinct.filter((content) => content.generation === generation || !content.isCopy), generation };
}
