// What the calls of one database share: tables, pools and settings.

import type { AsyncLocalStorage } from "node:async_hooks";

import { type Clock, findNodeModule, type Log, type NodeModules, silentLog, systemClock } from "@bk/core";

import { BoundTable } from "../calls/bound-table.js";
import { type CacheSettings, CacheStore } from "../calls/cache-store.js";
import type { CachedRows, Touched } from "../calls/cached-rows.js";
import { CachedTable, isCacheable } from "../calls/cached-table.js";
import type { CallContext, RelatedTable } from "../calls/context.js";
import type { Home as CallsHome } from "../calls/enter.js";
import { Forgetter } from "../calls/forget.js";
import { TableHooks } from "../calls/hooks.js";
import type { TransactionOptions } from "../calls/options.js";
import { type Overlay, runNested, type OpenTransaction } from "../calls/open-transaction.js";
import { DbError, invalid } from "../errors.js";
import type { Call } from "../execute/call.js";
import { type Deadline, within } from "../execute/deadline.js";
import { InFlight } from "../execute/in-flight.js";
import type { Pool } from "../execute/pool.js";
import type { CallEvent } from "../execute/tracing.js";
import type { TableScope } from "../normalize/scope.js";
import { tokenCodec } from "../present/page-token.js";
import type { Table } from "../schema/table.js";
import { runTransaction, type TransactionParts } from "./transaction.js";

export interface HomeSettings {
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  readonly tokenKey?: string | undefined;
  readonly sortLimit?: number | undefined;
  readonly relatedLimit?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly cache?: CacheSettings | undefined;
  /** Gives the overlay of a batch transaction. */
  readonly openOverlay: (pool: Pool) => Promise<Overlay>;
}

const defaultSortLimit = 10_000;
const defaultRelatedLimit = 1000;

export class Home implements CallsHome {
  readonly tables: ReadonlyMap<string, Table>;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly clock: Clock;
  readonly log: Log;
  readonly logsCalls: boolean;
  readonly timeoutMs: number | undefined;
  readonly forgetter: Forgetter | undefined;
  readonly #cache: CacheStore | undefined;
  readonly #openOverlay: HomeSettings["openOverlay"];
  readonly #homes: ReadonlyMap<string, Pool>;
  readonly #bound = new Map<Pool, Map<string, BoundTable>>();
  readonly #hooks = new Map<string, TableHooks>();
  readonly #hooksOfAll: TableHooks;
  readonly #context: CallContext;
  readonly #contexts = new Map<string, CallContext>();
  readonly running = new InFlight();
  readonly #timers = new Set<ReturnType<typeof setInterval>>();
  #transactions: AsyncLocalStorage<OpenTransaction> | undefined;
  #closing: Promise<void> | undefined;

  /** @param homes  the pool of each table */
  constructor(
    tables: ReadonlyMap<string, Table>,
    pools: ReadonlyMap<string, Pool>,
    homes: ReadonlyMap<string, Pool>,
    settings: HomeSettings,
  ) {
    this.tables = tables;
    this.pools = pools;
    this.#homes = homes;
    this.clock = settings.clock ?? systemClock;
    this.log = settings.log ?? silentLog;
    this.logsCalls = this.log !== silentLog && this.log.debug !== silentLog.debug;
    this.timeoutMs = settings.timeoutMs;
    this.#openOverlay = settings.openOverlay;
    this.#hooksOfAll = new TableHooks(this.log);
    const { clock } = this;
    if (settings.cache !== undefined) {
      this.#cache = new CacheStore(settings.cache, clock, this.log);
      this.forgetter = new Forgetter(this.#cache, this.log);
      for (const pool of pools.values()) pool.metrics.cached = { hits: 0, misses: 0, bypassed: 0 };
    }
    this.#context = Object.freeze({
      tokens: tokenCodec(settings.tokenKey),
      sortLimit: settings.sortLimit ?? defaultSortLimit,
      relatedLimit: settings.relatedLimit ?? defaultRelatedLimit,
      now: () => clock.now(),
      clock,
      relate: (table: string, from: CallContext) => this.#relate(table, from),
      scopeValues: [],
      scope: undefined,
    });
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  poolNamed(name: string | undefined): Pool {
    const pool = name === undefined ? this.pools.values().next().value : this.pools.get(name);
    if (pool === undefined) throw invalid(`unknown pool ${JSON.stringify(name)}; there are ${[...this.pools.keys()].join(", ")}`);
    return pool;
  }

