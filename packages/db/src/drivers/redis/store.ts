// The four calls of an ordered key-value store on Redis; scripts.ts says how rows are kept.

import { after } from "../../engines/kv/at-once.js";
import type { KvChange, KvExpectation, KvPage, KvRange, KvResult, KvStore } from "../../engines/kv/store.js";
import type { RedisConnection } from "./connection.js";

// The script takes the rows of a page as arguments of one command; Lua's stack bounds their number.
const maxEntries = 1000;

export interface RedisStoreOptions {
  /** What all keys begin with. */
  readonly prefix: string;
}

export function redisStore(connection: RedisConnection, { prefix }: RedisStoreOptions): KvStore {
  const prefixes = new Map<string, string>();
  const prefixOf = (table: string): string => {
    let known = prefixes.get(table);
    if (known === undefined) prefixes.set(table, (known = tablePrefix(prefix, table)));
    return known;
  };
  return {
    get(table, keys) {
      const rows = `${prefixOf(table)}r:`;
      if (keys.length === 0) return [];
      return after(connection.client(), async (client) => {
        if (keys.length === 1) return [valueOf(await client.get(rows + keys[0]))];
        return (await client.mget(keys.map((key) => rows + key))).map(valueOf);
      });
    },

    async range(table, range, { descending, limit }) {
      const client = await connection.client();
      const at = prefixOf(table);
      const { low, high } = lexBounds(range);
      const most = String(Math.min(limit, maxEntries));
      return pageOf(await client.bkRange(setOf(at, range.space), `${at}r:`, range.space ?? "", low, high, descending ? "1" : "", most));
    },

    write(changes, checks) {
      const keys: string[] = [];
      const args: string[] = [];
      for (const change of changes) {
        const at = prefixOf(change.table);
        const { key, expiresInMs } = change;
        keys.push(`${at}r:${key}`);
        args.push(at, key, expectationText(change.expect), rowText(change), expiresInMs === undefined ? "" : String(expiresInMs));
      }
      for (const { table, key, expect } of checks) {
        keys.push(`${prefixOf(table)}r:${key}`);
        args.push(expectationText(expect));
      }
      return after(connection.client(), async (client) => resultOf(await client.bkWrite(keys.length, ...keys, ...args)));
    },

    async count(table, range) {
      const client = await connection.client();
      const { low, high } = lexBounds(range);
      return client.zlexcount(setOf(prefixOf(table), range.space), low, high);
    },

    close: () => connection.close(),
  };
}

/** What the keys of a table begin with. A place is a table's name, or a tag that several tables share and a name: `tag/name`. */
export function tablePrefix(prefix: string, place: string): string {
  const slash = place.indexOf("/");
  return slash < 0 ? `{${prefix}${place}}:` : `{${prefix}${place.slice(0, slash)}}${place.slice(slash + 1)}:`;
}

function setOf(prefix: string, space: string | undefined): string {
  return space === undefined ? `${prefix}k` : `${prefix}i:${space}`;
}

function lexBounds({ from, to }: KvRange): { low: string; high: string } {
  return { low: from === "" ? "-" : `[${from}`, high: to === undefined ? "+" : `(${to}` };
}

function expectationText(expect: KvExpectation | undefined): string {
  if (expect === undefined) return "*";
  if (expect === "absent") return "-";
  return expect === "present" ? "+" : `=${expect.value}`;
}

function rowText({ value, links }: KvChange): string {
  if (value === undefined || links.length === 0) return value ?? "";
  return `${value}${links.map(({ space, text, unique }) => `\0\0${unique ? "!" : "="}${space}\0${text}`).join("")}\0`;
}

function valueOf(text: string | null): string | undefined {
  if (text === null) return undefined;
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}

function pageOf(reply: readonly string[]): KvPage {
  const entries: { entry: string; value: string }[] = [];
  for (let i = 1; i < reply.length; i += 2) entries.push({ entry: reply[i]!, value: reply[i + 1]! });
  return { entries, end: reply[0] === "" ? undefined : reply[0] };
}

const done: KvResult = Object.freeze({ kind: "done" });

function resultOf(reply: number | readonly unknown[]): KvResult {
  if (typeof reply === "number") return done;
  const [kind, change, space, owner] = reply;
  if (kind === "conflict") return { kind, change: Number(change) };
  if (kind === "stale") return { kind, check: Number(change) };
  return { kind: "taken", change: Number(change), space: String(space), owner: String(owner) };
}
