// The database for commands that work beside a running server.

import { authTables } from "@bk/auth";
import { openDb, type Db } from "@bk/db";

import { databaseOf } from "../settings/home.js";
import { loadTables } from "../settings/load-tables.js";
import type { Configuration } from "../settings/read-settings.js";
import type { TableDefinitions } from "@bk/db";

export interface OpenedDatabase {
  readonly db: Db;
  /** The declared tables, without the server's own. */
  readonly tables: TableDefinitions;
}

/** Opens the database of a configuration with the server's and the declared tables, and makes what is missing. */
export async function openDatabase(configuration: Configuration): Promise<OpenedDatabase> {
  const tables = configuration.tables === undefined ? {} : await loadTables(configuration.tables);
  const place = databaseOf(configuration);
  const db = await openDb({
    ...(typeof place === "string" ? { url: place } : place),
    tables: { ...tables, ...authTables } as TableDefinitions,
  });
  try {
    await db.sync();
  } catch (error) {
    await db.close();
    throw error;
  }
  return { db, tables };
}
