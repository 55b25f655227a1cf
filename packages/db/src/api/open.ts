// Opening a database: its tables compiled, its pools opened by their URLs.

import { type Clock, type Log, parseConnectUrl, redactUrl, silentLog, systemClock } from "@bk/core";

import { type CacheSettings, checkCacheSettings } from "../calls/cache-store.js";
import type { Overlay } from "../calls/open-transaction.js";
import type { Driver } from "../driver.js";
import { driverFor, driverNames, knownSchemes } from "../drivers/registry.js";
import { type DbError, invalid } from "../errors.js";
import { Pool } from "../execute/pool.js";
import { isTimeout } from "../normalize/options.js";
import { compileTables } from "../schema/compile-table.js";
import type { CheckedTables } from "../schema/define-tables.js";
import type { TableDefinitions } from "../schema/definition.js";
import type { Table } from "../schema/table.js";
import type { Db } from "./calls.js";
import { Database } from "./db.js";
import { checkBags } from "./driver-bags.js";
import { Home } from "./home.js";
import { openOverlay } from "./overlay.js";

/** One database of several. */
export interface PoolDefinition {
  readonly url?: string;
  /** A driver object instead of a URL. */
  readonly driver?: Driver;
  /** The tables whose home this pool is; the first pool that lists a table is its home, others are the first pool's. */
  readonly tables?: readonly string[];
  /** Settings of the driver beside the URL, as its README names them. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Several databases by name: a URL, or a URL or driver with settings. */
export type PoolDefinitions = { readonly [name: string]: string | PoolDefinition };

export interface OpenOptions<Tables extends TableDefinitions = TableDefinitions, Pools extends PoolDefinitions = PoolDefinitions> {
  readonly tables: Tables;
  /** One database: its URL, or a driver object; or several by name. */
  readonly url?: string;
  readonly driver?: Driver;
  readonly pools?: Pools;
  /** Settings of the driver, with `url`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Seals page tokens; at least 16 characters. Default: tokens are only guarded against damage. */
  readonly tokenKey?: string;
  /** Most rows that the core sorts itself, default 10,000. */
  readonly sortLimit?: number;
  /** Most rows of another table that match a `$ref` where a database finds their keys first, default 1,000. */
  readonly relatedLimit?: number;
  /** Default longest time of a call in milliseconds; default none. */
  readonly timeoutMs?: number;
  /** How often a call is tried that failed without doing anything; default 5. */
  readonly attempts?: number;
  /** How often expired rows are removed where the engine does not by itself, in milliseconds; default: only by `sweep()`. */
  readonly sweepEveryMs?: number;
  /** Where rows of tables with the setting `cached` are kept. Default: nowhere; the setting does nothing then. */
  readonly cache?: CacheSettings;
  readonly clock?: Clock;
  readonly log?: Log;
}

const openOptionNames: ReadonlySet<string> = new Set([
  "tables",
  "url",
  "driver",
  "pools",
  "options",
  "tokenKey",
  "sortLimit",
  "relatedLimit",
  "timeoutMs",
  "attempts",
  "sweepEveryMs",
  "cache",
  "clock",
  "log",
]);
const poolOptionNames: ReadonlySet<string> = new Set(["url", "driver", "tables", "options"]);

const leastTokenKey = 16;

/** The one pool of a database that was opened with `url` or `driver`. */
type OnlyMain = { readonly main: PoolDefinition };

/**
 * Opens a database, or several as pools. Nothing is sent to a server before the first call; embedded databases open their file.
 *
 * @throws DbError `invalid` for tables, options or URLs that break the rules; `driver-missing` when a client package is not installed
 */
export async function openDb<const Tables extends TableDefinitions, const Pools extends PoolDefinitions = OnlyMain>(
  options: OpenOptions<Tables, Pools> & { readonly tables: CheckedTables<Tables> },
): Promise<Db<Tables, keyof Pools & string>> {
  checkOpenOptions(options);
  const tables = compileTables(options.tables);
  const definitions = poolDefinitions(options);
  const pools = new Map<string, Pool>();
  try {
    for (const [name, definition] of definitions) pools.set(name, await openPool(name, definition, options));
    const drivers = [...pools.values()].map(({ driver }) => driver);
    checkBags(tables.values(), drivers, [...driverNames, ...knownSchemes]);
  } catch (error) {
    await Promise.allSettled([...pools.values()].map((pool) => pool.close()));
    throw error;
  }
  const home = new Home(tables, pools, homesOf(tables, definitions, pools), { ...options, openOverlay: overlayInMemory });
  const db = new Database(home);
  if (options.sweepEveryMs !== undefined) home.every(options.sweepEveryMs, () => db.sweep());
  return db as unknown as Db<Tables, keyof Pools & string>;
}

async function overlayInMemory(pool: Pool): Promise<Overlay> {
  const { clock, log } = pool.options;
  const open = await driverFor("memory");
  return openOverlay(pool, (await open!({ url: "memory:", options: {}, clock, log })) as Driver);
}

function checkOpenOptions(options: OpenOptions): void {
  for (const name of Object.keys(options)) if (!openOptionNames.has(name)) throw unknownOption("openDb", name, openOptionNames);
  const given = [options.url, options.driver, options.pools].filter((way) => way !== undefined);
  if (given.length !== 1) throw invalid("openDb needs one of url, driver and pools");
  if (options.tokenKey !== undefined && (typeof options.tokenKey !== "string" || options.tokenKey.length < leastTokenKey))
    throw invalid(`tokenKey must be a string of at least ${leastTokenKey} characters`);
  for (const name of ["timeoutMs", "sweepEveryMs"] as const)
    if (options[name] !== undefined && !isTimeout(options[name]))
      throw invalid(`${name} must be a number of milliseconds above 0 and below 2^31`);
  if (options.cache !== undefined) checkCacheSettings(options.cache);
  const { sortLimit } = options;
  if (sortLimit !== undefined && (!Number.isSafeInteger(sortLimit) || sortLimit < 0)) throw invalid("sortLimit must be an integer from 0");
}

function unknownOption(place: string, name: string, known: ReadonlySet<string>): DbError {
  return invalid(`${place}: unknown option ${JSON.stringify(name.slice(0, 50))}; there are ${[...known].join(", ")}`);
}

function poolDefinitions(options: OpenOptions): Map<string, PoolDefinition> {
  if (options.pools === undefined) {
    const { url, driver, options: settings } = options;
    return new Map([
      [
        "main",
        {
          ...(url === undefined ? {} : { url }),
          ...(driver === undefined ? {} : { driver }),
          ...(settings === undefined ? {} : { options: settings }),
        },
      ],
    ]);
  }
  const entries = Object.entries(options.pools).map(([name, pool]): [string, PoolDefinition] => [
    name,
    typeof pool === "string" ? { url: pool } : pool,
  ]);
  if (entries.length === 0) throw invalid("pools must name at least one pool");
  for (const [name, pool] of entries) {
    for (const option of Object.keys(pool)) if (!poolOptionNames.has(option)) throw unknownOption(`pool ${name}`, option, poolOptionNames);
    if ((pool.url === undefined) === (pool.driver === undefined)) throw invalid(`pool ${name} needs either url or driver`);
  }
  return new Map(entries);
}

async function openPool(name: string, definition: PoolDefinition, options: OpenOptions): Promise<Pool> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  const settings = { clock, log, attempts: options.attempts };
  if (definition.driver !== undefined) return new Pool(name, definition.driver, settings);
  const url = definition.url!;
  if (typeof url !== "string") throw invalid(`pool ${name}: url must be a string`);
  const { scheme } = parseUrl(name, url);
  const open = await driverFor(scheme);
  if (open === undefined) throw invalid(`pool ${name}: no driver for ${JSON.stringify(scheme)}; there are ${knownSchemes.join(", ")}`);
  return new Pool(name, await open({ url, options: definition.options ?? {}, clock, log }), settings);
}

function parseUrl(name: string, url: string): { scheme: string } {
  try {
    return parseConnectUrl(url);
  } catch (cause) {
    throw invalid(
      `pool ${name}: ${JSON.stringify(redactUrl(url))} is not a database URL, such as sqlite:app.db or postgres://user@host/name`,
      { cause },
    );
  }
}

function homesOf(
  tables: ReadonlyMap<string, Table>,
  definitions: ReadonlyMap<string, PoolDefinition>,
  pools: ReadonlyMap<string, Pool>,
): Map<string, Pool> {
  const [first] = pools.values();
  const homes = new Map([...tables.keys()].map((name) => [name, first!]));
  const listed = new Set<string>();
  for (const [name, { tables: own = [] }] of definitions) {
    for (const table of own) {
      if (!tables.has(table)) throw invalid(`pool ${name} lists the table ${JSON.stringify(table)}, which is not declared`);
      if (!listed.has(table)) homes.set(table, pools.get(name)!);
      listed.add(table);
    }
  }
  return homes;
}
