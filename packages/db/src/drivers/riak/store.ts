// Rows as objects of Riak: an ordered store of single rows. README.md says how they are kept, and what Riak can promise.

import { cancelledError, type Clock } from "@bk/core";

import { DbError } from "../../errors.js";
import type { HttpClient } from "../../engines/http.js";
import { followWrite } from "../../engines/kv/after-write.js";
import {
  entryOf,
  keyOfEntry,
  type KvLink,
  type KvPage,
  type KvRange,
  type KvRowChange,
  type KvRowOutcome,
  type KvRowStore,
  type KvVersioned,
} from "../../engines/kv/store.js";
import { compareText } from "../../schema/compare.js";
import { RiakError } from "./errors.js";
import { type Content, type Found, foundIn, nothing, textOf } from "./objects.js";

/** Which of several siblings of a table stands: of texts of rows, undefined for a removed one, the index of one. */
export type ChooseSibling = (table: string, siblings: readonly Content[]) => Content;

export interface RiakStoreOptions {
  readonly prefix: string;
  readonly bucketType: string | undefined;
  readonly choose: ChooseSibling;
  /** Of waits and of the time that a write carries. */
  readonly clock: Pick<Clock, "now" | "sleep" | "random">;
}

export interface RiakStore extends KvRowStore {
  /** Has the bucket of a table keep siblings, so that no write is lost without a word. */
  makeBucket(table: string, signal?: AbortSignal): Promise<void>;
}

/**
 * How long siblings are looked at again before the table's rule decides: most are there for as long as a writer takes its own back. Only
 * a writer that has ended in the middle needs the rule, and one on a busy machine must not be taken for it.
 */
const patienceMs = 10_000;
const mostPauseMs = 50;
// As the engine's loop of this kind.
const mostTries = 500;
/** Sorts before and after every key, as parts of a path. */
const [firstKey, lastKey] = ["%00", "%FF"];
const [firstTerm, lastTerm] = ["0", "g"];

