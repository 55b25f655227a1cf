// The configuration of bk-server, as its commands use it.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import { openDb, type PoolDefinition } from "@bk/db";

import { type Config, openConfig } from "../config/config.js";
import { ConfigRows, configTable } from "../config/db-layer.js";
import { invalidSetting } from "../config/errors.js";
import { words } from "../config/value-types.js";
import type { Environment } from "../config/variables.js";
import type { ServerLimits } from "../limits.js";
import type { CorsOptions } from "../middleware/cors.js";
import { version } from "../version.js";
import type { Configuration } from "./configuration.js";
import { namesOfModules } from "./find-modules.js";
import { databaseOf, masterKeyOf } from "./home.js";
import { networkRules } from "./network-rules.js";
import { kebab, limitNames } from "./limit-settings.js";
import { inOurNames } from "./old-settings.js";
import { packageFolders } from "./package-folders.js";
import { pushAppOf } from "./push-settings.js";
import { placesOf, redirectPortOf } from "./read-tls.js";
import { allSettings } from "./settings.js";
import { staticOf } from "./web-settings.js";

/**
 * @param given  options of the command line by name, `db-pg-pool` among them
 * @throws SettingsError `invalid`, naming the setting and where it comes from
 */
export async function readSettings(given: Readonly<Record<string, string>>, environment: Environment): Promise<Configuration> {
  const rows = (config: Config): Promise<{ rows: ConfigRows; close: () => Promise<void> }> =>
    openRows(configurationOf(config as unknown as Config<typeof allSettings>));
  const config = await openConfig(allSettings, { given, environment, version, rows, elsewhere: namesOfModules, rename: inOurNames });
  try {
    return configurationOf(config);
  } catch (error) {
    await config.close();
    throw error;
  }
}

/** The typed form of what holds now. */
export function configurationOf(config: Config<typeof allSettings>): Configuration {
  const home = resolve(config.get("home") ?? ".");
  const development = config.get("development");
  const ofDevelopment = (folders: readonly string[]): readonly string[] | undefined =>
    development && folders.length > 0 ? folders : undefined;
  return {
    home,
    development,
    watch: config.get("watch") ?? ofDevelopment([home]) ?? [],
    port: config.get("port"),
    host: config.get("host"),
    places: placesOf(config),
    tlsRedirectPort: redirectPortOf(config),
    db: poolsOf(config),
    tables: config.get("tables"),
    cache: config.get("cache"),
    bus: config.get("bus"),
    modules: modulesOf(config.get("modules")),
    pushcartToken: config.get("pushcart-token"),
    signatureScheme: config.get("signature-scheme"),
    signUp: config.get("sign-up"),
    ...mailOf(config),
    push: pushAppOf(config),
    static: staticOf(config, ofDevelopment([join(home, "web")].filter((folder) => existsSync(folder))), packageFolders(config, "web")),
    locales: localesOf(config),
    masterKey: config.get("master-key"),
    tokenKey: config.get("token-key"),
    logLevel: config.get("log-level"),
    logFormat: config.get("log-format") ?? (development ? "pretty" : "text"),
    cors: corsOf(config),
    trustedProxies: config.get("trusted-proxies"),
    networks: networkRules(config.get("allow-ip"), config.get("deny-ip")),
    loginRedirect: config.get("login-redirect"),
    sessionDomain: config.get("session-domain"),
    statusTouch: config.get("status-touch"),
    limits: limitsOf(config),
    config,
  };
}

export function limitsOf(config: Config<typeof allSettings>): ServerLimits {
  const get = config.get as (name: string) => number;
  return Object.fromEntries(limitNames.map((name) => [name, get.call(config, kebab(name))])) as unknown as ServerLimits;
}

