// Settings from the command line, the environment and a configuration file become one configuration. The first that has a
// setting decides.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { BkError, type LogLevel, problemOf } from "@bk/core";
import type { PoolDefinition } from "@bk/db";

import { defaultLimits, type ServerLimits } from "../limits.js";
import { allSettings, environmentName, kebab, limitNames, poolSetting, type Setting } from "./settings.js";

/** Everything that a command needs to know. */
export interface Configuration {
  readonly home: string;
  readonly port: number;
  readonly host: string;
  /** A URL, or pools with the main one first; undefined: the embedded database. */
  readonly db: string | { readonly pools: Record<string, PoolDefinition> } | undefined;
  readonly tables: string | undefined;
  readonly masterKey: string | undefined;
  readonly tokenKey: string | undefined;
  readonly logLevel: LogLevel;
  readonly limits: ServerLimits;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const byName: ReadonlyMap<string, Setting> = new Map(allSettings.map((setting) => [setting.name, setting]));

/**
 * @param given  options of the command line by name, `db-pg-pool` among them
 * @throws BkError `invalid`, naming the setting and where it comes from
 */
export function readSettings(given: Readonly<Record<string, string>>, environment: Environment): Configuration {
  const values = new Map<string, string>();
  const add = (name: string, value: string, source: string): void => {
    if (!byName.has(name) && !poolSetting.test(name))
      throw invalid(name, `${source} has an unknown setting ${JSON.stringify(name.slice(0, 60))}`);
    const type = byName.get(name)?.type;
    const problem = value === "" ? "is empty" : type && problemOf(type, value);
    if (problem !== undefined) throw invalid(name, `${source}: ${name} ${problem}`);
    if (!values.has(name)) values.set(name, value);
  };
  for (const [name, value] of Object.entries(given)) add(name, value, "the command line");
  for (const [name, value] of fromEnvironment(environment)) add(name, value, "the environment");
  const home = resolve(values.get("home") ?? ".");
  const config = values.get("config") ?? (existsSync(join(home, "etc/config")) ? join(home, "etc/config") : undefined);
  if (config !== undefined) for (const [name, value] of readConfig(config)) add(name, value, config);
  return configurationOf(values, home);
}

function configurationOf(values: ReadonlyMap<string, string>, home: string): Configuration {
  const limits = Object.fromEntries(limitNames.map((name) => [name, Number(values.get(kebab(name)) ?? defaultLimits[name])]));
  return {
    home,
    port: Number(values.get("port") ?? 8000),
    host: values.get("host") ?? "127.0.0.1",
    db: databaseOf(values),
    tables: values.get("tables"),
    masterKey: values.get("master-key"),
    tokenKey: values.get("token-key"),
    logLevel: (values.get("log-level") ?? "info") as LogLevel,
    limits: limits as unknown as ServerLimits,
  };
}

function fromEnvironment(environment: Environment): [string, string][] {
  const known = new Map(allSettings.map(({ name }) => [environmentName(name), name]));
  const found: [string, string][] = [];
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || value === "" || !variable.startsWith("BK_")) continue;
    const pool = /^BK_DB_([A-Z][A-Z0-9_]*?)_(POOL|TABLES)$/.exec(variable);
    const name = known.get(variable) ?? (pool === null ? undefined : `db-${pool[1]!.toLowerCase()}-${pool[2]!.toLowerCase()}`);
    // Other programs may have variables that begin so.
    if (name !== undefined) found.push([name, value]);
  }
  return found;
}

function readConfig(file: string): [string, string][] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw invalid("config", `config: cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
  return text.split(/\r?\n/).flatMap((line, i): [string, string][] => {
    if (/^\s*(#|$)/.test(line)) return [];
    const match = /^\s*-{0,2}([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) throw invalid("config", `${file}, line ${i + 1}: is not name=value`);
    if (match[1] === "home" || match[1] === "config")
      throw invalid("config", `${file}, line ${i + 1}: ${match[1]} has no meaning in a configuration file`);
    return [[match[1]!, match[2]!]];
  });
}

function databaseOf(values: ReadonlyMap<string, string>): Configuration["db"] {
  const url = values.get("db");
  const main = values.get("db-pool");
  const pools = new Map<string, PoolDefinition>();
  for (const [setting, value] of values) {
    const [, name, part] = poolSetting.exec(setting) ?? [];
    if (name === undefined) continue;
    const own = part === "pool" ? { url: value } : { tables: value.split(",").map((table) => table.trim()) };
    pools.set(name, { ...pools.get(name), ...own });
  }
  if (url !== undefined && (main !== undefined || pools.size > 0)) throw invalid("db", "give either db or pools (db-pool, db-<name>-pool)");
  if (main === undefined && pools.size === 0) return url;
  const first = main ?? [...pools.keys()][0]!;
  for (const name of [first, ...pools.keys()])
    if (pools.get(name)?.url === undefined && name !== "sqlite")
      throw invalid(`db-${name}-pool`, `db-${name}-pool is missing: the URL of the pool ${name}`);
  return { pools: Object.fromEntries([[first, pools.get(first) ?? {}], ...[...pools].filter(([name]) => name !== first)]) };
}

function invalid(field: string, message: string, cause?: unknown): BkError {
  return new BkError("invalid", message, { detail: { field }, cause });
}
