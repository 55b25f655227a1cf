// The verbs: a few lines each. They find the table, run the hooks, and hand over to read.ts, write.ts and multi.ts.

import type { Clock } from "@bk/core";

import type { BoundTable, Row } from "../compile/bound-table.js";
import { type BulkResult, runBulk } from "../calls/bulk.js";
import type { CallOptions } from "../normalize/call-options.js";
import { CheckedRow } from "../normalize/checked-row.js";
import { checkOptions, checkOtherOptions } from "../normalize/options.js";
import { DbError, invalid } from "../errors.js";
import type { HookCall, HookVerb } from "../calls/hooks.js";
import { type BulkItem, type ManyOptions, checkBulk, deleteMany, updateMany } from "../calls/update-all.js";
import { checkKey, checkRow, keyOf } from "../normalize/row.js";
import type { Page, ReadOptions, SelectOptions } from "../plan/query.js";
import { type CountOptions, type ScanOptions, countRows, getRow, listRows, scanPages, searchPage, selectPage } from "../calls/read.js";
import { type SyncOptions, type SyncResult, syncTables } from "../calls/sync.js";
import type { Scope, TransactionOptions } from "./transaction.js";
import { changeRow } from "../calls/update.js";
import { deleteRow } from "../calls/delete.js";
import type { ChangeOptions, WriteContext, WriteOptions, WriteResult } from "../calls/write-context.js";
import { writeRow } from "../calls/put.js";

/** What the verbs take from the database that they belong to. */
export interface VerbsHome {
  readonly clock: Clock;
  readonly closed: boolean;
  readonly tables: ReadonlyMap<string, unknown>;
  bound(table: string, pool: string | undefined): BoundTable;
  context(scope: Scope | undefined): WriteContext;
  scope(): Scope | undefined;
  transaction<T>(work: (tx: Verbs) => Promise<T>, options: TransactionOptions): Promise<T>;
  /** Lets `close` wait for work that is several calls. */
  track<T>(work: Promise<T>): Promise<T>;
}

type Options = CallOptions | undefined;
type WriteVerb = "add" | "put" | "update" | "incr" | "del";

/** Where a call goes: its table, and the transaction that it is in. */
interface Entered {
  readonly bound: BoundTable;
  readonly context: WriteContext;
  readonly scope: Scope | undefined;
}

type Work<T> = (bound: BoundTable, context: WriteContext, call: Partial<HookCall>) => T | Promise<T>;

/** The calls on one database, or on one pool of it, or inside a transaction. */
export class Verbs {
  readonly #home: VerbsHome;
  readonly #pool: string | undefined;
  readonly #scope: Scope | undefined;
  readonly #begun: boolean;

  /** @param begun  the calls belong to one that was made before, which may end though the database is closed meanwhile */
  constructor(home: VerbsHome, pool: string | undefined, scope: Scope | undefined, begun = false) {
    this.#home = home;
    this.#pool = pool;
    this.#scope = scope;
    this.#begun = begun;
  }

  get(table: string, key: unknown, options?: ReadOptions): Promise<Row | undefined> {
    return this.#run("get", table, options, { key }, (bound, context, call) => getRow(bound, context, call.key, options), [key]);
  }

  list(table: string, keys: readonly unknown[], options?: ReadOptions): Promise<Row[]> {
    return this.#run("list", table, options, { keys }, (bound, context, call) => listRows(bound, context, call.keys, options), keys);
  }

  select(table: string, filter?: unknown, options?: SelectOptions): Promise<Page> {
    return this.#run("select", table, options, { filter }, (bound, context, call) => selectPage(bound, context, call.filter, options));
  }