  findPool(tableName: string | undefined, poolName: string | undefined): Pool | undefined {
    if (poolName !== undefined) return this.pools.get(poolName);
    return tableName === undefined ? this.pools.values().next().value : this.#homes.get(tableName);
  }

  poolOf(tableName: string, poolName: string | undefined): Pool {
    const home = this.#homes.get(tableName);
    if (home === undefined) throw unknownTable(this.tables, tableName);
    return poolName === undefined ? home : this.poolNamed(poolName);
  }

  bound(tableName: string, pool: Pool): BoundTable {
    let tables = this.#bound.get(pool);
    if (tables === undefined) this.#bound.set(pool, (tables = new Map()));
    let bound = tables.get(tableName);
    if (bound === undefined) tables.set(tableName, (bound = this.#bind(tableName, pool)));
    return bound;
  }

  #bind(tableName: string, pool: Pool): BoundTable {
    const cached = (bound: BoundTable): CachedRows | undefined => {
      const store = this.#cache;
      if (store === undefined || !isCacheable(bound)) return undefined;
      return new CachedTable(bound, store, pool.metrics.cached!, this.#context.now);
    };
    return new BoundTable(pool, this.tables.get(tableName)!, this.hooksOf(tableName), undefined, undefined, false, cached);
  }

  /** Runs work that may write any row of tables, and forgets those that are cached. */
  forgettingTables<T>(tables: readonly BoundTable[], work: () => Promise<T>): Promise<T> {
    if (this.forgetter === undefined) return work();
    return this.forgetter.after(undefined, (touched) => {
      for (const { cached } of tables) if (cached !== undefined) touched.addAll(cached);
      return work();
    });
  }

  isCached(tableName: string): boolean {
    const cached = this.tables.get(tableName)?.settings.cached;
    return this.forgetter !== undefined && cached !== undefined && cached !== false;
  }

  /** The hooks of a table; of `"*"`, those of all tables. */
  hooksOf(tableName: string): TableHooks {
    if (tableName === "*") return this.#hooksOfAll;
    if (!this.tables.has(tableName)) throw unknownTable(this.tables, tableName);
    let hooks = this.#hooks.get(tableName);
    if (hooks === undefined) this.#hooks.set(tableName, (hooks = new TableHooks(this.log, this.#hooksOfAll)));
    return hooks;
  }

  context(call: Call | undefined, transaction: OpenTransaction | undefined, poolName?: string, scope?: TableScope): CallContext {
    const base = poolName === undefined ? this.#context : this.#contextOf(poolName);
    if (call === undefined && transaction === undefined && scope === undefined) return base;
    const own = scope === undefined ? base : { ...base, scope, scopeValues: scope.values };
    if (transaction === undefined) return { ...own, ...call };
    const { overlay, orderOf } = transaction;
    return { ...own, ...call, transaction, ...(overlay === undefined ? { orderOf } : {}) };
  }

  /** The context of the calls to a pool that the caller names. */
  #contextOf(poolName: string): CallContext {
    let context = this.#contexts.get(poolName);
    if (context === undefined) this.#contexts.set(poolName, (context = Object.freeze({ ...this.#context, poolName })));
    return context;
  }

  /** Another table, within the same scope. @throws DbError `denied` where the scope does not have it */
  #relate(table: string, from: CallContext): RelatedTable {
    const scope = from.scope?.siblings(table);
    const { bound, context, load } = this.#related(table, from);
    const own = from.scope === undefined ? context : { ...context, scope, scopeValues: scope!.values };
    return { bound: bound.within(scope?.shape, false), context: own, load };
  }

