// The database of a configuration with every table that a server of it has: of the app, of its modules, and of the server itself.

import { authTables } from "@bk/auth";
import { rowRules } from "@bk/auth/row-rules";
import { BkError } from "@bk/core";
import type { Db, TableDefinition, TableDefinitions } from "@bk/db";

import { type Caller, callerOf, type ServedTable, servedTables } from "../data/served-table.js";
import { tablesOfModules } from "../modules/start-modules.js";
import type { Configuration } from "../settings/configuration.js";
import { didYouMean } from "../settings/similar-name.js";
import { allModules } from "./all-modules.js";
import { namingDatabase, openUnsynced } from "./open-database.js";

export interface OwnTables {
  readonly db: Db;
  readonly definitions: TableDefinitions;
  /** As the data API has them. */
  readonly tables: ReadonlyMap<string, ServedTable>;
  /** One who may do everything with each of them, whatever rules say: who opens the database can. */
  readonly caller: Caller;
  /** @throws BkError `invalid` when there is no such table */
  table(name: string): ServedTable;
}

/**
 * Opens the database, and closes it when the work is done.
 *
 * @param sync    whether missing tables are made. Default true
 * @param secure  whether secure columns are read as all others. Default false
 */
export async function withOwnTables<T>(
  configuration: Configuration,
  { sync = true, secure = false }: { readonly sync?: boolean; readonly secure?: boolean },
  work: (own: OwnTables) => Promise<T>,
): Promise<T> {
  const ofModules = tablesOfModules(await allModules(configuration), {});
  const { db, tables: ofApp } = await openUnsynced(configuration, ofModules);
  try {
    if (sync) await namingDatabase(configuration, () => db.sync());
    const definitions: TableDefinitions = { ...ofApp, ...ofModules, ...authTables };
    const open = Object.fromEntries(Object.entries(definitions).map(([name, given]) => [name, unruled(given, secure)]));
    const tables = servedTables(open);
    return await work({
      db,
      definitions,
      tables,
      caller: callerOf(rowRules(open), { id: "command", login: "command", type: "admin" }),
      table(name) {
        const table = tables.get(name);
        if (table !== undefined) return table;
        const known = [...tables.keys()];
        throw new BkError(
          "invalid",
          `unknown table ${JSON.stringify(name.slice(0, 60))}${didYouMean(name, known) || `: there are ${known.join(", ")}`}`,
          { detail: { field: "table" } },
        );
      },
    });
  } finally {
    await db.close();
  }
}

/** A table without what its rules and owner say. */
function unruled(given: TableDefinition, secure: boolean): TableDefinition {
  const isParted = Object.hasOwn(given, "$columns");
  const { $columns, $settings } = given as { $columns: object; $settings: object };
  const columns = Object.entries(isParted ? $columns : given).map(([name, column]: [string, object]) => {
    const { pub: _pub, admin: _admin, ...plain } = column as Record<string, unknown>;
    // A key is named by every command.
    if (secure || plain["primary"] !== undefined) delete plain["secure"];
    return [name, plain] as const;
  });
  const { rules: _rules, owner: _owner, ...settings } = (isParted ? $settings : {}) as Record<string, unknown>;
  return { $columns: Object.fromEntries(columns), $settings: settings } as unknown as TableDefinition;
}
