// `bk-server db tables|drop`: the tables of the database.

import { BkError } from "@bk/core";
import { DbError } from "@bk/db";

import type { Configuration } from "../settings/configuration.js";
import type { DeleteOptions } from "./db-rows.js";
import { databaseName } from "./open-database.js";
import { type JsonOption, tell } from "./output.js";
import { withOwnTables } from "./own-tables.js";
import { confirm } from "./secret.js";

/** Prints the tables of the app, of its modules and of the server, with their keys. */
export function tablesCommand(configuration: Configuration, options: JsonOption): Promise<void> {
  return withOwnTables(configuration, { sync: false }, async ({ tables }) => {
    for (const { name, key, columns } of tables.values())
      tell(options, { table: name, key, columns: [...columns.keys()] }, `${name} (${key.join(", ")})`);
    return Promise.resolve();
  });
}

/** Drops a table with all that it holds. The next sync makes it anew, without rows. */
export function dropTableCommand(configuration: Configuration, options: DeleteOptions, name: string): Promise<void> {
  return withOwnTables(configuration, { sync: false }, async ({ db, table }) => {
    table(name);
    await confirm(`the table ${name} is dropped, with all of its rows`, options);
    await db.drop(name).catch((cause: unknown) => {
      if (!(cause instanceof DbError) || cause.code !== "unsupported") throw cause;
      const place = databaseName(configuration);
      throw new BkError("unsupported", `${place} has no command that drops a table; delete its rows: bk-server db del-all ${name}`, {
        cause,
      });
    });
    tell(options, { dropped: name }, `${name} is dropped`);
  });
}
