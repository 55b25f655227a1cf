// `bk-server db tables|drop`: the tables of the database.

import { BkError, redactUrl } from "@bk/core";

import { databaseOf } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import type { DeleteOptions } from "./db-rows.js";
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

/** How engines with SQL quote a name. */
const quotes: Readonly<Record<string, string>> = { sqlite: '"', postgres: '"', postgresql: '"', cassandra: '"', mysql: "`", mariadb: "`" };

/** Drops a table with all that it holds. The next sync makes it anew, without rows. */
export function dropTableCommand(configuration: Configuration, options: DeleteOptions, name: string): Promise<void> {
  return withOwnTables(configuration, { sync: false }, async ({ db, table }) => {
    table(name);
    const { pool, url } = poolOf(configuration, name);
    const quote = quotes[url.slice(0, url.indexOf(":"))];
    if (quote === undefined)
      throw new BkError(
        "unsupported",
        `${redactUrl(url)} has no command that drops a table; delete its rows: bk-server db del-all ${name}`,
      );
    await confirm(`the table ${name} is dropped, with all of its rows`, options);
    await db.native(pool as never, `DROP TABLE IF EXISTS ${quote}${name}${quote}`);
    tell(options, { dropped: name }, `${name} is dropped`);
  });
}

/** Where a table lies. */
function poolOf(configuration: Configuration, table: string): { readonly pool: string; readonly url: string } {
  const place = databaseOf(configuration);
  if (typeof place === "string") return { pool: "main", url: place };
  const pools = Object.entries(place.pools).map(([pool, given]) => ({ pool, ...(typeof given === "string" ? { url: given } : given) }));
  const { pool, url = "" } = pools.find(({ tables = [] }) => tables.includes(table)) ?? pools[0]!;
  return { pool, url };
}