export function riakStore(http: HttpClient, { prefix, bucketType, choose, clock }: RiakStoreOptions): RiakStore {
  const buckets = bucketType === undefined ? "/buckets" : `/types/${encodeURIComponent(bucketType)}/buckets`;
  const bucketOf = (table: string): string => `${buckets}/${encodeURIComponent(prefix + table)}`;
  const pathOf = (table: string, key: string): string => `${bucketOf(table)}/keys/${encodeURIComponent(key)}`;
  const nextMark = marker();
  const accept = { accept: "multipart/mixed, application/json;q=0.9, */*;q=0.5" };

  const isSoonAfter = (begun: number): boolean => Math.abs(clock.now() - begun) < patienceMs;
  const pause = (tries: number, signal: AbortSignal | undefined): Promise<void> =>
    clock.sleep(clock.random() * Math.min(4 * tries, mostPauseMs), signal);

  async function fetchObject(table: string, key: string, signal: AbortSignal | undefined): Promise<Found> {
    return foundIn(await http.send({ method: "GET", path: pathOf(table, key), headers: accept, isRead: true }, signal));
  }

  /** Writes an object over what was found, if it is still that; undefined when it is not. */
  async function putObject(
    { table, key, content, over }: { readonly table: string; readonly key: string; readonly content: Content; readonly over: Found },
    signal: AbortSignal | undefined,
  ): Promise<Found | undefined> {
    const reply = await http.send(
      {
        method: "PUT",
        path: `${pathOf(table, key)}?returnbody=true`,
        headers: { ...accept, "content-type": "application/json", ...conditions(over), ...indexHeaders(content.links, key) },
        body: textOf(content),
      },
      signal,
    );
    return reply.status === 412 ? undefined : foundIn(reply);
  }

  /** Writes one of the siblings over all of them: `generation` is its own, or the one that comes next where a rule has decided. */
  async function keepSibling(
    place: { readonly table: string; readonly key: string },
    { over, content, generation }: { readonly over: Found; readonly content: Content; readonly generation: number },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await putObject({ ...place, content: { ...content, generation, isCopy: true }, over }, signal);
  }

  /** The one content of a key. Siblings are waited for, then resolved by the table's rule, for whoever reads next too. */
  async function settled(table: string, key: string, signal: AbortSignal | undefined): Promise<Found> {
    const begun = clock.now();
    for (let tries = 1; ; tries++) {
      if (signal?.aborted) throw cancelledError(signal);
      const found = await fetchObject(table, key, signal);
      if (found.contents.length <= 1) return found;
      if (tries === mostTries) throw contended();
      if (isSoonAfter(begun)) await pause(tries, signal);
      else {
        const content = choose(table, found.contents);
        await keepSibling({ table, key }, { over: found, content, generation: found.generation + 1 }, signal);
      }
    }
  }

  /**
   * Takes back a write that went beside others, which Riak's conditions do not prevent. Whoever came second leaves the one that it
   * found; whoever came later waits until those before it have done so, and mostly finds itself replaced. False when the write
   * stands after all: while this writer was held up for long, the table's rule has chosen it.
   */
  async function isTakenBack(table: string, key: string, own: Content, first: Found, signal: AbortSignal | undefined): Promise<boolean> {
    const before = new Set(first.contents.map(({ write }) => write));
    const begun = clock.now();
    let found = first;
    for (let tries = 1; ; tries++) {
      const mine = found.contents.find(({ write }) => write === own.write);
      if (mine === undefined) return true;
      if (mine.generation > own.generation) return false;
      const others = found.contents.filter((content) => content !== mine);
      // What it came beside has been removed since: it came later than that.
      if (others.length === 0) return false;
      // A later generation was made of the one that stood, whichever that was.
      const latest = others.filter(
        ({ write, generation }) => generation === found.generation && (before.has(write) || generation > own.generation),
      );
      if (latest.length === 1) {
        await keepSibling({ table, key }, { over: found, content: latest[0]!, generation: found.generation }, signal);
        return true;
      }
      if (!isSoonAfter(begun)) {
        await keepSibling({ table, key }, { over: found, content: choose(table, others), generation: found.generation + 1 }, signal);
        return true;
      }
      await pause(tries, signal);
      found = await fetchObject(table, key, signal);
    }
  }

  async function writeOne(change: KvRowChange, signal: AbortSignal | undefined): Promise<KvRowOutcome> {
    const { table, key, value, expect } = change;
    // Most rows that are written without a look at them are new.
    let over = typeof expect === "object" ? foundAt(expect.version) : nothing;
    let isKnown = typeof expect === "object" || (value !== undefined && expect !== "present");
    for (let tries = 1; ; tries++) {
      if (!isKnown) {
        over = await settled(table, key, signal);
        const isThere = over.contents[0]?.row !== undefined;
        if (expect === "absent" ? isThere : expect === "present" && !isThere) return "conflict";
        if (value === undefined && !isThere) return "done";
      }
      const content: Content = {
        row: value,
        links: plainLinks(change.links),
        write: nextMark(),
        generation: over.generation + 1,
        at: clock.now(),
      };
      const written = await putObject({ table, key, content, over }, signal);
      if (written !== undefined) {
        const stands = await followWrite(
          async () => isFirst(written, content) || !(await isTakenBack(table, key, content, written, signal)),
        );
        if (stands && value === undefined) await followWrite(() => removeObject(table, key, written, signal));
        if (stands) return "done";
      }
      if (typeof expect === "object") return "conflict";
      if (tries === mostTries) throw contended();
      isKnown = false;
    }
  }

  /** Deletes the mark of a removed row, which nobody needs to find any more. */
  async function removeObject(table: string, key: string, { vclock, etag }: Found, signal: AbortSignal | undefined): Promise<void> {
    const headers = { ...(vclock === undefined ? {} : { "x-riak-vclock": vclock }), ...(etag === undefined ? {} : { "if-match": etag }) };
    const reply = await http.send({ method: "DELETE", path: pathOf(table, key), headers }, signal);
    // Somebody has written the row anew, or the node has forgotten it.
    if (reply.status >= 400 && reply.status !== 404 && reply.status !== 412) throw new RiakError(reply);
  }

  async function readOne(
    table: string,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<(KvVersioned & Pick<Content, "links">) | undefined> {
    const found = await settled(table, key, signal);
    const [content] = found.contents;
    return content?.row === undefined ? undefined : { value: content.row, version: versionOf(found), links: content.links };
  }

  async function query(path: string, options: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<IndexReply> {
    const reply = await http.send({ method: "GET", path: `${path}?${new URLSearchParams(options).toString()}`, isRead: true }, signal);
    if (reply.status !== 200) throw new RiakError(reply);
    return JSON.parse(reply.text) as IndexReply;
  }

  /** Entries of an index in order, one more than the page; Riak reads forwards alone, so that backwards it is all of them. */
  function paging(descending: boolean, limit: number): Readonly<Record<string, string>> {
    return descending ? { pagination_sort: "true" } : { max_results: String(limit + 1) };
  }

  async function entriesOf(
    table: string,
    { space, from, to }: KvRange,
    descending: boolean,
    limit: number,
    signal?: AbortSignal,
  ): Promise<string[]> {
    const bucket = bucketOf(table);
    const options = paging(descending, limit);
    if (space === undefined) {
      const bounds = `${from === "" ? firstKey : encodeURIComponent(from)}/${to === undefined ? lastKey : encodeURIComponent(to)}`;
      return [...(await query(`${bucket}/index/$key/${bounds}`, options, signal)).keys!];
    }
    const bounds = `${from === "" ? firstTerm : hexOf(from)}/${to === undefined ? lastTerm : hexOf(to)}`;
    const { results } = await query(`${bucket}/index/${fieldOf(space)}/${bounds}`, { ...options, return_terms: "true" }, signal);
    return results!.map((result) => textOfHex(Object.keys(result)[0]!));
  }

  return {
    read: (table, keys, signal) => Promise.all(keys.map((key) => readOne(table, key, signal))),

    async write(changes, signal) {
      return Promise.all(changes.map((change) => writeOne(change, signal).catch((error: unknown): KvRowOutcome => ({ error }))));
    },

    async range(table, range, { descending, limit }, signal): Promise<KvPage> {
      const { space, to } = range;
      if (to !== undefined && compareText(range.from, to) >= 0) return { entries: [], end: undefined };
      // Siblings have an entry each.
      const found = [...new Set(await entriesOf(table, range, descending, limit, signal))];
      const inside = found.filter((entry) => entry !== to);
      if (descending) inside.reverse();
      const page = inside.slice(0, limit);
      // Of a row that moves there may be two entries: it is read once, and is at one place.
      const keys = [...new Set(space === undefined ? page : page.map(keyOfEntry))];
      const rows = new Map(await Promise.all(keys.map(async (key) => [key, await readOne(table, key, signal)] as const)));
      return {
        entries: page.flatMap((entry) => {
          const row = rows.get(space === undefined ? entry : keyOfEntry(entry));
          // The row may have changed since its entry was read.
          if (row === undefined || (space !== undefined && !hasEntry(row.links, space, entry))) return [];
          return [{ entry, value: row.value, version: row.version }];
        }),
        end: found.length > limit ? page.at(-1) : undefined,
      };
    },

    async makeBucket(table, signal) {
      const body = JSON.stringify({ props: { allow_mult: true, last_write_wins: false } });
      const headers = { "content-type": "application/json" };
      const reply = await http.send({ method: "PUT", path: `${bucketOf(table)}/props`, headers, body }, signal);
      if (reply.status >= 400) throw new RiakError(reply);
    },

    close: () => http.close(),
  };
}

/** The reply of an index: keys, or with terms pairs of a term and a key. */
interface IndexReply {
  readonly keys?: readonly string[];
  readonly results?: readonly Readonly<Record<string, string>>[];
}

function contended(): DbError {
  return new DbError("limited", `others wrote the row ${mostTries} times`, { outcome: "none" });
}

function conditions({ isThere, vclock, etag }: Found): Record<string, string> {
  const clock = vclock === undefined ? {} : { "x-riak-vclock": vclock };
  if (etag !== undefined) return { ...clock, "if-match": etag };
  // Over siblings the vector clock alone says what is replaced.
  return isThere ? clock : { ...clock, "if-none-match": "*" };
}

/** Whether a write found none of its generation or a later one. Those of earlier ones came too late, and their writers take them back. */
function isFirst({ contents }: Found, { write, generation }: Content): boolean {
  return contents.every((other) => other.write === write || other.generation < generation);
}

function versionOf({ etag = "", vclock = "", generation }: Found): string {
  return `${generation} ${vclock} ${etag}`;
}

function foundAt(version: string): Found {
  const [generation, vclock, etag] = version.split(" ");
  return { contents: [], generation: Number(generation), vclock: vclock!, isThere: true, etag: etag === "" ? undefined : etag };
}

function plainLinks(links: readonly KvLink[]): Content["links"] {
  return links.map(({ space, text }) => [space, text] as const);
}

function hasEntry(links: Content["links"], space: string, entry: string): boolean {
  return links.some(([own, text]) => own === space && entryOf(text, keyOfEntry(entry)) === entry);
}

/** Header names have no capital letters and values no control characters: both are the hexadecimal digits of their bytes, which sort as these do. */
function indexHeaders(links: Content["links"], key: string): Record<string, string> {
  return Object.fromEntries(links.map(([space, text]) => [`x-riak-index-${fieldOf(space)}`, hexOf(entryOf(text, key))]));
}

function fieldOf(space: string): string {
  return `${hexOf(space)}_bin`;
}

function hexOf(text: string): string {
  return Buffer.from(text).toString("hex");
}

function textOfHex(hex: string): string {
  return Buffer.from(hex, "hex").toString();
}

function marker(): () => string {
  const own = [...crypto.getRandomValues(new Uint32Array(3))].map((word) => word.toString(36)).join("");
  let count = 0;
  return () => `${own}.${(++count).toString(36)}`;
}
