// `bk-server` without a command: serves until it is told to stop.

import { consoleLog, redactUrl } from "@bk/core";

import { createServer } from "../server.js";
import { databaseOf, masterKeyOf, tokenKeyOf } from "../settings/home.js";
import { loadTables } from "../settings/load-tables.js";
import type { Configuration } from "../settings/read-settings.js";
import { bufferedLines } from "./buffered-lines.js";

/** Serves; the promise resolves when the server was stopped by a signal and everything is closed. */
export async function serve(configuration: Configuration): Promise<void> {
  const lines = bufferedLines();
  process.on("exit", () => lines.flush());
  const log = consoleLog({ level: configuration.logLevel, write: lines.write });
  const tables = configuration.tables === undefined ? {} : await loadTables(configuration.tables);
  const masterKey = masterKeyOf(configuration);
  const db = databaseOf(configuration);
  const server = await createServer({
    db,
    tables,
    masterKey,
    tokenKey: tokenKeyOf(configuration, masterKey),
    limits: configuration.limits,
    log,
  });
  const stopped = stopSignal();
  try {
    const { url } = await server.listen({ port: configuration.port, host: configuration.host });
    log.info(
      `database ${typeof db === "string" ? redactUrl(db) : Object.keys(db.pools).join(", ")}; tables ${Object.keys(tables).join(", ") || "none (see --tables)"}`,
    );
    log.info(
      "used signatures are remembered by this process alone: servers that share the work need a shared store (createServer, auth.nonces)",
    );
    process.stdout.write(`bk-server listening on ${url}\n`);
    log.info(`${await stopped}: finishing what runs`);
  } finally {
    await server.close();
  }
}

/** The first signal stops cleanly, the second one at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}