function mailOf(config: Config<typeof allSettings>): Pick<Configuration, "mailTransport" | "mailFrom" | "mailPage"> {
  const [mailTransport, mailFrom, mailPage] = [config.get("mail-transport"), config.get("mail-from"), config.get("mail-page")];
  if (mailTransport !== undefined && mailFrom === undefined) throw invalidSetting("mail-from", "mail-transport needs mail-from");
  if (mailTransport === undefined && (mailFrom ?? mailPage) !== undefined)
    throw invalidSetting("mail-transport", "mail-from and mail-page need mail-transport");
  return { mailTransport, mailFrom, mailPage };
}

function localesOf(config: Config<typeof allSettings>): Configuration["locales"] {
  // What the app says comes last, and holds.
  const folders = [...packageFolders(config, "locales"), ...(config.get("locales-path") ?? [])];
  const languages = config.get("locales");
  if (folders.length === 0 && languages !== undefined) throw invalidSetting("locales", "locales needs locales-path");
  return folders.length === 0 ? undefined : { folders, ...(languages === undefined ? {} : { languages }) };
}

function modulesOf(given: string | undefined): readonly string[] | undefined {
  return given === "none" ? [] : given === undefined ? undefined : listOf(given);
}

function corsOf(config: Config<typeof allSettings>): CorsOptions | undefined {
  const origins = config.get("cors-origins");
  const credentials = config.get("cors-credentials");
  if (origins === undefined) {
    const other = (["cors-credentials", "cors-headers"] as const).find((name) => config.has(name));
    if (other !== undefined) throw invalidSetting(other, `${other} needs cors-origins`);
    return undefined;
  }
  if (origins === "*" && credentials) throw invalidSetting("cors-credentials", "cors-credentials needs origins by name, not *");
  return { origins: origins === "*" ? "*" : listOf(origins), credentials, headers: config.get("cors-headers") ?? [] };
}

function listOf(text: string): readonly string[] {
  return words().read(text)!;
}

function poolsOf(config: Config<typeof allSettings>): Configuration["db"] {
  const url = config.get("db");
  const main = config.get("db-pool");
  const urls = config.matching("db-*-pool") as ReadonlyMap<string, string>;
  const tables = config.matching("db-*-tables") as ReadonlyMap<string, readonly string[]>;
  const names = [...new Set([...urls.keys(), ...tables.keys()])];
  if (url !== undefined && (main !== undefined || names.length > 0))
    throw invalidSetting("db", "give either db or pools (db-pool, db-<name>-pool)");
  const first = main ?? names[0];
  if (first === undefined) return url;
  const pools: Record<string, PoolDefinition> = {};
  for (const name of new Set([first, ...names])) {
    const own = urls.get(name);
    if (own === undefined && name !== "sqlite")
      throw invalidSetting(`db-${name}-pool`, `db-${name}-pool is missing: the URL of the pool ${name}`);
    pools[name] = { ...(own === undefined ? {} : { url: own }), ...(tables.has(name) ? { tables: [...tables.get(name)!] } : {}) };
  }
  return { pools };
}

/** The table bk_config, where `config-db` says. */
export async function openRows(configuration: Configuration): Promise<{ readonly rows: ConfigRows; close(): Promise<void> }> {
  const place = configuration.config.get("config-db") ?? "main";
  const db = await openDb({ url: urlAt(place, configuration), tables: configTable });
  try {
    await db.sync();
  } catch (error) {
    await db.close();
    throw error;
  }
  return { rows: new ConfigRows(db as never, () => masterKeyOf(configuration)), close: () => db.close() };
}

function urlAt(place: string, configuration: Configuration): string {
  if (place.includes(":")) return place;
  const database = databaseOf(configuration);
  if (typeof database === "string") {
    if (place === "main") return database;
    throw invalidSetting("config-db", `config-db must be main or a URL: there are no pools`);
  }
  const name = place === "main" ? Object.keys(database.pools)[0]! : place;
  const pool = Object.hasOwn(database.pools, name) ? database.pools[name] : undefined;
  if (pool === undefined)
    throw invalidSetting("config-db", `config-db must be main, a URL, or one of ${Object.keys(database.pools).join(", ")}`);
  return typeof pool === "string" ? pool : pool.url!;
}
