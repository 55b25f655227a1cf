// A store out of less: a map of texts in order, without tables, links or unique values. These are kept here, once for all
// such maps.
//
// A row lies under `<table>` NUL `r` NUL `<key>`: its value and, after a NUL, its links as JSON. A link lies under
// `<table>` NUL `l` `<space>` NUL `<entry>`, with nothing as its value; the owner of a unique text under
// `<table>` NUL `u` `<space>` NUL `<text>`, with the key of its row.

import { compareText } from "../../schema/compare.js";
import { after, type Awaitable, repeat } from "./at-once.js";
import {
  entryOf,
  keyOfEntry,
  type KvChange,
  type KvCheck,
  type KvExpectation,
  type KvLink,
  type KvPage,
  type KvResult,
  type KvStore,
} from "./store.js";

/** A key and the value that it must have for `apply` to do anything; undefined: there must be none. */
export type MapCheck = readonly [key: string, value: string | undefined];

/**
 * Texts by key, in order of the keys' code points. Keys and values are well-formed; they may have U+0000.
 *
 * - Each call takes effect at one moment: it sees all of an `apply` or nothing of it, and every one that was done before it.
 * - A call that rejects with an error that the driver classifies with outcome `none` has done nothing.
 * - A map that has its answer at once gives it without a promise.
 */
export interface OrderedMap extends MapReads {
  /** Reads of which all see the map as it is now, where each call by itself would see it as it is then. Closed by whoever asked for it. */
  snapshot?(): MapReads & { close(): Awaitable<void> };
  /** Makes all puts and deletions, of different keys, if all checks hold, and gives true; else does nothing and gives false. */
  apply(
    checks: readonly MapCheck[],
    puts: readonly (readonly [key: string, value: string])[],
    deletes: readonly string[],
    signal?: AbortSignal,
  ): Awaitable<boolean>;
  /** Waits for what is running and frees what is held. */
  close(): Awaitable<void>;
}

export interface MapReads {
  /** Gives the values of keys in the order asked, undefined for a missing one. */
  getMany(keys: readonly string[], signal?: AbortSignal): Awaitable<readonly (string | undefined)[]>;
  /** Gives at most `limit` (from 1) pairs from the key `from` on and before `to`, or the last ones of them backwards. */
  range(
    range: { readonly from: string; readonly to: string; readonly descending: boolean; readonly limit: number },
    signal?: AbortSignal,
  ): Awaitable<readonly (readonly [key: string, value: string])[]>;
}

/** Makes a store of an ordered map. Its rows do not drop out by themselves: claim `ttl: false`, so that they are swept. */
export function kvStoreOver(map: OrderedMap): KvStore {
  return {
    get: (table, keys, signal) =>
      after(
        map.getMany(
          keys.map((key) => rowKey(table, key)),
          signal,
        ),
        (texts) => texts.map((text) => text && valueIn(text)),
      ),
    range(table, { space, from, to }, { descending, limit }, signal) {
      const head = space === undefined ? rowKey(table, "") : linkKey(table, space, "");
      // Nothing that begins with the head lies beyond the head with its last NUL made U+0001.
      const range = { from: head + from, to: to === undefined ? `${head.slice(0, -1)}\u0001` : head + to, descending, limit };
      if (compareText(range.from, range.to) >= 0) return { entries: [], end: undefined };
      const pageOf = (reads: MapReads): Awaitable<KvPage> =>
        after(reads.range(range, signal), (pairs) => {
          const entries = pairs.map(([key]) => key.slice(head.length));
          const end = pairs.length === limit ? entries.at(-1) : undefined;
          if (space === undefined) return { entries: entries.map((entry, i) => ({ entry, value: valueIn(pairs[i]![1]) })), end };
          const rows = reads.getMany(
            entries.map((entry) => rowKey(table, keyOfEntry(entry))),
            signal,
          );
          // Without a snapshot, a row that has changed since its entry was read may have it no longer.
          return after(rows, (texts) => ({
            entries: entries.flatMap((entry, i) => {
              const text = texts[i];
              return text !== undefined && linksIn(text).some((link) => link.space === space && isEntryOf(link, entry))
                ? [{ entry, value: valueIn(text) }]
                : [];
            }),
            end,
          }));
        });
      return space === undefined || map.snapshot === undefined ? pageOf(map) : within(map.snapshot(), pageOf);
    },
    write: (changes, checks, signal) =>
      repeat(() => {
        const keys = [...changes, ...checks].map(({ table, key }) => rowKey(table, key));
        const claims = changes.flatMap(({ table, links }) => links.filter(({ unique }) => unique).map((link) => claimKey(table, link)));
        return after(map.getMany([...keys, ...claims], signal), (texts) => {
          const found = new Map([...keys, ...claims].map((key, i) => [key, texts[i]]));
          const plan = planWrite(changes, checks, found);
          if ("kind" in plan) return plan;
          // Undefined when somebody was faster: what was read is read again.
          return after(map.apply(plan.checks, plan.puts, plan.deletes, signal), (isDone) => (isDone ? done : undefined));
        });
      }),
    close: () => map.close(),
  };
}

