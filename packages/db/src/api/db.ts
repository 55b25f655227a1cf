// The database: pools opened from URLs, tables bound to them, and the calls of the front door.

import { AsyncLocalStorage } from "node:async_hooks";

import { type Clock, type Log, parseConnectUrl, redactUrl, retry, silentLog, systemClock } from "@bk/core";

import { BoundTable } from "../compile/bound-table.js";
import { checkOtherOptions } from "../normalize/options.js";
import { Verbs, type VerbsHome } from "./verbs.js";
import { type CopyOptions, copyTable } from "../calls/copy.js";
import type { Capabilities, Driver } from "../driver.js";
import { driverFor, knownSchemes } from "../drivers/registry.js";
import { DbError, invalid } from "../errors.js";
import { explain } from "./explain.js";
import { type Hook, type HookEvent, TableHooks } from "../calls/hooks.js";
import type { PoolNumbers } from "../execute/metrics.js";
import { Pool, checkTimeout } from "../execute/pool.js";
import { compileTables } from "../schema/compile-table.js";
import type { TableDefinitions } from "../schema/definition.js";
import type { Table } from "../schema/table.js";
import { tokenCodec } from "../present/page-token.js";
import { type Scope, type TransactionOptions, runBatch, runInteractive } from "./transaction.js";
import type { WriteContext } from "../calls/write-context.js";

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

export interface OpenOptions<Tables extends TableDefinitions = TableDefinitions> {
  readonly tables: Tables;
  /** One database: its URL, or a driver object; or several by name. */
  readonly url?: string;
  readonly driver?: Driver;
  readonly pools?: { readonly [name: string]: string | PoolDefinition };
  /** Settings of the driver, with `url`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Seals page tokens; at least 16 characters. Default: tokens are only guarded against damage. */
  readonly tokenKey?: string;
  /** Most rows that the core sorts itself, default 10,000. */
  readonly sortLimit?: number;
  /** Default longest time of a call in milliseconds; default none. */
  readonly timeoutMs?: number;
  /** How often a call is tried that failed without doing anything; default 5. */
  readonly attempts?: number;
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
  "timeoutMs",
  "attempts",
  "clock",
  "log",
]);
const poolOptionNames: ReadonlySet<string> = new Set(["url", "driver", "tables", "options"]);

const defaultSortLimit = 10_000;
const leastTokenKey = 16;

/** An open database, untyped; `openDb` gives it the types of its tables. */
export class Database extends Verbs {
  readonly #home: Home;

  constructor(home: Home) {
    super(home, undefined, undefined);
    this.#home = home;
  }

