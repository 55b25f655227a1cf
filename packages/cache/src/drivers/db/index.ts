import { createHash } from "node:crypto";
import { BkError } from "@bk/core";
import type { CacheDriver, Call, Capabilities, OpenDriver } from "../../driver.js";
import { type CasEntry, casDriver, type CasStore } from "../../engines/cas.js";
import { type KeyMatch, keyMatcher } from "../../keys.js";
import { fromJson, type StoredJson, toJson } from "../../stored.js";

/** The columns of a table for a cache, for `defineTables`. */
export const cacheTable = {
  id: { primary: 1 },
  name: {},
  value: {},
  version: {},
  expires: { type: "ttl" },
} as const;

/** What is used of a `Db` of @bk/db. */
export interface DbLike {
  get(table: never, key: never): Promise<unknown>;
  list(table: never, keys: never): Promise<readonly unknown[]>;
  add(table: never, row: never): Promise<unknown>;
  put(table: never, row: never): Promise<unknown>;
  update(table: never, row: never, options: never): Promise<{ readonly affected: number }>;
  del(table: never, key: never, options: never): Promise<{ readonly affected: number }>;
  scan(table: never, filter: never, options: never): AsyncIterable<unknown>;
}

/** The calls of `DbLike` on the table of the cache. */
interface Calls {
  list(table: string, keys: readonly { id: string }[]): Promise<readonly CacheRow[]>;
  add(table: string, row: CacheRow): Promise<unknown>;
  put(table: string, row: CacheRow): Promise<unknown>;
  update(table: string, row: CacheRow, options: object): Promise<{ readonly affected: number }>;
  del(table: string, key: { id: string }, options: object): Promise<{ readonly affected: number }>;
  scan(table: string, filter: object, options: object): AsyncIterable<CacheRow>;
}

interface CacheRow {
  readonly id: string;
  /** The key as JSON text, in which every character may be. */
  readonly name: string;
  readonly value: string;
  readonly version: string;
  readonly expires: number | null;
}

const capabilities: Capabilities = Object.freeze({
  scope: "global",
  peek: false,
  keys: true,
  lists: true,
  ttlStepMs: 1,
  locks: "engine",
  time: "caller",
  maxValueBytes: undefined,
});

/**
 * A cache in a table of a database: `openCache(dbStore(db))`, where `db` is a `Db` of @bk/db with a table of the columns of
 * `cacheTable`. The database stays open when the cache is closed.
 *
 * @param table  default `bk_cache`
 */
export function dbStore(db: DbLike, { table = "bk_cache" }: { readonly table?: string } = {}): OpenDriver {
  const calls = db as unknown as Calls;
  return async ({ clock }): Promise<CacheDriver> => {
    const newVersion = (): string => Array.from(clock.randomBytes(9), (byte) => byte.toString(36)).join("");
    const rowOf = (key: string, value: string | Uint8Array, ttlMs: number): CacheRow => ({
      id: idOf(key),
      name: JSON.stringify(key),
      value: JSON.stringify(toJson(value)),
      version: newVersion(),
      expires: ttlMs === 0 ? null : clock.now() + ttlMs,
    });
    const store: CasStore<string> = {
      async get(keys, call) {
        call.isSent = true;
        const rows = await calls.list(
          table,
          [...new Set(keys.map(idOf))].map((id) => ({ id })),
        );
        const byId = new Map(rows.map((row) => [row.id, row]));
        return keys.map((key): CasEntry<string> | undefined => {
          const row = byId.get(idOf(key));
          if (row === undefined) return undefined;
          return { value: fromJson(JSON.parse(row.value) as StoredJson), version: row.version, expiresAt: row.expires ?? 0 };
        });
      },
      async set(key, value, ttlMs, expected, call) {
        call.isSent = true;
        const row = rowOf(key, value, ttlMs);
        if (expected === undefined) {
          await calls.put(table, row);
          return true;
        }
        if (expected !== null) return (await calls.update(table, row, { where: { version: expected } })).affected > 0;
        try {
          await calls.add(table, row);
          return true;
        } catch (error) {
          if (error instanceof BkError && error.code === "already-exists") return false;
          throw error;
        }
      },
      async del(key, expected, call) {
        call.isSent = true;
        const where = expected === undefined ? {} : { where: { version: expected } };
        return (await calls.del(table, { id: idOf(key) }, where)).affected > 0;
      },
    };
    async function* keysOf(match: KeyMatch, call: Call): AsyncGenerator<readonly string[]> {
      const matches = keyMatcher(match);
      call.isSent = true;
      for await (const row of calls.scan(table, {}, {})) {
        if (call.isGone) return;
        const key = JSON.parse(row.name) as string;
        if (matches(key)) yield [key];
      }
    }
    const driver = casDriver({ name: "db", capabilities, store, clock });
    return {
      ...driver,
      isReady: true,
      keys: keysOf,
      async clear(match, call) {
        for await (const keys of keysOf(match, call)) await driver.del(keys, call);
      },
      // The database is its owner's.
      close: async () => undefined,
    };
  };
}

/** A key that every database takes: short, without the character that some do not hold. */
function idOf(key: string): string {
  if (key.length <= 120 && /^[\x20-\x7e]+$/.test(key)) return `k:${key}`;
  return `h:${createHash("sha256").update(key).digest("hex")}`;
}
