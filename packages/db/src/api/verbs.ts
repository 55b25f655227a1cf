// The calls of a database, of one of its pools and of a transaction: a few lines each.

import { aggregateRows } from "../calls/aggregate.js";
import type { BoundTable, Row } from "../calls/bound-table.js";
import { type BulkResult, runBulk } from "../calls/bulk.js";
import type { CallContext, WriteResult } from "../calls/context.js";
import { countRows } from "../calls/count.js";
import { deleteAll } from "../calls/delete-all.js";
import { deleteRow } from "../calls/delete.js";
import { type Caller, callOf, enter, enterScan, type Work } from "../calls/enter.js";
import { getRow, listRows } from "../calls/get.js";
import { type NearPage, nearPage } from "../calls/near.js";
import type { HookCall, HookVerb } from "../calls/hooks.js";
import { type ObservedCall, observing } from "../calls/observe.js";
import type {
  AggregateOptions,
  BulkItemOptions,
  BulkOptions,
  CallOptions,
  ChangeOptions,
  CountOptions,
  KeyedReadOptions,
  ManyOptions,
  NearOptions,
  ScanOptions,
  SearchOptions,
  SelectOptions,
  TransactionOptions,
  WriteOptions,
} from "../calls/options.js";
import type { Page } from "../calls/page.js";
import { putRow } from "../calls/put.js";
import { type ScanPage, scanPages, type Within } from "../calls/scan.js";
import type { OpenTransaction } from "../calls/open-transaction.js";
import { Scope, type ScopeOptions } from "../calls/scope.js";
import { searchPage, selectPage } from "../calls/select.js";
import { sweepTable } from "../calls/sweep.js";
import { type SyncOptions, type SyncResult, syncTables } from "../calls/sync.js";
import { updateAll } from "../calls/update-all.js";
import { changeRow } from "../calls/update.js";
import { DbError, invalid } from "../errors.js";
import { type Deadline, within } from "../execute/deadline.js";
import type { Pool } from "../execute/pool.js";
import type { CallEvent } from "../execute/tracing.js";
import { type BulkItem, checkBulkItems } from "../normalize/bulk-items.js";
import { checkOtherOptions } from "../normalize/options.js";
import { snapshot } from "../normalize/snapshot.js";
import { explain } from "./explain.js";
import type { Home } from "./home.js";

export class Verbs {
  readonly #home: Home;
  readonly #caller: Caller;

  /** The parameters are those of {@link Caller}. */
  constructor(
    home: Home,
    pool: string | undefined,
    transaction: OpenTransaction | undefined,
    scope: Scope | undefined,
    begun = false,
    parent?: CallEvent,
  ) {
    this.#home = home;
    this.#caller = { home, pool, transaction, scope, begun, parent };
  }

  /** The same calls, within. @throws DbError `invalid` for what is no scope of the tables, or goes beyond the one it is in */
  scope(definition: unknown, options?: ScopeOptions): ScopedCalls {
    const { pool, transaction, scope, parent } = this.#caller;
    return new ScopedCalls(this.#home, pool, transaction, new Scope(this.#home.tables, definition, options, scope), parent);
  }

  /** Whose calls these are, for entry points beside this one. */
  static callerOf(calls: Verbs): Caller {
    return calls.#caller;
  }

  get(table: string, key: unknown, options?: KeyedReadOptions): Promise<Row | undefined> {
    return this.#call("get", table, options, { key }, (bound, context, call, own) => getRow(bound, context, call.key, own));
  }

  list(table: string, keys: readonly unknown[], options?: KeyedReadOptions): Promise<Row[]> {
    return this.#call("list", table, options, { keys }, (bound, context, call, own) => listRows(bound, context, call.keys, own));
  }

  select(table: string, filter?: unknown, options?: SelectOptions): Promise<Page> {
    return this.#call("select", table, options, { filter }, (bound, context, call, own) => selectPage(bound, context, call.filter, own));
  }

  search(table: string, text: string, options?: SearchOptions): Promise<Page> {
    return this.#call("search", table, options, { filter: text }, (bound, context, call, own) =>
      searchPage(bound, context, call.filter, own),
    );
  }

  near(table: string, place: unknown, options?: NearOptions): Promise<NearPage> {
    return this.#call("near", table, options, { place }, (bound, context, call, own) => nearPage(bound, context, call.place, own));
  }

  count(table: string, filter?: unknown, options?: CountOptions): Promise<number> {
    return this.#call("count", table, options, { filter }, (bound, context, call, own) => countRows(bound, context, call.filter, own));
  }