  /** The same calls on one pool, for every declared table. */
  pool(name: string): Verbs {
    this.#home.poolNamed(name);
    return new Verbs(this.#home, name, undefined);
  }

  /** What a pool's driver can do, as plain data. */
  capabilities(pool?: string): Capabilities {
    return this.#home.poolNamed(pool).driver.capabilities;
  }

  /** Plan and native command of a call, without running it. */
  async explain(verb: string, table: string, ...args: unknown[]): Promise<{ plan: unknown; command: unknown }> {
    return explain(this.#home, verb, table, args);
  }

  /** Runs a command of the engine itself. */
  async native(pool: string, command: unknown, options: { signal?: AbortSignal } = {}): Promise<unknown> {
    checkOtherOptions("native", options);
    if (this.#home.closed) throw new DbError("closed", "native: the database is closed", { op: "native" });
    const target = this.#home.poolNamed(pool);
    if (target.driver.native === undefined)
      throw target.error(new DbError("unsupported", "this driver takes no native commands"), { verb: "native" });
    try {
      return await target.driver.native(command, options.signal);
    } catch (error) {
      throw target.error(error, { verb: "native" });
    }
  }

  /**
   * Runs `work` with calls that take effect all together or not at all. Verbs on the database inside it join it.
   *
   * On engines without interactive transactions (`transactions: "batch"`) `work` reads and writes rows by key only.
   *
   * @throws what `work` throws, after everything was undone; `limited` when others were faster in every attempt; `unsupported`
   */
  async transaction<T>(work: (tx: Verbs) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    checkOtherOptions("transaction", options);
    if (typeof work !== "function") throw invalid("transaction takes a function that makes the calls", { op: "transaction" });
    return this.#home.transaction(work, options);
  }

  /** Copies tables from one pool to another; gives the number of rows by table. */
  async copy(options: CopyOptions): Promise<Record<string, number>> {
    checkOtherOptions("copy", options);
    const home = this.#home;
    if (home.closed) throw new DbError("closed", "copy: the database is closed", { op: "copy" });
    const names = options.tables ?? [...home.tables.keys()];
    const from = options.resume === undefined ? 0 : names.indexOf(options.resume.table);
    if (from < 0) throw invalid("copy: resume names a table that is not copied");
    const copied: Record<string, number> = {};
    for (const name of names.slice(from)) {
      const source = home.bound(name, options.from);
      const target = home.bound(name, options.to);
      if (source.pool === target.pool) throw invalid("copy: from and to must be two pools");
      const context = home.context(undefined);
      try {
        copied[name] = await home.track(copyTable(source, target, context, context, options));
      } catch (error) {
        throw source.pool.error(error, { verb: "copy", table: source.table });
      }
    }
    return copied;
  }

  /** Registers a function that runs before or after the calls on a table. */
  hook(table: string, event: HookEvent, hook: Hook): void {
    this.#home.hooksOf(table).add(event, hook);
  }

  /** Counters by pool. */
  metrics(): Record<string, PoolNumbers> {
    return Object.fromEntries([...this.#home.pools].map(([name, pool]) => [name, pool.metrics.read()]));
  }

  /** Waits for what is running, then closes every pool. Later calls reject with `closed`. */
  async close(): Promise<void> {
    await this.#home.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What the calls share: tables, pools and settings. */
export class Home implements VerbsHome {
  readonly tables: ReadonlyMap<string, Table>;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly clock: Clock;
  readonly log: Log;
  readonly #homes: ReadonlyMap<string, Pool>;
  readonly #bound = new Map<Pool, Map<string, BoundTable>>();
  readonly #hooks = new Map<string, TableHooks>();
  readonly #context: WriteContext;
  readonly #running = new Set<Promise<unknown>>();
  #scopes: AsyncLocalStorage<Scope> | undefined;
  #closed = false;

  constructor(
    tables: ReadonlyMap<string, Table>,
    pools: ReadonlyMap<string, Pool>,
    homes: ReadonlyMap<string, Pool>,
    options: OpenOptions,
  ) {
    this.tables = tables;
    this.pools = pools;
    this.#homes = homes;
    this.clock = options.clock ?? systemClock;
    this.log = options.log ?? silentLog;
    const { clock } = this;
    this.#context = {
      tokens: tokenCodec(options.tokenKey),
      sortLimit: options.sortLimit ?? defaultSortLimit,
      now: () => clock.now(),
      clock,
      target: undefined,
    };
  }

  get closed(): boolean {
    return this.#closed;
  }

  poolNamed(name: string | undefined): Pool {
    const pool = name === undefined ? this.pools.values().next().value : this.pools.get(name);
    if (pool === undefined) throw invalid(`unknown pool ${JSON.stringify(name)}; there are ${[...this.pools.keys()].join(", ")}`);
    return pool;
  }

  bound(tableName: string, poolName: string | undefined): BoundTable {
    const home = this.#homes.get(tableName);
    if (home === undefined) throw unknownTable(this.tables, tableName);
    const pool = poolName === undefined ? home : this.poolNamed(poolName);
    let tables = this.#bound.get(pool);
    if (tables === undefined) this.#bound.set(pool, (tables = new Map()));
    let bound = tables.get(tableName);
    if (bound === undefined) tables.set(tableName, (bound = new BoundTable(pool, this.tables.get(tableName)!, this.hooksOf(tableName))));
    return bound;
  }

  hooksOf(tableName: string): TableHooks {
    if (!this.tables.has(tableName)) throw unknownTable(this.tables, tableName);
    let hooks = this.#hooks.get(tableName);
    if (hooks === undefined) this.#hooks.set(tableName, (hooks = new TableHooks(this.log)));
    return hooks;
  }

  context(scope: Scope | undefined): WriteContext {
    return scope?.target === undefined ? this.#context : { ...this.#context, target: scope.target };
  }

  /** The transaction that the running code is in. */
  scope(): Scope | undefined {
    return this.#scopes?.getStore();
  }

  async transaction<T>(work: (tx: Verbs) => Promise<T>, options: TransactionOptions): Promise<T> {
    const pool = this.poolNamed(options.pool);
    const { transactions } = pool.driver.capabilities;
    const outer = this.scope();
    if (outer !== undefined && !outer.over && outer.pool === pool) return work(new Verbs(this, pool.name, outer));
    if (this.#closed) throw new DbError("closed", "transaction: the database is closed", { op: "transaction" });
    if (transactions === "none")
      throw pool.error(
        new DbError("unsupported", "this driver has no transactions (capability transactions)", { detail: { capability: "transactions" } }),
        { verb: "transaction" },
      );
    // Made with the first transaction: following the asynchronous context costs every promise a little.
    this.#scopes ??= new AsyncLocalStorage();
    const scopes = this.#scopes;
    const run = transactions === "interactive" ? runInteractive : runBatch;
    const attempt = (): Promise<T> => run(pool, options, (scope) => scopes.run(scope, () => work(new Verbs(this, pool.name, scope))));
    return pool.track(
      retry(attempt, { clock: this.clock, attempts: options.attempts ?? 5, signal: options.signal, minDelayMs: 5, when: isConflict }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
  }

  track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const done = (): void => void this.#running.delete(work);
    work.then(done, done);
    return work;
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof DbError && error.code === "limited" && error.outcome === "none";
}

function unknownTable(tables: ReadonlyMap<string, Table>, name: unknown): DbError {
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 50)) : typeof name;
  return invalid(`unknown table ${shown}; the declared tables are ${[...tables.keys()].join(", ")}`);
}

/** Opens the pools of a database. Nothing is sent to a server before the first call. */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  checkOpenOptions(options);
  const tables = compileTables(options.tables);
  const definitions = poolDefinitions(options);
  const pools = new Map<string, Pool>();
  try {
    for (const [name, definition] of definitions) pools.set(name, await openPool(name, definition, options));
  } catch (error) {
    await Promise.allSettled([...pools.values()].map((pool) => pool.close()));
    throw error;
  }
  return new Database(new Home(tables, pools, homesOf(tables, definitions, pools), options));
}

function checkOpenOptions(options: OpenOptions): void {
  for (const name of Object.keys(options)) if (!openOptionNames.has(name)) throw unknownOption("openDb", name, openOptionNames);
  const given = [options.url, options.driver, options.pools].filter((way) => way !== undefined);
  if (given.length !== 1) throw invalid("openDb needs one of url, driver and pools");
  if (options.tokenKey !== undefined && (typeof options.tokenKey !== "string" || options.tokenKey.length < leastTokenKey))
    throw invalid(`tokenKey must be a text of at least ${leastTokenKey} characters`);
  checkTimeout(options.timeoutMs);
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
  const settings = { clock, log, timeoutMs: options.timeoutMs, attempts: options.attempts };
  if (definition.driver !== undefined) return new Pool(name, definition.driver, settings);
  const url = definition.url!;
  if (typeof url !== "string") throw invalid(`pool ${name}: url must be a text`);
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
