// The database for commands that work beside a running server.

import { authTables } from "@bk/auth";
import { BkError, redactUrl } from "@bk/core";
import { type Db, DbError, openDb, type TableDefinitions } from "@bk/db";

import { databaseOf } from "../settings/home.js";
import { type LoadedTables, loadTables } from "../settings/load-tables.js";
import type { Configuration } from "../settings/configuration.js";

export interface OpenedDatabase extends LoadedTables {
  readonly db: Db;
}

/** Opens the database of a configuration with the server's and the declared tables, and makes what is missing. */
export async function openDatabase(configuration: Configuration): Promise<OpenedDatabase> {
  const opened = await openUnsynced(configuration);
  return namingDatabase(configuration, async () => {
    try {
      await opened.db.sync();
    } catch (error) {
      await opened.db.close();
      throw error;
    }
    return opened;
  });
}

/** The same, and makes nothing. @param more  further tables that the database knows */
export async function openUnsynced(configuration: Configuration, more: TableDefinitions = {}): Promise<OpenedDatabase> {
  const loaded = configuration.tables === undefined ? { tables: {}, moduleRules: {} } : await loadTables(configuration.tables);
  const place = databaseOf(configuration);
  return namingDatabase(configuration, async () => {
    const db = await openDb({
      ...(typeof place === "string" ? { url: place } : place),
      tables: { ...loaded.tables, ...more, ...authTables } as TableDefinitions,
    });
    return { db, ...loaded };
  });
}

/** The database of a configuration for people, without its password. */
export function databaseName(configuration: Configuration): string {
  const db = databaseOf(configuration);
  if (typeof db === "string") return redactUrl(db);
  return Object.values(db.pools)
    .map((pool) => redactUrl(typeof pool === "string" ? pool : (pool.url ?? "")))
    .join(" ");
}

/** Opens a database; when that fails, the error says which one it is: what the engine says alone names no place. */
export async function namingDatabase<T>(configuration: Configuration, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    if (!(cause instanceof DbError) || cause.code === "invalid") throw cause;
    const { code, outcome, detail } = cause;
    throw new BkError(code, `cannot use the database ${databaseName(configuration)}: ${cause.message}`, { outcome, detail, cause });
  }
}