  #related(table: string, from: CallContext): RelatedTable {
    const pool = this.poolOf(table, from.poolName);
    const real = this.bound(table, pool);
    const { transaction, deadline, trace, poolName } = from;
    if (transaction === undefined) return { bound: real, context: from, load: undefined };
    // A transaction is one of its own pool: calls on others are outside of it.
    if (transaction.pool !== pool)
      return { bound: real, context: { ...this.context({ deadline, trace }, undefined, poolName), transaction }, load: undefined };
    const { overlay, target } = transaction;
    const context = from.target === target ? from : this.context({ deadline, trace, target }, transaction, poolName);
    if (overlay === undefined) return { bound: real, context, load: undefined };
    return { bound: overlay.bound(real), context, load: (key) => overlay.load(real, key, trace) };
  }

  /** The open transaction that the running code is in. What outlives it, a timer for one, is outside of it again. */
  currentTransaction(): OpenTransaction | undefined {
    const transaction = this.#transactions?.getStore();
    return transaction?.over === true ? undefined : transaction;
  }

  /**
   * Runs `work` in a transaction, or in a part of the one that it is called in.
   *
   * @param explicit  the transaction whose calls were used
   * @param trace  the call as tracers know it
   */
  async transaction<T>(
    work: (transaction: OpenTransaction) => Promise<T>,
    options: TransactionOptions,
    explicit: OpenTransaction | undefined,
    verb: "transaction" | "bulk",
    trace: CallEvent | undefined,
  ): Promise<T> {
    const outer = explicit ?? this.currentTransaction();
    const pool = options.pool === undefined ? (explicit?.pool ?? this.poolNamed(undefined)) : this.poolNamed(options.pool);
    try {
      if (outer !== undefined && outer.pool === pool) return await this.#nested(work, options, outer);
      if (this.closed) throw new DbError("closed", "the database is closed");
      const { signal, timeoutMs = this.timeoutMs } = options;
      const run = async (deadline: Deadline | undefined, touched: Touched | undefined): Promise<T> => {
        await pool.ready();
        if (this.#transactions === undefined) {
          // Made with the first transaction: following the asynchronous context costs every promise a little.
          const hooks = await asyncHooks();
          this.#transactions ??= new hooks.AsyncLocalStorage();
        }
        const cachedOf = (table: string): CachedRows | undefined => this.bound(table, pool).cached;
        return this.#begin(work, { pool, options, deadline, trace, touched, cachedOf, openOverlay: this.#openOverlay }, this.#transactions);
      };
      const limits = { signal, timeoutMs };
      const runWithin = (touched?: Touched): Promise<T> => within(limits, (deadline) => run(deadline, touched));
      return await this.running.track(
        this.forgetter === undefined ? runWithin() : this.forgetter.after(limits, runWithin, { isUnseen: true }),
      );
    } catch (error) {
      // What the function throws is the caller's own; errors of this package say where they came from.
      throw error instanceof DbError ? pool.error(error, { verb }) : error;
    }
  }

  #begin<T>(
    work: (transaction: OpenTransaction) => Promise<T>,
    parts: TransactionParts,
    transactions: AsyncLocalStorage<OpenTransaction>,
  ): Promise<T> {
    return runTransaction(parts, (transaction) => transactions.run(transaction, () => work(transaction)));
  }

  async #nested<T>(
    work: (transaction: OpenTransaction) => Promise<T>,
    { isolation, signal, timeoutMs }: TransactionOptions,
    outer: OpenTransaction,
  ): Promise<T> {
    if (outer.over) throw new DbError("closed", "the transaction is over");
    if (isolation === "serializable" && outer.isolation !== "serializable")
      throw invalid("a transaction inside another one has its isolation; ask for serializable where the outer one begins");
    return within({ signal, timeoutMs }, () => runNested(outer, () => work(outer)));
  }

  /** Runs background work again and again until the database is closed; it does not keep the process alive. */
  every(ms: number, work: () => Promise<unknown>): void {
    const timer = setInterval(() => void work().catch((error: unknown) => this.log.warn("background work failed", { error })), ms);
    timer.unref?.();
    this.#timers.add(timer);
  }

  /** Waits for the calls that were made before, then closes every pool. */
  close(): Promise<void> {
    if (this.currentTransaction() !== undefined)
      return Promise.reject(
        invalid("close() inside a transaction would wait for that transaction; call it when the transaction has ended", { op: "close" }),
      );
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    // The calls of this tick are on their way.
    await Promise.resolve();
    await this.running.whenIdle();
    await this.forgetter?.close();
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
  }
}

/** @throws DbError `unsupported` where the runtime cannot tell which calls belong to a transaction */
async function asyncHooks(): Promise<NodeModules["node:async_hooks"]> {
  const found = findNodeModule("node:async_hooks");
  if (found !== undefined) return found;
  try {
    // Workers have it as a module alone. In a variable, so that bundlers leave it.
    const name: string = "node:async_hooks";
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as NodeModules["node:async_hooks"];
  } catch (cause) {
    throw new DbError(
      "unsupported",
      "transactions need AsyncLocalStorage, which this runtime does not have; on Cloudflare Workers set the compatibility flag nodejs_als or nodejs_compat",
      { cause, detail: { capability: "transactions" } },
    );
  }
}

function unknownTable(tables: ReadonlyMap<string, Table>, name: unknown): DbError {
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 50)) : typeof name;
  return invalid(`unknown table ${shown}; the declared tables are ${[...tables.keys()].join(", ")}`);
}
