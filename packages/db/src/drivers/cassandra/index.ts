// Apache Cassandra, through the client cassandra-driver.

import type { Driver, DriverOptions } from "../../driver.js";
import { DbError, invalid } from "../../errors.js";
import { capabilities, codec } from "./capabilities.js";
import { type CassandraClient, openClient } from "./client.js";
import { servesColumn } from "./column-type.js";
import type { CassandraCommand } from "./command.js";
import { compileCassandra } from "./compile.js";
import { classifyCassandra, serverCode } from "./errors.js";
import { cassandraOptions } from "./options.js";
import { placeOf } from "./statement.js";
import { commitChanges } from "./transact.js";

export { capabilities } from "./capabilities.js";

/**
 * A keyspace of Cassandra: `cassandra://user:password@host1,host2/keyspace`. Nothing is connected before the first command.
 *
 * @throws DbError `invalid` for a wrong URL or option; `driver-missing` when the client package is not installed
 */
export async function cassandraDriver(options: DriverOptions): Promise<Driver<CassandraCommand>> {
  const settings = cassandraOptions(options);
  const { keyspace } = settings;
  const client = await openClient(settings, options.clock, options.log);
  return {
    name: "cassandra",
    endpoint: { system: "cassandra", namespace: keyspace, address: settings.hosts[0], port: settings.port },
    capabilities,
    codec,
    compile: (shape) => compileCassandra(shape, keyspace),
    describe: (command) => describe(command),
    classify: classifyCassandra,
    execute: (command, values) => command.run(client, values),
    async executeGroup(command, group) {
      if (command.runGroup === undefined) throw new DbError("unsupported", "these calls cannot be grouped", { outcome: "none" });
      return command.runGroup(client, group);
    },
    commit: (changes) => commitChanges(client, keyspace, changes),
    serves: servesColumn,
    native: (command) => runNative(client, command),
    drop: async (table) => void (await runNative(client, `DROP TABLE IF EXISTS ${placeOf(keyspace, table)}`)),
    close: () => client.close(),
  };
}

function describe(command: CassandraCommand): unknown {
  const statements = command.describe();
  return statements.length === 1 ? statements[0] : statements;
}

/** Runs CQL of the app's own: a text, or `{ text, values }` with a value for each `?`. */
async function runNative(client: CassandraClient, command: unknown): Promise<unknown> {
  const { text, values = [] } = typeof command === "string" ? { text: command } : ((command ?? {}) as { text?: unknown; values?: unknown });
  if (typeof text !== "string" || !Array.isArray(values))
    throw invalid("a native command of cassandra is CQL text or { text, values }", { driver: "cassandra" });
  try {
    const { rows } = await client.native(text, values);
    return (rows ?? []).map((row) => ({ ...row }));
  } catch (error) {
    throw nativeError(error);
  }
}

/** An error of a native command with the server's reason, where that holds no values. */
function nativeError(error: unknown): unknown {
  const code = serverCode(error);
  if (code !== 0x2000 && code !== 0x2200) return error;
  return new DbError("invalid", code === 0x2000 ? "the CQL has a syntax error" : "the server refused the statement", {
    outcome: "none",
    cause: error,
  });
}