  search(table: string, text: string, options?: SelectOptions & { filter?: unknown }): Promise<Page> {
    return this.#run("search", table, options, { filter: text }, (bound, context, call) =>
      searchPage(bound, context, call.filter, options),
    );
  }

  count(table: string, filter?: unknown, options?: CountOptions): Promise<number> {
    return this.#run("count", table, options, { filter }, (bound, context, call) => countRows(bound, context, call.filter, options));
  }

  /** Every matching row, fetched page by page; `.pages()` gives the pages. */
  scan(table: string, filter?: unknown, options?: ScanOptions): AsyncIterable<Row> & { pages(): AsyncIterable<Row[]> } {
    const pages = (): AsyncGenerator<Row[]> => this.#scanPages(table, filter, options);
    return {
      pages,
      async *[Symbol.asyncIterator]() {
        for await (const rows of pages()) yield* rows;
      },
    };
  }

  async *#scanPages(table: string, filter: unknown, options: ScanOptions | undefined): AsyncGenerator<Row[]> {
    const { bound, context } = this.#enter("scan", table, options);
    this.#refuseInOverlay("scan", bound);
    const limit = options?.limit ?? Infinity;
    if (limit !== Infinity && (!Number.isSafeInteger(limit) || limit < 0))
      throw bound.pool.error(invalid("limit must be a number of rows"), { verb: "scan", table: bound.table });
    let given = 0;
    try {
      for await (const rows of scanPages(bound, context, filter, options)) {
        const part = rows.slice(0, limit - given);
        given += part.length;
        if (part.length > 0) yield part;
        if (given >= limit) return;
      }
    } catch (error) {
      throw bound.pool.error(error, { verb: "scan", table: bound.table });
    }
  }

  add(table: string, row: unknown, options?: WriteOptions): Promise<WriteResult> {
    return this.#write("add", table, options, { row }, (bound, context, call) => writeRow(bound, context, "add", call.row, options));
  }

  put(table: string, row: unknown, options?: WriteOptions): Promise<WriteResult> {
    return this.#write("put", table, options, { row }, (bound, context, call) => writeRow(bound, context, "put", call.row, options));
  }

  update(table: string, row: unknown, options?: ChangeOptions): Promise<WriteResult> {
    return this.#write("update", table, options, { row }, (bound, context, call) => changeRow(bound, context, "update", call.row, options));
  }

  incr(table: string, row: unknown, options?: ChangeOptions): Promise<WriteResult> {
    return this.#write("incr", table, options, { row }, (bound, context, call) => changeRow(bound, context, "incr", call.row, options));
  }

  del(table: string, key: unknown, options?: ChangeOptions): Promise<WriteResult> {
    return this.#write("del", table, options, { key }, (bound, context, call) => deleteRow(bound, context, call.key, options));
  }

  updateAll(table: string, filter: unknown, changes: unknown, options?: ManyOptions): Promise<{ affected: number }> {
    return this.#run("updateAll", table, options, { filter, changes }, (bound, context, call) =>
      this.#home.track(updateMany(bound, context, call.filter, call.changes, options)),
    );
  }

  delAll(table: string, filter: unknown, options?: ManyOptions): Promise<{ affected: number }> {
    return this.#run("delAll", table, options, { filter }, (bound, context, call) =>
      this.#home.track(deleteMany(bound, context, call.filter, options)),
    );
  }

  /**
   * Carries out many writes, gathered into as few requests as the engine takes.
   *
   * @returns for each item, in order, `{ affected }` or `{ error }`: one that fails fails alone
   * @throws with `atomic` the first error, and nothing is done
   */
  async bulk(items: readonly BulkItem[], options: CallOptions & { readonly atomic?: boolean } = {}): Promise<BulkResult[]> {
    checkOtherOptions("bulk", options);
    const checked = checkBulk(items);
    const { atomic = false, ...rest } = options;
    if (atomic) return this.#atomicBulk(checked, rest);
    const isPlain = Object.values(rest).every((value) => value === undefined);
    const begun = new Verbs(this.#home, this.#pool, this.#scope, !this.#home.closed);
    const running = runBulk(checked, {
      plain: (item) => (isPlain ? begun.#plain(item) : undefined),
      alone: (item) => begun.#bulkItem(item, rest),
    });
    return this.#home.track(running);
  }

  async #atomicBulk(items: readonly BulkItem[], options: CallOptions): Promise<WriteResult[]> {
    const [first] = items;
    if (first === undefined) return [];
    const poolName = this.#pool ?? options.pool;
    const { pool } = this.#home.bound(first.table, poolName);
    const other = items.find((item) => this.#home.bound(item.table, poolName).pool !== pool);
    if (other !== undefined)
      throw pool.error(invalid(`an atomic bulk stays in one pool; the table ${other.table} is in another one`), { verb: "bulk" });
    const work = async (tx: Verbs): Promise<WriteResult[]> => {
      const results: WriteResult[] = [];
      for (const item of items) results.push(await tx.#bulkItem(item, {}));
      return results;
    };
    if (this.#scope !== undefined) return work(this);
    try {
      return await pool.within(options, undefined, (signal) => this.#home.transaction(work, { pool: pool.name, signal }));
    } catch (error) {
      throw pool.error(error, { verb: "bulk" });
    }
  }

  /** Where a write goes that may be sent with others: hooks and transactions want each by itself. */
  #plain({ table }: BulkItem): Entered | undefined {
    const home = this.#home;
    if ((home.closed && !this.#begun) || this.#scope !== undefined || home.scope() !== undefined || !home.tables.has(table))
      return undefined;
    const bound = home.bound(table, this.#pool);
    return bound.hooks.none ? { bound, context: home.context(undefined), scope: undefined } : undefined;
  }

  #bulkItem(item: BulkItem, options: CallOptions): Promise<WriteResult> {
    const merged = { ...options, ...item.options };
    return item.op === "del" ? this.del(item.table, item.key, merged) : this[item.op](item.table, item.row, merged);
  }

  /** Makes what is missing of the declared tables. Never drops, narrows or rewrites. */
  async sync(options: SyncOptions = {}): Promise<SyncResult> {
    checkOtherOptions("sync", options);
    if (this.#home.closed) throw new DbError("closed", "sync: the database is closed", { op: "sync" });
    const tables = [...this.#home.tables.keys()].map((name) => this.#home.bound(name, this.#pool ?? options.pool));
    const place = { verb: "sync" };
    const [first] = tables;
    try {
      return await syncTables(tables, options);
    } catch (error) {
      throw first === undefined ? error : first.pool.error(error, place);
    }
  }

  #enter(verb: HookVerb | "scan", table: string, options: Options): Entered {
    const home = this.#home;
    const found = this.#scope ?? home.scope();
    // What was begun before the database was closed may end.
    if (home.closed && !this.#begun && found?.over !== false)
      throw new DbError("closed", `${verb} ${table}: the database is closed`, { op: verb, table });
    const bound = home.bound(table, this.#pool ?? options?.pool);
    if (options !== undefined) checkOptions(bound.pool, bound, verb, options);
    if (options?.pool !== undefined && options.pool !== bound.pool.name)
      throw bound.pool.error(invalid(`these calls go to the pool ${bound.pool.name}; the option pool names another one`), {
        verb,
        table: bound.table,
      });
    const scope = found !== undefined && found.pool === bound.pool ? found : undefined;
    if (scope?.over) throw bound.pool.error(new DbError("closed", "the transaction is over"), { verb, table: bound.table });
    if (scope?.overlay === undefined) return { bound, context: home.context(scope), scope };
    return { bound: scope.overlay.bound(bound), context: home.context(undefined), scope };
  }

  /** Runs the work of a call, with the hooks of its table around it. */
  async #run<T>(
    verb: HookVerb,
    table: string,
    options: Options,
    parts: Partial<HookCall>,
    work: Work<T>,
    keys?: readonly unknown[],
  ): Promise<T> {
    const { bound, context, scope } = this.#enter(verb, table, options);
    try {
      if (bound.hooks.none && scope?.overlay === undefined) {
        const result = work(bound, context, parts);
        // To wait for what is there already costs a turn of the loop.
        return result instanceof Promise ? await result : result;
      }
      if (scope?.overlay !== undefined) {
        if (keys === undefined) this.#refuseInOverlay(verb, bound);
        const real = this.#home.bound(table, this.#pool ?? options?.pool);
        for (const key of keys ?? []) await scope.overlay.load(real, checkKey(real.rules, key));
      }
      if (bound.hooks.none) return await work(bound, context, parts);
      const call: HookCall = { verb, table, ...parts, options: { ...options } };
      return await bound.hooks.around(call, () => work(bound, context, call));
    } catch (error) {
      throw bound.pool.error(error, { verb, table: bound.table });
    }
  }

  async #write(verb: WriteVerb, table: string, options: Options, parts: Partial<HookCall>, work: Work<WriteResult>): Promise<WriteResult> {
    const { bound, context, scope } = this.#enter(verb, table, options);
    try {
      if (bound.hooks.none && scope?.overlay === undefined) {
        const result = work(bound, context, parts);
        return result instanceof Promise ? await result : result;
      }
      const run = async (call: Partial<HookCall>): Promise<WriteResult> => {
        const ready = scope?.overlay === undefined ? call : await this.#loaded(verb, scope, table, options, call);
        return work(bound, context, ready);
      };
      const { hooks } = scope?.overlay === undefined ? bound : this.#home.bound(table, this.#pool ?? options?.pool);
      if (hooks.none) return await run(parts);
      const call: HookCall = { verb, table, ...parts, options: { ...options } };
      return await hooks.around(call, () => run(call));
    } catch (error) {
      throw bound.pool.error(error, { verb, table: bound.table });
    }
  }

  /** In a batch transaction: reads the row of a write first; rows of inserts are completed so that their key is known. */
  async #loaded(verb: WriteVerb, scope: Scope, table: string, options: Options, call: Partial<HookCall>): Promise<Partial<HookCall>> {
    const real = this.#home.bound(table, this.#pool ?? options?.pool);
    const { rules } = real;
    const overlay = scope.overlay!;
    if (verb === "del") await overlay.load(real, checkKey(rules, call.key));
    else if (verb !== "add" && verb !== "put") await overlay.load(real, keyOf(rules, call.row as Row));
    else {
      const keepNow = (options as WriteOptions | undefined)?.keepNow === true;
      const logical = checkRow(rules, call.row, this.#home.clock, keepNow);
      const key = real.table.key.map((column) => logical[column.index]);
      await overlay.load(real, key);
      return { ...call, row: new CheckedRow(logical) };
    }
    return call;
  }

  #refuseInOverlay(verb: string, bound: BoundTable): void {
    const scope = this.#scope ?? this.#home.scope();
    if (scope?.overlay === undefined || scope.over || bound.pool.name !== scope.pool.name) return;
    throw scope.pool.error(
      new DbError(
        "unsupported",
        `${verb} inside a transaction needs interactive transactions (capability transactions); read rows by key, or ${verb} before it begins`,
        { detail: { capability: "transactions" } },
      ),
      { verb, table: bound.table },
    );
  }
}