  aggregate(table: string, filter?: unknown, options?: AggregateOptions): Promise<Page> {
    return this.#call("aggregate", table, options, { filter }, (bound, context, call, own) =>
      aggregateRows(bound, context, call.filter, own),
    );
  }

  /** Every matching row, fetched page by page; `.pages()` gives the pages. */
  scan(table: string, filter?: unknown, options?: ScanOptions): AsyncIterable<Row> & { pages(): AsyncIterable<ScanPage<Row>> } {
    const pages = (): AsyncGenerator<ScanPage<Row>> => this.#scanPages(table, filter, options);
    return {
      pages,
      async *[Symbol.asyncIterator]() {
        for await (const rows of pages()) yield* rows;
      },
    };
  }

  async *#scanPages(table: string, filter: unknown, options: ScanOptions | undefined): AsyncGenerator<ScanPage<Row>> {
    const caller = this.#caller;
    const home = this.#home;
    const { signal, timeoutMs = home.timeoutMs } = options ?? {};
    let entered: Awaited<ReturnType<typeof enterScan>> | undefined;
    const enterOnce = async (): Promise<NonNullable<typeof entered>> => {
      entered ??= await enterScan(caller, table, options);
      return entered;
    };
    // The time is that of each page: between pages it is the caller's. Each page is a call to those who observe them.
    const readWithin: Within = (read) =>
      observing(
        home,
        () => callOf(caller, "scan", table, options),
        async (trace) => {
          const { bound, context } = await enterOnce();
          try {
            return await home.running.track(within({ signal, timeoutMs }, (deadline) => read(bound, { ...context, deadline, trace })));
          } catch (error) {
            throw bound.pool.error(error, { verb: "scan", table: bound.table });
          }
        },
      );
    yield* scanPages(filter, options, readWithin);
  }

  add(table: string, row: unknown, options?: WriteOptions): Promise<WriteResult> {
    return this.#call("add", table, options, { row }, (bound, context, call, own) => putRow(bound, context, "add", call.row, own));
  }

  put(table: string, row: unknown, options?: WriteOptions): Promise<WriteResult> {
    return this.#call("put", table, options, { row }, (bound, context, call, own) => putRow(bound, context, "put", call.row, own));
  }

  update(table: string, row: unknown, options?: ChangeOptions): Promise<WriteResult> {
    return this.#call("update", table, options, { row }, (bound, context, call, own) => changeRow(bound, context, "update", call.row, own));
  }

  incr(table: string, row: unknown, options?: ChangeOptions): Promise<WriteResult> {
    return this.#call("incr", table, options, { row }, (bound, context, call, own) => changeRow(bound, context, "incr", call.row, own));
  }

  del(table: string, key: unknown, options?: ChangeOptions): Promise<WriteResult> {
    return this.#call("del", table, options, { key }, (bound, context, call, own) => deleteRow(bound, context, call.key, own));
  }

  updateAll(table: string, filter: unknown, changes: unknown, options?: ManyOptions): Promise<{ affected: number }> {
    return this.#call("updateAll", table, options, { filter, changes }, (bound, context, call, own) =>
      updateAll(bound, context, call.filter, call.changes, own),
    );
  }

  delAll(table: string, filter: unknown, options?: ManyOptions): Promise<{ affected: number }> {
    return this.#call("delAll", table, options, { filter }, (bound, context, call, own) => deleteAll(bound, context, call.filter, own));
  }

  /**
   * Carries out many writes, gathered into as few requests as the engine takes.
   *
   * @returns for each item, in order, `{ affected }` or `{ error }`: one that fails fails alone
   * @throws with `atomic` the first error, and nothing is done; `closed` and `cancelled` when nothing was begun
   */
  bulk(items: readonly BulkItem[], options: BulkOptions = {}): Promise<BulkResult[]> {
    return this.#observing("bulk", options, (trace) => this.#bulk(items, options, trace));
  }

  async #bulk(items: readonly BulkItem[], options: BulkOptions, trace: CallEvent | undefined): Promise<BulkResult[]> {
    checkOtherOptions("bulk", options);
    const home = this.#home;
    const { transaction, pool, scope, begun: isBegun } = this.#caller;
    const checked = checkBulkItems(items);
    const { atomic = false, ...rest } = options;
    if (home.closed && !isBegun && (transaction ?? home.currentTransaction())?.over !== false)
      throw new DbError("closed", "bulk: the database is closed", { op: "bulk" });
    if (rest.signal?.aborted)
      throw new DbError("cancelled", "bulk: cancelled before it began", { op: "bulk", outcome: "none", cause: rest.signal.reason });
    if (atomic) return this.#atomicBulk(snapshot(checked), rest, trace);
    const isPlain = Object.values(rest).every((value) => value === undefined) && home.timeoutMs === undefined;
    const begun = new Verbs(home, pool, transaction, scope, true, trace);
    const running = runBulk(checked, {
      trace,
      forgetter: home.forgetter,
      plain: (item) => (isPlain ? begun.#plain(item) : undefined),
      alone: (item) => begun.#bulkItem(item, rest),
    });
    return home.running.track(running);
  }

  async #atomicBulk(items: readonly BulkItem[], options: BulkItemOptions, trace: CallEvent | undefined): Promise<WriteResult[]> {
    const [first] = items;
    if (first === undefined) return [];
    const home = this.#home;
    const poolName = this.#caller.pool ?? options.pool;
    const pool = home.poolOf(first.table, poolName);
    const other = items.find((item) => home.poolOf(item.table, poolName) !== pool);
    if (other !== undefined)
      throw pool.error(invalid(`an atomic bulk stays in one pool; the table ${other.table} is in another one`), { verb: "bulk" });
    const work = async (tx: Verbs): Promise<WriteResult[]> => {
      const results: WriteResult[] = [];
      for (const item of items) results.push(await tx.#bulkItem(item, { checkRefs }));
      return results;
    };
    const { signal, timeoutMs, checkRefs } = options;
    const run = (own: OpenTransaction): Promise<WriteResult[]> => work(new Verbs(home, pool.name, own, this.#caller.scope, false, trace));
    return home.transaction(run, { pool: pool.name, signal, timeoutMs }, this.#caller.transaction, "bulk", trace);
  }

  /** Where a write goes that may be sent with others: hooks and transactions want each by itself. */
  #plain({ table }: BulkItem): { readonly bound: BoundTable; readonly context: CallContext } | undefined {
    const home = this.#home;
    const { transaction, scope, pool: poolName } = this.#caller;
    if (transaction !== undefined || scope !== undefined || home.currentTransaction() !== undefined) return undefined;
    if (home.tables.get(table)?.deletedAt !== undefined || !home.tables.has(table)) return undefined;
    const pool = home.poolOf(table, poolName);
    if (pool.ready() !== undefined) return undefined;
    const bound = home.bound(table, pool);
    return bound.hooks.none ? { bound, context: home.context(undefined, undefined) } : undefined;
  }

  #bulkItem(item: BulkItem, { checkRefs, ...options }: BulkItemOptions): Promise<WriteResult> {
    if (item.op === "del") return this.del(item.table, item.key, { ...options, ...item.options });
    return this[item.op](item.table, item.row, { ...options, checkRefs, ...item.options });
  }

  /**
   * Runs `work` with calls that take effect all together or not at all. Calls on the database inside it join it, and so do
   * transactions and atomic bulks, which are undone by themselves where they fail and the error is caught.
   *
   * On engines without interactive transactions (`transactions: "batch"`) `work` reads and writes rows by key only.
   *
   * @throws what `work` throws, after everything was undone; `limited` when others were faster in every attempt; `unsupported`
   */
  transaction<T>(work: (tx: Verbs) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.#observing("transaction", options, (trace) => this.#transaction(work, options, trace));
  }

  async #transaction<T>(work: (tx: Verbs) => Promise<T>, options: TransactionOptions, trace: CallEvent | undefined): Promise<T> {
    checkOtherOptions("transaction", options);
    if (typeof work !== "function") throw invalid("transaction takes a function that makes the calls", { op: "transaction" });
    const { pool, transaction, scope } = this.#caller;
    if (pool !== undefined && options.pool !== undefined && options.pool !== pool)
      throw invalid(`these calls go to the pool ${pool}; the option pool names another one`, { op: "transaction" });
    const run = (own: OpenTransaction): Promise<T> => work(new Verbs(this.#home, own.pool.name, own, scope, false, trace));
    return this.#home.transaction(run, pool === undefined ? options : { ...options, pool }, transaction, "transaction", trace);
  }

  /** Makes what is missing of the declared tables. Never drops, narrows or rewrites. */
  async sync(options: SyncOptions = {}): Promise<SyncResult> {
    const own = { ...options };
    // Filling rows takes the time that it takes: the default limit is for calls that are waited for.
    const limit = own.backfill === undefined || own.backfill === false ? this.#home.timeoutMs : undefined;
    return this.#onTables("sync", undefined, { ...own, timeoutMs: own.timeoutMs ?? limit }, (tables, context) =>
      this.#home.forgettingTables(own.backfill === undefined ? [] : tables, () => syncTables(tables, context, own)),
    );
  }

  /** Removes expired rows where the engine does not by itself; gives their number by table. */
  async sweep(options: CallOptions & { readonly tables?: readonly string[] } = {}): Promise<Record<string, number>> {
    return this.#onTables(
      "sweep",
      options.tables,
      { ...options, timeoutMs: options.timeoutMs ?? this.#home.timeoutMs },
      async (tables, context) => {
        const swept: Record<string, number> = {};
        for (const bound of tables) if (bound.table.ttl !== undefined) swept[bound.table.name] = await sweepTable(bound, context);
        return swept;
      },
    );
  }

  /** Runs work on tables of this pool, or of their own ones. */
  #onTables<T>(
    verb: "sync" | "sweep",
    names: readonly string[] | undefined,
    options: CallOptions,
    work: (tables: readonly BoundTable[], context: CallContext) => Promise<T>,
  ): Promise<T> {
    return this.#observing(verb, options, (trace) => this.#runOnTables(verb, names, options, work, trace));
  }

  async #runOnTables<T>(
    verb: "sync" | "sweep",
    names: readonly string[] | undefined,
    options: CallOptions,
    work: (tables: readonly BoundTable[], context: CallContext) => Promise<T>,
    trace: CallEvent | undefined,
  ): Promise<T> {
    checkOtherOptions(verb, options);
    const home = this.#home;
    if (this.#caller.scope !== undefined)
      throw new DbError("denied", `${verb} is for the whole database, not within a scope`, { op: verb });
    if (home.closed) throw new DbError("closed", `${verb}: the database is closed`, { op: verb });
    const poolName = this.#caller.pool ?? options.pool;
    const wanted = (names ?? [...home.tables.keys()]).map((name) => ({ name, pool: home.poolOf(name, poolName) }));
    const run = async (deadline: Deadline | undefined): Promise<T> => {
      const context = home.context({ deadline, trace }, undefined);
      await Promise.all([...new Set(wanted.map(({ pool }) => pool))].map(async (pool) => pool.ready()));
      return work(
        wanted.map(({ name, pool }) => home.bound(name, pool)),
        context,
      );
    };
    const { signal, timeoutMs } = options;
    try {
      return await home.running.track(within({ signal, timeoutMs }, run));
    } catch (error) {
      throw failedPool(error, wanted).error(error, { verb });
    }
  }

  /** Reports a call that is not on one table, where somebody wants to know. */
  #observing<T>(
    verb: string,
    options: { readonly pool?: string | undefined },
    work: (trace: CallEvent | undefined) => Promise<T>,
  ): Promise<T> {
    const home = this.#home;
    const call = (): ObservedCall => {
      const { pool, transaction, parent } = this.#caller;
      const name = pool ?? options?.pool ?? transaction?.pool.name;
      const isOfOne = name !== undefined || home.pools.size === 1 || verb === "transaction";
      return {
        pool: isOfOne ? home.findPool(undefined, name) : undefined,
        verb,
        table: undefined,
        parent: parent ?? (transaction ?? home.currentTransaction())?.trace,
      };
    };
    return observing(home, call, work);
  }

  #call<T, Own extends CallOptions>(
    verb: HookVerb,
    table: string,
    options: Own | undefined,
    parts: Partial<HookCall>,
    work: Work<T, Own>,
  ): Promise<T> {
    return enter(this.#caller, verb, table, options, parts, work);
  }
}

