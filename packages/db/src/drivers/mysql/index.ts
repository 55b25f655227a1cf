// The driver of MySQL and MariaDB. README.md says how values are stored.

import type { Capabilities, Codec, Driver, DriverOptions, KindOps, Reply, Session } from "../../driver.js";
import { DbError, invalid } from "../../errors.js";
import { compileMysql, describeMysql, type MysqlCommand } from "./compile.js";
import { refusesIndex, servesColumn } from "./catalog.js";
import { type Lent, loadMysql, openConnections } from "./connections.js";
import { mariadbDialect, mysqlDialect } from "./dialect.js";
import { classifyMysql, isFatal, nativeError } from "./errors.js";
import { executeGroupOn, executeOn } from "./execute.js";
import { knexAccess } from "./knex.js";
import { mysqlOptions } from "./options.js";
import { session } from "./session.js";
import { sqlChanges, sqlCommon, sqlFilters, sqlSorts, withDecimalSums } from "../../engines/sql/exact-filters.js";

const filters: KindOps = {
  ...sqlFilters,
  // Folding and regular expressions are JavaScript's; the core evaluates them.
  text: [...sqlFilters.text, "like", "not_like"],
};

const capabilities = Object.freeze({
  ...sqlCommon,
  filters,
  guards: filters,
  sorts: sqlSorts,
  aggregates: withDecimalSums,
  changes: sqlChanges,
  // ON DUPLICATE KEY UPDATE has no guard, and changes rows of other keys.
  upsert: false,
  returning: { put: "none", update: [], delete: "none" },
  // Servers take commands of 16 MB or more unless told otherwise.
  group: {
    get: { most: 1_000, outcome: "whole" },
    select: { most: 200, outcome: "whole" },
    put: { most: 1_000, bytes: 4_000_000, outcome: "whole" },
  },
  limits: { values: 65_535, tests: 400 },
} satisfies Capabilities);

/** MariaDB alone gives rows back that it deletes. */
const mariadbCapabilities: Capabilities = Object.freeze({
  ...capabilities,
  returning: { ...capabilities.returning, delete: "old" as const },
});

const codec: Codec = Object.freeze({
  text: "text",
  int: "number",
  int64: "text",
  real: "number",
  decimal: "text",
  bool: "number",
  time: "number",
  json: "text",
  list: "text",
  blob: "bytes",
});

/**
 * Opens a MySQL or MariaDB database; no connection is made before the first command.
 *
 * With `mysql:` the commands are those that both servers have, with `mariadb:` those of MariaDB.
 *
 * @throws DbError `driver-missing` without the client; `invalid` for a bad URL or setting
 */
export async function mysqlDriver(options: DriverOptions): Promise<Driver<MysqlCommand>> {
  const location = mysqlOptions(options);
  const { engine } = location;
  const connections = openConnections(await loadMysql(engine), location);
  const dialect = engine === "mariadb" ? mariadbDialect : mysqlDialect;
  let closing: Promise<void> | undefined;

  const closedError = (what: string): DbError => new DbError("closed", `${engine}: ${what}`, { driver: engine });

  /** Borrows a connection for one piece of work. */
  async function withConnection<Result>(
    work: (lent: Awaited<ReturnType<typeof connections.lend>>) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    if (closing !== undefined) throw closedError("the database is closed");
    const lent = await connections.lend(signal);
    let broken = false;
    try {
      return await work(lent);
    } catch (error) {
      broken = isFatal(error);
      throw error;
    } finally {
      lent.release(broken);
    }
  }

  async function begin(settings: {
    readonly isolation?: "default" | "serializable";
    readonly signal?: AbortSignal | undefined;
  }): Promise<Session<MysqlCommand>> {
    if (closing !== undefined) throw closedError("the database is closed");
    const lent = await connections.lend(settings.signal);
    try {
      if (settings.isolation === "serializable") await lent.say("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
      await lent.say("START TRANSACTION");
    } catch (error) {
      lent.release(true);
      throw error;
    }
    return session(lent, engine);
  }

  async function native(command: unknown, signal?: AbortSignal): Promise<unknown> {
    const { text, values = [] } =
      typeof command === "string" ? { text: command } : ((command ?? {}) as { text?: unknown; values?: unknown });
    if (typeof text !== "string" || !Array.isArray(values))
      throw invalid(`a native command of ${engine} is SQL text or { text, values }`, { driver: engine });
    return withConnection(async (lent) => {
      try {
        return await lent.native(text, values, signal);
      } catch (error) {
        throw nativeError(error);
      }
    }, signal);
  }

  async function lendToKnex(): Promise<Lent> {
    if (closing !== undefined) throw closedError("the database is closed");
    return connections.lend();
  }

  return {
    name: engine,
    endpoint: { system: engine, namespace: location.database, address: location.host, port: location.port },
    capabilities: engine === "mariadb" ? mariadbCapabilities : capabilities,
    codec,
    compile: (shape) => compileMysql(shape, dialect),
    describe: describeMysql,
    classify: classifyMysql,
    execute: (command, values, signal): Promise<Reply> => withConnection((lent) => executeOn(lent, command, values, signal), signal),
    executeGroup: (command, group, signal) => withConnection((lent) => executeGroupOn(lent, command, group, signal), signal),
    begin,
    serves: servesColumn,
    refusesIndex: (index, stored) => (connections.isMariadb ? undefined : refusesIndex(index, stored)),
    knex: knexAccess(lendToKnex),
    native,
    drop: async (table, signal) => void (await native(`DROP TABLE IF EXISTS \`${table.name}\``, signal)),
    close: () => (closing ??= connections.close()),
  };
}