function within<T, S extends { close(): Awaitable<void> }>(snapshot: S, read: (snapshot: S) => Awaitable<T>): Awaitable<T> {
  let result: Awaitable<T>;
  try {
    result = read(snapshot);
  } catch (error) {
    return after(snapshot.close(), () => Promise.reject(error));
  }
  return result instanceof Promise ? closeAfter(result, snapshot) : after(snapshot.close(), () => result);
}

async function closeAfter<T>(result: Promise<T>, snapshot: { close(): Awaitable<void> }): Promise<T> {
  try {
    return await result;
  } finally {
    await snapshot.close();
  }
}

const done: KvResult = Object.freeze({ kind: "done" });

function rowKey(table: string, key: string): string {
  return `${table}\0r\0${key}`;
}

function linkKey(table: string, space: string, entry: string): string {
  return `${table}\0l${space}\0${entry}`;
}

function claimKey(table: string, { space, text }: KvLink): string {
  return `${table}\0u${space}\0${text}`;
}

function isEntryOf({ text }: KvLink, entry: string): boolean {
  return entry.startsWith(text) && entry[text.length] === "\0";
}

function textOf({ value, links }: { readonly value: string; readonly links: readonly KvLink[] }): string {
  return links.length === 0 ? value : `${value}\0${JSON.stringify(links.map(({ space, text, unique }) => [space, text, unique]))}`;
}

function valueIn(text: string): string {
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}

function linksIn(text: string | undefined): KvLink[] {
  const nul = text?.indexOf("\0") ?? -1;
  if (text === undefined || nul < 0) return [];
  const links = JSON.parse(text.slice(nul + 1)) as [space: string, text: string, unique: boolean][];
  return links.map(([space, own, unique]) => ({ space, text: own, unique }));
}

function holds(expect: KvExpectation | undefined, text: string | undefined): boolean {
  if (expect === undefined) return true;
  if (expect === "absent") return text === undefined;
  return text !== undefined && (expect === "present" || valueIn(text) === expect.value);
}

interface Plan {
  readonly checks: readonly MapCheck[];
  readonly puts: readonly (readonly [string, string])[];
  readonly deletes: readonly string[];
}

/** What a write comes to, by what was found under the keys of its rows, checks and claims. */
function planWrite(
  changes: readonly KvChange[],
  checks: readonly KvCheck[],
  found: ReadonlyMap<string, string | undefined>,
): Plan | KvResult {
  const stored = ({ table, key }: { readonly table: string; readonly key: string }): string | undefined => found.get(rowKey(table, key));
  const stale = checks.findIndex((check) => !holds(check.expect, stored(check)));
  if (stale >= 0) return { kind: "stale", check: stale };
  const conflict = changes.findIndex((change) => !holds(change.expect, stored(change)));
  if (conflict >= 0) return { kind: "conflict", change: conflict };

  const after = new Map<string, string | undefined>();
  for (const change of changes)
    for (const link of linksIn(stored(change))) {
      after.set(linkKey(change.table, link.space, entryOf(link.text, change.key)), undefined);
      if (link.unique) after.set(claimKey(change.table, link), undefined);
    }
  for (const [i, change] of changes.entries()) {
    const { table, key, value, links } = change;
    after.set(rowKey(table, key), value === undefined ? undefined : textOf({ value, links }));
    for (const link of links) {
      after.set(linkKey(table, link.space, entryOf(link.text, key)), "");
      if (!link.unique) continue;
      const claim = claimKey(table, link);
      // One that these changes give up is in `after` already, as is one that an earlier change has taken.
      const owner = after.has(claim) ? after.get(claim) : found.get(claim);
      if (owner !== undefined && owner !== key) return { kind: "taken", change: i, space: link.space, owner };
      after.set(claim, key);
    }
  }
  const puts = [...after].filter((pair): pair is [string, string] => pair[1] !== undefined);
  return { checks: [...found], puts, deletes: [...after].flatMap(([key, value]) => (value === undefined ? [key] : [])) };
}