/** Calls within a scope. */
export class ScopedCalls extends Verbs {
  readonly #home: Home;
  readonly #transaction: OpenTransaction | undefined;
  readonly #scope: Scope;
  readonly #parent: CallEvent | undefined;

  constructor(home: Home, pool: string | undefined, transaction: OpenTransaction | undefined, scope: Scope, parent: CallEvent | undefined) {
    super(home, pool, transaction, scope, false, parent);
    this.#home = home;
    this.#parent = parent;
    this.#transaction = transaction;
    this.#scope = scope;
  }

  /** The same calls on one pool. */
  pool(name: string): Verbs {
    this.#home.poolNamed(name);
    return new Verbs(this.#home, name, this.#transaction, this.#scope, false, this.#parent);
  }

  /** Plan and native command of a call, without running it. */
  async explain(verb: string, table: string, ...args: unknown[]): Promise<{ plan: unknown; command: unknown }> {
    const home = this.#home;
    return explain(home, (pool, transaction) => new Verbs(home, pool, transaction, this.#scope), verb, table, args);
  }
}

/** The pool of the table that an error names, else the first. */
function failedPool(error: unknown, wanted: readonly { readonly name: string; readonly pool: Pool }[]): Pool {
  const own = error instanceof DbError ? wanted.find(({ name }) => name === error.table) : undefined;
  const found = own ?? wanted[0];
  if (found === undefined) throw error;
  return found.pool;
}
