// The database of a server: opened for it, or given open.

import { randomBytes } from "node:crypto";

import { authTables } from "@bk/auth";
import type { Cache } from "@bk/cache";
import { type Log, silentLog } from "@bk/core";
import { type Db, openDb, type OpenOptions, type TableDefinitions } from "@bk/db";

import type { ServerLimits } from "./limits.js";

/** What of a server's options it depends on. */
export interface OpeningOptions {
  readonly db: string | { readonly pools: NonNullable<OpenOptions["pools"]> } | Db;
  readonly tables?: TableDefinitions;
  readonly accounts?: object;
  readonly tokenKey?: string;
  readonly log?: Log;
}

interface OpenedDb {
  readonly db: Db;
  /** It is closed with the server. */
  readonly isOurs: boolean;
}

export async function databaseOf(options: OpeningOptions, limits: ServerLimits, cache: Cache | undefined): Promise<OpenedDb> {
  const { db, tables = {}, log = silentLog, tokenKey = randomBytes(32).toString("base64url") } = options;
  const place = typeof db === "string" ? { url: db } : "pools" in db ? { pools: db.pools } : undefined;
  if (place === undefined) return { db: db as Db, isOurs: false };
  const { bk_nonce, bk_session } = authTables;
  const all: TableDefinitions = { ...tables, ...(options.accounts === undefined ? authTables : { bk_nonce, bk_session }) };
  // A call of an engine in this process has ended before a timer could; without one it costs less.
  const isEmbedded = typeof db === "string" && /^(sqlite|memory):/.test(db);
  return {
    db: await openDb({
      ...place,
      tables: all,
      tokenKey,
      log,
      ...(isEmbedded ? {} : { timeoutMs: limits.callTimeoutMs }),
      ...(cache === undefined ? {} : { cache: { store: cache } }),
    }),
    isOurs: true,
  };
}
