// Rows as documents of a CouchDB database: an ordered store of single rows. README.md says how they are kept.

import { cancelledError, type Clock, systemClock } from "@bk/core";

import { DbError } from "../../errors.js";
import type { HttpClient, HttpReply, HttpRequest } from "../../engines/http.js";
import {
  justAfter,
  type KvPage,
  type KvRange,
  type KvRowChange,
  type KvRowOutcome,
  type KvRowStore,
  type KvVersioned,
} from "../../engines/kv/store.js";
import { compareText } from "../../schema/compare.js";
import { CouchError, errorOf, memberError } from "./errors.js";
import { mapFunction } from "./map-function.js";

/** A row as a document. */
interface RowDocument {
  readonly _id: string;
  readonly _rev: string;
  readonly row?: unknown;
}

/** One line of `_all_docs` or of a view. */
interface Line {
  readonly id?: string;
  readonly key: string;
  readonly value?: string | { readonly rev?: string; readonly deleted?: boolean } | null;
  readonly doc?: RowDocument | null;
  readonly error?: string;
}

type Page = { readonly descending: boolean; readonly limit: number };

const viewName = "entries";
/** Ids that make a path longer than servers and proxies like go into a body. */
const longestPath = 2_000;
/** Ids that one request counts. */
const countPage = 20_000;
// As the engine's loop of this kind.
const mostTries = 500;

export interface CouchStore extends KvRowStore {
  /** Makes the database, if it is not there. */
  makeDatabase(signal?: AbortSignal): Promise<void>;
}

