// What a server says of itself once it serves.

import type { Log } from "@bk/core";

import type { Places } from "../processes/ports.js";
import { nextCommands } from "../sample-tables.js";
import type { Configuration } from "../settings/configuration.js";
import { findModules } from "../settings/find-modules.js";
import { whyNot } from "../settings/load-modules.js";
import { databaseName } from "./open-database.js";

/** Nothing is configured. A database that somebody names gets no table that was not asked for. */
export function isSample({ tables, db }: Configuration): boolean {
  return tables === undefined && db === undefined;
}

/** The modules to serve, by name. */
export function modulesOf(configuration: Configuration): readonly string[] {
  return configuration.modules ?? (isSample(configuration) ? ["all"] : []);
}

/** Prints the line that others wait for. */
export const announceUrl = ({ url, plainUrl }: Places): void =>
  void process.stdout.write(`bk-server listening on ${url}${plainUrl === undefined ? "" : ` and ${plainUrl}`}\n`);

/** Prints the line that others wait for, and logs what is served. */
export function announce(configuration: Configuration, at: Places, log: Log): void {
  const { home, tables } = configuration;
  const own = findModules(configuration.config as never).flatMap(({ name }) => (whyNot(name, configuration) === undefined ? [name] : []));
  const names = [...modulesOf(configuration), ...own].join(", ");
  const served = tables ?? (isSample(configuration) ? "sample" : "none (see --tables)");
  log.info(`database ${databaseName(configuration)}; tables ${served}; modules ${names || "none (see --modules)"}`);
  announceUrl(at);
  if (!isSample(configuration)) return;
  log.info("no tables are given: here is one to try it with, sample (--tables file serves yours in its place). Next:");
  const url = at.plainUrl ?? at.url;
  const { port } = new URL(url);
  const where = url.startsWith("https:") ? ` --url ${url}` : port === "8000" ? "" : ` --port ${port}`;
  for (const command of nextCommands(home === process.cwd() ? "" : ` --home ${home}`, where)) log.info(`  ${command}`);
}
