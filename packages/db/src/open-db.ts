import { type Database, type OpenOptions, openDatabase } from "./db.js";
import type { TableDefinitions } from "./schema/definition.js";

/** An open database, typed by its tables. */
export type Db<Tables extends TableDefinitions = TableDefinitions> = Database & { readonly __tables?: Tables };

/**
 * Opens a database, or several as pools. Nothing is sent to a server before the first call; embedded databases open their file.
 *
 * @throws DbError `invalid` for tables, options or URLs that break the rules; `driver-missing` when a client package is not installed
 */
export async function openDb<const Tables extends TableDefinitions>(options: OpenOptions<Tables>): Promise<Db<Tables>> {
  return openDatabase(options);
}
