// The PostgreSQL driver. README.md says how values are stored.

import type * as Pg from "pg";
import type { Capabilities, Codec, Driver, DriverOptions, KindOps } from "../../driver.js";
import { DbError } from "../../errors.js";
import { describeCommand, type SqlCommand } from "../../engines/sql/command.js";
import { compileSql } from "../../engines/sql/compile.js";
import { servesColumn } from "./catalog.js";
import { type Connections, connections } from "./connections.js";
import { postgresDialect } from "./dialect.js";
import { classifyPostgres } from "./errors.js";
import { executor, type Place, type RunSteps } from "./execute.js";
import { knexAccess } from "./knex.js";
import { runNative } from "./native.js";
import { postgresOptions } from "./options.js";
import { beginSession } from "./session.js";
import { sqlChanges, sqlCommon, sqlFilters, sqlSorts, withDecimalSums } from "../../engines/sql/exact-filters.js";

const filters: KindOps = {
  ...sqlFilters,
  // Folding and regular expressions are JavaScript's; the core evaluates them.
  text: [...sqlFilters.text, "like", "not_like"],
  list: [...sqlFilters.list, "contains", "not_contains"],
};

const capabilities: Capabilities = Object.freeze({
  ...sqlCommon,
  filters,
  guards: filters,
  sorts: sqlSorts,
  aggregates: withDecimalSums,
  changes: sqlChanges,
  upsert: true,
  returning: { put: "old", update: ["old", "new"], delete: "old" },
  group: {
    get: { most: 2_000, outcome: "whole" },
    select: { most: 500, outcome: "whole" },
    put: { most: 2_500, outcome: "whole" },
    update: { most: 500, outcome: "whole" },
    delete: { most: 500, outcome: "whole" },
  },
  limits: { values: 65_535, tests: 400 },
} satisfies Capabilities);

const codec: Codec = Object.freeze({
  text: "text",
  int: "text",
  int64: "text",
  real: "text",
  decimal: "text",
  bool: "letter",
  time: "text",
  json: "text",
  list: "text",
  blob: "hex",
});

/**
 * A PostgreSQL database, by `postgres://user:password@host:5432/database`. Nothing is connected before the first call.
 *
 * @throws DbError `driver-missing` without `pg`; `invalid` for a bad URL or setting
 */
export async function postgresDriver(options: DriverOptions): Promise<Driver<SqlCommand>> {
  const location = postgresOptions(options);
  const pool = connections(await loadPg(), location, options.log);
  const runOn = executor();

  return {
    name: "postgres",
    endpoint: { system: "postgresql", namespace: location.database, address: location.host, port: location.port },
    capabilities,
    codec,
    compile: (shape) => compileSql(shape, postgresDialect),
    describe: describeCommand,
    classify: classifyPostgres,
    execute: (command, values, signal) => runOn.execute(command, values, anywhere(pool, signal)),
    executeGroup: (command, group, signal) => runOn.executeGroup(command, group, anywhere(pool, signal)),
    begin: (settings) => beginSession(pool, runOn, settings),
    serves: servesColumn,
    knex: knexAccess(pool),
    native: (command, signal) => runNative(pool, command, signal),
    drop: async (table, signal) => void (await runNative(pool, `DROP TABLE IF EXISTS ${postgresDialect.quote(table.name)}`, signal)),
    close: () => pool.close(),
  };
}

/** On any connection that is free. */
function anywhere(pool: Connections, signal: AbortSignal | undefined): Place {
  const run: RunSteps = (steps) => pool.hold((connection) => connection.run(steps), signal);
  return {
    run,
    write: run,
    hold: (work) => pool.hold((connection) => work(connection.run), signal),
    inside: false,
  };
}

async function loadPg(): Promise<typeof Pg> {
  try {
    return (await import("pg")).default as unknown as typeof Pg;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new DbError("driver-missing", 'the package "pg" is not installed; run npm install pg', { driver: "postgres", cause: error });
  }
}
