// Settings from the command line, the environment and a configuration file become one configuration. The first that has a
// setting decides.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { BkError, type LogLevel, plainText, problemOf } from "@bk/core";
import type { PoolDefinition } from "@bk/db";

import { defaultLimits, type ServerLimits } from "../limits.js";
import type { CorsOptions } from "../middleware/cors.js";
import { allSettings, environmentName, kebab, limitNames, poolSetting, type Setting } from "./settings.js";
import { similarName } from "./similar-name.js";

/** Everything that a command needs to know. */
export interface Configuration {
  readonly home: string;
  readonly port: number;
  readonly host: string;
  /** A URL, or pools with the main one first; undefined: the embedded database. */
  readonly db: string | { readonly pools: Record<string, PoolDefinition> } | undefined;
  readonly tables: string | undefined;
  /** The URL of a cache. */
  readonly cache: string | undefined;
  /** The URL of a pub/sub. */
  readonly bus: string | undefined;
  /** Names of modules; undefined: it was not said. */
  readonly modules: readonly string[] | undefined;
  readonly signUp: "open" | "admin";
  readonly pushcartToken: string | undefined;
  /** What clients write as the scheme. */
  readonly signatureScheme: "http" | "https";
  /** The URL of a mail transport, who mails are from, and the page that they lead to. */
  readonly mailTransport: string | undefined;
  readonly mailFrom: string | undefined;
  readonly mailPage: string | undefined;
  readonly masterKey: string | undefined;
  readonly tokenKey: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
  readonly cors: CorsOptions | undefined;
  /** Addresses and networks. */
  readonly trustedProxies: readonly string[];
  readonly limits: ServerLimits;
  /** What was given and has no effect, a sentence each. */
  readonly warnings: readonly string[];
}

/** Settings that cannot be understood, wherever they come from. */
export class SettingsError extends BkError {}

export type Environment = Readonly<Record<string, string | undefined>>;

const byName: ReadonlyMap<string, Setting> = new Map(allSettings.map((setting) => [setting.name, setting]));

/**
 * @param given  options of the command line by name, `db-pg-pool` among them
 * @throws SettingsError `invalid`, naming the setting and where it comes from
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
  return { ...configurationOf(values, home), warnings: unknownVariables(environment) };
}

function configurationOf(values: ReadonlyMap<string, string>, home: string): Omit<Configuration, "warnings"> {
  const limits = Object.fromEntries(limitNames.map((name) => [name, Number(values.get(kebab(name)) ?? defaultLimits[name])]));
  return {
    home,
    port: Number(values.get("port") ?? 8000),
    host: values.get("host") ?? "127.0.0.1",
    db: databaseOf(values),
    tables: values.get("tables"),
    cache: values.get("cache"),
    bus: values.get("bus"),
    modules: modulesOf(values.get("modules")),
    pushcartToken: values.get("pushcart-token"),
    signatureScheme: (values.get("signature-scheme") ?? "http") as "http" | "https",
    signUp: (values.get("sign-up") ?? "admin") as "open" | "admin",
    ...mailOf(values),
    masterKey: values.get("master-key"),
    tokenKey: values.get("token-key"),
    logLevel: (values.get("log-level") ?? "info") as LogLevel,
    logFormat: (values.get("log-format") ?? "text") as "text" | "json",
    cors: corsOf(values),
    trustedProxies: listOf(values.get("trusted-proxies") ?? ""),
    limits: limits as unknown as ServerLimits,
  };
}

function mailOf(values: ReadonlyMap<string, string>): Pick<Configuration, "mailTransport" | "mailFrom" | "mailPage"> {
  const [mailTransport, mailFrom, mailPage] = ["mail-transport", "mail-from", "mail-page"].map((name) => values.get(name));
  if (mailTransport !== undefined && mailFrom === undefined) throw invalid("mail-from", "mail-transport needs mail-from");
  if (mailTransport === undefined && (mailFrom ?? mailPage) !== undefined)
    throw invalid("mail-transport", "mail-from and mail-page need mail-transport");
  return { mailTransport, mailFrom, mailPage };
}

function modulesOf(given: string | undefined): readonly string[] | undefined {
  return given === "none" ? [] : given === undefined ? undefined : listOf(given);
}

function corsOf(values: ReadonlyMap<string, string>): CorsOptions | undefined {
  const origins = values.get("cors-origins");
  const credentials = values.get("cors-credentials") === "true";
  const headers = listOf(values.get("cors-headers") ?? "");
  if (origins === undefined) {
    const other = ["cors-credentials", "cors-headers"].find((name) => values.has(name));
    if (other !== undefined) throw invalid(other, `${other} needs cors-origins`);
    return undefined;
  }
  if (origins === "*" && credentials) throw invalid("cors-credentials", "cors-credentials needs origins by name, not *");
  return { origins: origins === "*" ? "*" : listOf(origins), credentials, headers };
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

const variables: ReadonlyMap<string, string> = new Map(allSettings.map(({ name }) => [environmentName(name), name]));

/** The setting of an environment variable, `BK_DB_PG_POOL` included. */
function settingOf(variable: string): string | undefined {
  const pool = /^BK_DB_([A-Z][A-Z0-9_]*?)_(POOL|TABLES)$/.exec(variable);
  return variables.get(variable) ?? (pool === null ? undefined : `db-${pool[1]!.toLowerCase()}-${pool[2]!.toLowerCase()}`);
}

function fromEnvironment(environment: Environment): [string, string][] {
  return Object.entries(environment).flatMap(([variable, value]): [string, string][] => {
    const name = settingOf(variable);
    return value === undefined || value === "" || name === undefined ? [] : [[name, value]];
  });
}

/** Other programs may have variables that begin so, which is no error; but a mistyped name must not be met with silence. */
function unknownVariables(environment: Environment): string[] {
  const unknown = Object.keys(environment).filter((variable) => variable.startsWith("BK_") && settingOf(variable) === undefined);
  return unknown.map((variable) => {
    const meant = similarName(variable, [...variables.keys()]);
    return `${plainText(variable, 60)} is no setting and has no effect${meant === undefined ? "" : `; did you mean ${meant}?`}`;
  });
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

function invalid(field: string, message: string, cause?: unknown): SettingsError {
  return new SettingsError("invalid", message, { detail: { field }, cause });
}
