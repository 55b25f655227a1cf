// `bk-server` without a command: serves until it is told to stop.

import { systemClock } from "@bk/core";
import { modulesNamed } from "@bk/modules";

import { nextCommands, sampleTables } from "../sample-tables.js";
import { createServer } from "../server.js";
import { databaseOf, masterKeyOf, tokenKeyOf } from "../settings/home.js";
import { loadTables } from "../settings/load-tables.js";
import { liveLimits } from "../limits.js";
import { type Configuration, limitsOf } from "../settings/read-settings.js";
import { kebab } from "../settings/settings.js";
import { bufferedLines } from "./buffered-lines.js";
import { version } from "../version.js";
import { databaseName, namingDatabase } from "./open-database.js";
import { resetMails } from "./reset-mails.js";
import { switchedLog } from "./switched-log.js";

/** Serves; the promise resolves when the server was stopped by a signal and everything is closed. */
export async function serve(configuration: Configuration): Promise<void> {
  const { config } = configuration;
  const lines = bufferedLines();
  process.on("exit", () => lines.flush());
  const { log, level } = switchedLog({
    level: configuration.logLevel,
    format: configuration.logFormat,
    clock: systemClock,
    write: lines.write,
  });
  // Only where nothing is configured: a database that somebody names gets no table that was not asked for.
  const isSample = configuration.tables === undefined && configuration.db === undefined;
  const tables = configuration.tables === undefined ? (isSample ? sampleTables : {}) : await loadTables(configuration.tables);
  const modules = modulesNamed(configuration.modules ?? (isSample ? ["all"] : []), {
    signUp: configuration.signUp,
    pushcartToken: configuration.pushcartToken,
    statusTouch: configuration.statusTouch,
    system: { app: `bk-server/${version}`, logLevel: level, params: () => paramsOf(config) },
  });
  const masterKey = masterKeyOf(configuration);
  const mails = await resetMails(configuration, log);
  const db = databaseOf(configuration);
  const server = await namingDatabase(configuration, () =>
    createServer({
      db,
      tables,
      modules,
      masterKey,
      home: configuration.home,
      ...(configuration.cache === undefined ? {} : { cache: configuration.cache }),
      ...(configuration.bus === undefined ? {} : { bus: configuration.bus }),
      tokenKey: tokenKeyOf(configuration, masterKey),
      ...(configuration.cors === undefined ? {} : { cors: configuration.cors }),
      messageKeys: { scheme: configuration.signatureScheme },
      trustedProxies: configuration.trustedProxies,
      auth: { rules: { networks: configuration.networks } },
      login: {
        ...(mails === undefined ? {} : { mail: mails.mail }),
        ...(configuration.loginRedirect === undefined ? {} : { redirect: configuration.loginRedirect }),
        ...(configuration.sessionDomain === undefined ? {} : { sessionDomain: configuration.sessionDomain }),
      },
      limits: configuration.limits,
      log,
    }),
  ).catch(async (error: unknown) => {
    await mails?.close();
    throw error;
  });
  const stopped = stopSignal();
  try {
    const { url } = await server.listen({ port: configuration.port, host: configuration.host });
    log.info(
      `database ${databaseName(configuration)}; tables ${Object.keys(tables).join(", ") || "none (see --tables)"}; modules ${modules.map(({ name }) => name).join(", ") || "none (see --modules)"}`,
    );
    config.watch(log);
    config.onChange((changed) => {
      if (changed.has("log-level")) level.set(config.get("log-level"));
      const limits = limitsOf(config);
      const changes = Object.fromEntries(liveLimits.filter((name) => changed.has(kebab(name))).map((name) => [name, limits[name]]));
      server.setLimits(changes);
    });
    const reread = (): void =>
      void config.reload().catch((error: unknown) => log.error(`the configuration is kept as it was: ${(error as Error).message}`));
    // Of a server in a terminal it says that the terminal is gone.
    if (!process.stdout.isTTY) process.on("SIGHUP", reread);
    process.stdout.write(`bk-server listening on ${url}\n`);
    if (isSample) {
      log.info("no tables are given: here is one to try it with, sample (--tables file serves yours in its place). Next:");
      const home = configuration.home === process.cwd() ? "" : ` --home ${configuration.home}`;
      const { port } = new URL(url);
      for (const command of nextCommands(home, port === "8000" ? "" : ` --port ${port}`)) log.info(`  ${command}`);
    }
    log.info(`${await stopped}: finishing what runs`);
  } finally {
    await server.close();
    await mails?.close();
  }
}

/** Every setting and what holds, without secrets. */
function paramsOf(config: Configuration["config"]): Record<string, unknown> {
  return Object.fromEntries(config.list().map(({ name, text }) => [name, text]));
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