/** @param clock  between tries; the rivals are other processes, whatever the clock of the app says */
export function couchStore(http: HttpClient, database: string, clock: Pick<Clock, "sleep" | "random"> = systemClock): CouchStore {
  const root = `/${encodeURIComponent(database)}`;
  const nextMark = marker();

  /** Sends a request that changes nothing; undefined when the server has not what it names. */
  async function ask({ path, body, ...request }: Ask, signal: AbortSignal | undefined): Promise<unknown> {
    const reply = await http.send({ ...requestOf(root + path, request.method ?? "POST", body), isRead: true }, signal);
    if (reply.status === 404) return undefined;
    return jsonOf(reply);
  }

  async function linesOf(path: string, body: object, signal: AbortSignal | undefined): Promise<readonly Line[] | undefined> {
    const reply = (await ask({ path, body: JSON.stringify(body) }, signal)) as { readonly rows: readonly Line[] } | undefined;
    return reply?.rows;
  }

  async function read(table: string, keys: readonly string[], signal?: AbortSignal): Promise<readonly (KvVersioned | undefined)[]> {
    if (keys.length === 0) return [];
    const ids = keys.map((key) => idOf(table, key));
    const path = `/${encodeURIComponent(ids[0]!)}`;
    if (ids.length === 1 && path.length <= longestPath) {
      const found = (await ask({ method: "GET", path }, signal)) as RowDocument | undefined;
      return [found && versioned(found)];
    }
    const lines = await linesOf("/_all_docs", { keys: ids, include_docs: true }, signal);
    return ids.map((_id, i) => {
      const found = lines?.[i]?.doc;
      return found ? versioned(found) : undefined;
    });
  }

  /** The revisions of rows; undefined where there is none. */
  async function revisions(ids: readonly string[], signal: AbortSignal | undefined): Promise<readonly (string | undefined)[]> {
    const lines = await linesOf("/_all_docs", { keys: ids }, signal);
    return ids.map((_id, i) => {
      const value = lines?.[i]?.value;
      return typeof value === "object" && value !== null && value.deleted !== true ? value.rev : undefined;
    });
  }

  async function rangeOfKeys(table: string, { from, to }: KvRange, { descending, limit }: Page, signal?: AbortSignal): Promise<KvPage> {
    const prefix = idOf(table, "");
    const [first, end] = [prefix + from, to === undefined ? afterPrefix(prefix) : prefix + to];
    if (compareText(first, end) >= 0) return { entries: [], end: undefined };
    // Backwards the end, which is not in the range, is where the server begins.
    const asked = descending ? limit + 1 : limit;
    const bounds = descending ? { startkey: end, endkey: first, descending } : { startkey: first, endkey: end, inclusive_end: false };
    const lines = (await linesOf("/_all_docs", { ...bounds, limit: asked, include_docs: true }, signal)) ?? [];
    const entries = lines
      .filter(({ key }) => key !== end)
      .slice(0, limit)
      .flatMap(({ doc }) => (doc ? [{ entry: doc._id.slice(prefix.length), ...versioned(doc) }] : []));
    return { entries, end: lines.length < asked ? undefined : entries.at(-1)?.entry };
  }

  async function rangeOfSpace(table: string, { space, from, to }: KvRange, page: Page, signal?: AbortSignal): Promise<KvPage> {
    const { descending, limit } = page;
    // No entry equals a bound of a range, save where a page ended: `from` is behind it then, and `to` is it.
    const end = to === undefined ? {} : descending ? { startkey: to } : { endkey: to, inclusive_end: false };
    const begin = from === "" ? {} : descending ? { endkey: from } : { startkey: from };
    if (to !== undefined && compareText(from, to) >= 0) return { entries: [], end: undefined };
    const asked = descending ? limit + 1 : limit;
    const path = viewPath(table, space!);
    const view = { reduce: false, include_docs: true };
    const found = await linesOf(path, { ...view, ...begin, ...end, descending, limit: asked }, signal);
    if (found === undefined) throw missingView(table, space!);
    const lines = found.filter(({ key }) => key !== to).slice(0, limit);
    // The server reads documents after entries: one that has changed in between may have another entry by now.
    const rows = new Map<string, KvVersioned>();
    let unsure = takeSure(lines, rows);
    while (unsure.length > 0) unsure = takeSure((await linesOf(path, { ...view, keys: unsure }, signal)) ?? [], rows);
    return {
      entries: lines.flatMap(({ key }) => (rows.has(key) ? [{ entry: key, ...rows.get(key)! }] : [])),
      end: found.length < asked ? undefined : lines.at(-1)?.key,
    };
  }

  /** Sends documents, and gives an outcome for each. */
  async function sendDocuments(documents: readonly string[], signal: AbortSignal | undefined): Promise<readonly KvRowOutcome[]> {
    const reply = await http.send(requestOf(`${root}/_bulk_docs`, "POST", `{"docs":[${documents.join(",")}]}`), signal);
    // Whether one document is too large is found out by each alone.
    if (reply.status === 413 && documents.length > 1)
      return (
        await Promise.all(documents.map((document) => sendDocuments([document], signal).catch((error: unknown) => [{ error }])))
      ).flat();
    const members = jsonOf(reply) as readonly { readonly error?: string; readonly reason?: string }[];
    return members.map(({ error, reason }): KvRowOutcome => {
      if (error === undefined) return "done";
      return error === "conflict" ? "conflict" : { error: memberError({ error, reason: reason ?? "" }) };
    });
  }

  async function write(changes: readonly KvRowChange[], signal?: AbortSignal): Promise<readonly KvRowOutcome[]> {
    const outcomes: KvRowOutcome[] = [];
    let open = changes.map((change, at): Open => ({ change, at, id: idOf(change.table, change.key) }));
    for (let round = 0; open.length > 0; round++) {
      try {
        open = await writeOnce(open, round, outcomes, signal);
      } catch (error) {
        // Of those alone that are still open: earlier rounds may have written others.
        for (const { at } of open) outcomes[at] ??= { error };
        break;
      }
    }
    return outcomes;
  }

  /** Sends the changes that are open, notes what became of them, and gives those that may be sent again. */
  async function writeOnce(
    open: readonly Open[],
    round: number,
    outcomes: KvRowOutcome[],
    signal: AbortSignal | undefined,
  ): Promise<Open[]> {
    if (signal?.aborted) throw cancelledError(signal);
    if (round === mostTries) throw new DbError("limited", `others wrote the row ${mostTries} times`, { outcome: "none" });
    if (round > 1) await clock.sleep(clock.random() * Math.min(50, 2 ** round), signal);
    // Most rows that are put are new: they are sent at once, and what was refused goes with the revision that it must have.
    const blind = open.filter(
      ({ change }) => round > 0 || change.expect === "present" || (change.value === undefined && change.expect === undefined),
    );
    const found = await revisionsOf(blind, revisions, signal);
    const sent = open.filter((one) => {
      const decided = decidedWithout(one, found);
      if (decided !== undefined) outcomes[one.at] = decided;
      return decided === undefined;
    });
    if (sent.length === 0) return [];
    const documents = sent.map(({ id, change }) => documentOf(id, change, found.get(id), nextMark()));
    const results = await sendDocuments(documents, signal);
    return sent.filter(({ change, at }, i) => {
      const mayTryAgain = results[i] === "conflict" && (change.expect === undefined || change.expect === "present");
      if (!mayTryAgain) outcomes[at] = results[i]!;
      return mayTryAgain;
    });
  }

  return {
    read,
    write,
    range: (table, range, page, signal) =>
      range.space === undefined ? rangeOfKeys(table, range, page, signal) : rangeOfSpace(table, range, page, signal),

    async count(table, { space, from, to }, signal) {
      if (to !== undefined && compareText(from, to) >= 0) return 0;
      if (space !== undefined) {
        const bounds = { ...(from === "" ? {} : { startkey: from }), ...(to === undefined ? {} : { endkey: to, inclusive_end: false }) };
        const lines = await linesOf(viewPath(table, space), { ...bounds, reduce: true }, signal);
        if (lines === undefined) throw missingView(table, space);
        return Number(lines[0]?.value ?? 0);
      }
      const prefix = idOf(table, "");
      const end = to === undefined ? afterPrefix(prefix) : prefix + to;
      let count = 0;
      for (let start = prefix + from; ;) {
        const lines = (await linesOf("/_all_docs", { startkey: start, endkey: end, inclusive_end: false, limit: countPage }, signal)) ?? [];
        count += lines.filter(({ key }) => key !== end).length;
        if (lines.length < countPage) return count;
        start = justAfter(lines.at(-1)!.key);
      }
    },

    async hasSpace(table, space, columns, signal) {
      const found = (await ask({ method: "GET", path: designPath(table, space) }, signal)) as DesignDocument | undefined;
      return found?.views?.[viewName]?.map === mapFunction(table, idOf(table, ""), columns);
    },

    async makeSpace(table, space, columns, signal) {
      const view = { map: mapFunction(table, idOf(table, ""), columns), reduce: "_count", options: { collation: "raw" } };
      const path = designPath(table, space);
      for (let rev: string | undefined; ;) {
        const document = JSON.stringify({
          ...(rev === undefined ? {} : { _rev: rev }),
          language: "javascript",
          views: { [viewName]: view },
        });
        const reply = await http.send(requestOf(root + path, "PUT", document), signal);
        if (reply.status !== 409) {
          jsonOf(reply);
          break;
        }
        const found = (await ask({ method: "GET", path }, signal)) as DesignDocument | undefined;
        if (found?.views?.[viewName]?.map === view.map) break;
        rev = found?._rev;
      }
      // The first read waits until the server has made the entries of all rows.
      const lines = await linesOf(viewPath(table, space), { reduce: false, limit: 1 }, signal);
      if (lines === undefined) throw missingView(table, space);
    },

    async makeDatabase(signal) {
      const reply = await http.send(requestOf(root, "PUT", undefined), signal);
      // Another process has made it.
      if (reply.status !== 412) jsonOf(reply);
    },

    close: () => http.close(),
  };
}

interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
}

interface DesignDocument {
  readonly _rev: string;
  readonly views?: Readonly<Record<string, { readonly map?: string } | undefined>>;
}

function requestOf(path: string, method: string, body: string | undefined): HttpRequest {
  return body === undefined ? { method, path } : { method, path, body, headers: { "content-type": "application/json" } };
}

function jsonOf(reply: HttpReply): unknown {
  if (reply.status >= 400) throw errorOf(reply);
  return JSON.parse(reply.text) as unknown;
}

/** The id of a row. None begins with an underscore, which CouchDB keeps for itself. */
export function idOf(table: string, key: string): string {
  return `${table.startsWith("_") ? "~" : ""}${table}:${key}`;
}

/** What follows all ids with the prefix of a table. */
function afterPrefix(prefix: string): string {
  return `${prefix.slice(0, -1)};`;
}

function designPath(table: string, space: string): string {
  return `/_design/${encodeURIComponent(`${table} ${space}`)}`;
}

function viewPath(table: string, space: string): string {
  return `${designPath(table, space)}/_view/${viewName}`;
}

function missingView(table: string, space: string): CouchError {
  return new CouchError(404, "not_found", `no view for ${space} of ${table}`);
}

function versioned({ _id, _rev, row }: RowDocument): KvVersioned {
  if (row === undefined) throw new DbError("drift", `the document ${JSON.stringify(_id)} is not a row`, { outcome: "none" });
  return { value: JSON.stringify(row), version: _rev };
}

/** Keeps the rows of entries whose document is that of the entry, and gives the other entries. */
function takeSure(lines: readonly Line[], rows: Map<string, KvVersioned>): string[] {
  const unsure: string[] = [];
  for (const { key, value, doc } of lines) {
    if (!doc) continue;
    if (doc._rev === value) rows.set(key, versioned(doc));
    else unsure.push(key);
  }
  return unsure;
}

interface Open {
  readonly change: KvRowChange;
  readonly at: number;
  readonly id: string;
}

async function revisionsOf(
  open: readonly Open[],
  revisions: (ids: readonly string[], signal: AbortSignal | undefined) => Promise<readonly (string | undefined)[]>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string | undefined>> {
  if (open.length === 0) return new Map();
  const ids = open.map(({ id }) => id);
  const found = await revisions(ids, signal);
  return new Map(ids.map((id, i) => [id, found[i]]));
}

/** What became of a change that was looked up and needs no write. */
function decidedWithout({ change, id }: Open, found: ReadonlyMap<string, string | undefined>): KvRowOutcome | undefined {
  if (!found.has(id) || found.get(id) !== undefined) return undefined;
  if (change.expect === "present") return "conflict";
  return change.value === undefined ? "done" : undefined;
}

/**
 * A document as text. The mark makes its revision differ from that of any other write: CouchDB derives it from what is
 * written, and may take the same write of two callers for one.
 */
function documentOf(id: string, { table, value, expect }: KvRowChange, found: string | undefined, mark: string): string {
  const rev = typeof expect === "object" ? expect.version : found;
  const head = `{"_id":${JSON.stringify(id)},${rev === undefined ? "" : `"_rev":${JSON.stringify(rev)},`}"write":"${mark}"`;
  return value === undefined ? `${head},"_deleted":true}` : `${head},"table":${JSON.stringify(table)},"row":${value}}`;
}

function marker(): () => string {
  const own = [...crypto.getRandomValues(new Uint32Array(3))].map((word) => word.toString(36)).join("");
  let count = 0;
  return () => `${own}.${(++count).toString(36)}`;
}
