// The one way into a call: its table and pool, its options, the transaction that it is in, its time, its hooks.

import type { Clock, Log } from "@bk/core";

import { DbError, invalid } from "../errors.js";
import type { Call } from "../execute/call.js";
import { type Deadline, type Limits, within } from "../execute/deadline.js";
import type { InFlight } from "../execute/in-flight.js";
import type { Pool } from "../execute/pool.js";
import type { CallEvent } from "../execute/tracing.js";
import { CheckedRow } from "../normalize/checked-row.js";
import { checkOptions } from "../normalize/options.js";
import { checkKey, checkRow, keyOf } from "../normalize/row.js";
import type { TableScope } from "../normalize/scope.js";
import { snapshot } from "../normalize/snapshot.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { Touched } from "./cached-rows.js";
import { confine } from "./confine.js";
import type { CallContext } from "./context.js";
import type { Forgetter } from "./forget.js";
import type { HookCall, HookVerb } from "./hooks.js";
import { isObserved, observe, type ObservedCall } from "./observe.js";
import type { CallOptions, RowOptions, ScanOptions, WriteOptions } from "./options.js";
import type { OpenTransaction } from "./open-transaction.js";
import type { Scope } from "./scope.js";

/** What calls take from the database that they belong to. */
export interface Home {
  readonly clock: Clock;
  readonly log: Log;
  readonly closed: boolean;
  /** Default of `timeoutMs`. */
  readonly timeoutMs: number | undefined;
  /** Calls are reported to `log.debug`, with their time. */
  readonly logsCalls: boolean;
  readonly tables: ReadonlyMap<string, unknown>;
  poolOf(table: string, pool: string | undefined): Pool;
  /** The same, undefined where a name is unknown. */
  findPool(table: string | undefined, pool: string | undefined): Pool | undefined;
  bound(table: string, pool: Pool): BoundTable;
  context(call: Call | undefined, transaction: OpenTransaction | undefined, poolName?: string, scope?: TableScope): CallContext;
  /** The open transaction that the running code is in. */
  currentTransaction(): OpenTransaction | undefined;
  /** Calls that `close` waits for. */
  readonly running: InFlight;
  /** Undefined where the database has no cache. */
  readonly forgetter: Forgetter | undefined;
  /** Whether rows of a table are cached. */
  isCached(table: string): boolean;
}

/** Whose calls they are: the database's, a pool's, or a transaction's. */
export interface Caller {
  readonly home: Home;
  readonly pool: string | undefined;
  readonly transaction: OpenTransaction | undefined;
  /** What the calls may see and do; undefined: everything. */
  readonly scope: Scope | undefined;
  /** The calls are parts of one that began before `close()` and may still finish. */
  readonly begun: boolean;
  /** The transaction or bulk that they are parts of, as tracers know it. */
  readonly parent?: CallEvent | undefined;
}

/** A call before its work begins. */
interface Entry<Own extends CallOptions = CallOptions> {
  readonly verb: HookVerb | "scan";
  readonly table: string;
  /** The caller's, copied. */
  readonly options: Own | undefined;
  readonly pool: Pool;
  /** The name of the pool, where the caller named it. */
  readonly poolName: string | undefined;
  readonly transaction: OpenTransaction | undefined;
  readonly scope: TableScope | undefined;
  readonly trace: CallEvent | undefined;
  /** The open transaction around the call, on this pool or on another one. */
  readonly around: OpenTransaction | undefined;
  /** Of a write on a cached table. */
  readonly touched?: Touched | undefined;
}

export type Work<T, Own extends CallOptions> = (
  bound: BoundTable,
  context: CallContext,
  call: Partial<HookCall>,
  options: Own | undefined,
) => T | Promise<T>;

/**
 * Runs the work of a call, within its time and with the hooks of its table around it.
 *
 * Where nothing has to be waited for, it costs one promise.
 */
export function enter<T, Own extends CallOptions>(
  caller: Caller,
  verb: HookVerb,
  table: string,
  options: Own | undefined,
  parts: Partial<HookCall>,
  work: Work<T, Own>,
): Promise<T> {
  // What is explained is not run.
  if (!isObserved(caller.home) || caller.transaction?.target?.explains === true)
    return enterUnseen(caller, verb, table, options, undefined, parts, work);
  return observe(caller.home, callOf(caller, verb, table, options), (trace) =>
    enterUnseen(caller, verb, table, options, trace, parts, work),
  );
}

/** A call on a table, for those who observe it. */
export function callOf(
  { home, pool, transaction, parent }: Caller,
  verb: string,
  table: string,
  options: CallOptions | undefined,
): ObservedCall {
  return {
    pool: home.findPool(table, pool ?? options?.pool),
    verb,
    table,
    parent: parent ?? (transaction ?? home.currentTransaction())?.trace,
  };
}

function enterUnseen<T, Own extends CallOptions>(
  caller: Caller,
  verb: HookVerb,
  table: string,
  options: Own | undefined,
  trace: CallEvent | undefined,
  parts: Partial<HookCall>,
  work: Work<T, Own>,
): Promise<T> {
  let pool: Pool | undefined;
  try {
    const entry = entryOf(caller, verb, table, options === undefined ? undefined : { ...options }, trace);
    pool = entry.pool;
    const isForgetful = caller.home.forgetter !== undefined && writes.has(verb) && caller.home.isCached(table);
    const result = isForgetful ? runForgetting(caller, entry, parts, work) : run(caller, entry, parts, work);
    // To wait for what is there already costs a turn of the loop.
    return result instanceof Promise ? counted(caller.home.running, entry, result) : Promise.resolve(result);
  } catch (error) {
    return Promise.reject(pool === undefined ? error : pool.error(error, { verb, table: { name: table } }));
  }
}

const writes: ReadonlySet<string> = new Set(["add", "put", "update", "incr", "del", "updateAll", "delAll"]);

/** Runs a write of rows that are cached: they are forgotten before it ends, or before its transaction does. */
function runForgetting<T, Own extends CallOptions>(
  caller: Caller,
  entry: Entry<Own>,
  parts: Partial<HookCall>,
  work: Work<T, Own>,
): T | Promise<T> {
  const { transaction } = entry;
  if (transaction !== undefined) return run(caller, { ...entry, touched: transaction.touched }, parts, work);
  return caller.home.forgetter!.after(limitsOf(caller.home, entry), (touched) => run(caller, { ...entry, touched }, parts, work));
}

/** The end of the database and of the transaction wait for the call. A function with `await` would keep twice as much meanwhile. */
function counted<T>(running: InFlight, { pool, verb, table, transaction }: Entry, result: Promise<T>): Promise<T> {
  running.begin();
  transaction?.running.begin();
  return result.then(
    (value) => {
      running.end();
      transaction?.running.end();
      return value;
    },
    (error: unknown) => {
      running.end();
      transaction?.running.end();
      throw pool.error(error, { verb, table: { name: table } });
    },
  );
}

/** Where the calls of a scan go: each page is a command of its own. */
export async function enterScan(
  caller: Caller,
  table: string,
  options: ScanOptions | undefined,
): Promise<{ bound: BoundTable; context: CallContext }> {
  const entry = entryOf(caller, "scan", table, options, undefined);
  const { pool, transaction } = entry;
  await pool.readyFor({ verb: "scan", table: { name: table } });
  if (transaction?.overlay !== undefined) throw pool.error(notInOverlay("scan"), { verb: "scan", table: { name: table } });
  const { limit } = options ?? {};
  if (limit !== undefined && limit !== Infinity && (!Number.isSafeInteger(limit) || limit < 0))
    throw pool.error(invalid("limit must be a number of rows"), { verb: "scan", table: { name: table } });
  return bind(caller.home, entry, undefined);
}

function entryOf<Own extends CallOptions>(
  { home, pool: own, transaction: ownTransaction, scope, begun }: Caller,
  verb: HookVerb | "scan",
  table: string,
  options: Own | undefined,
  trace: CallEvent | undefined,
): Entry<Own> {
  const found = ownTransaction ?? home.currentTransaction();
  // What was begun before the database was closed may end.
  if (home.closed && !begun && found?.over !== false)
    throw new DbError("closed", `${verb} ${table}: the database is closed`, { op: verb, table });
  const poolName = own ?? options?.pool;
  const pool = home.poolOf(table, poolName);
  const refuse = (error: DbError): DbError => pool.error(error, { verb, table: { name: table } });
  if (options !== undefined) {
    const problem = checkOptions(verb, options);
    if (problem !== undefined) throw refuse(invalid(problem));
    if (options.pool !== undefined && options.pool !== pool.name)
      throw refuse(invalid(`these calls go to the pool ${pool.name}; the option pool names another one`));
  }
  const transaction = found !== undefined && found.pool === pool ? found : undefined;
  if (transaction?.over) throw refuse(new DbError("closed", "the transaction is over"));
  const inside = scope === undefined ? undefined : scopeOn(scope, table, refuse);
  return { verb, table, options, pool, poolName, transaction, scope: inside, trace, around: found };
}

function scopeOn(scope: Scope, table: string, refuse: (error: DbError) => DbError): TableScope {
  try {
    return scope.of(table);
  } catch (error) {
    throw error instanceof DbError ? refuse(error) : error;
  }
}

function run<T, Own extends CallOptions>(caller: Caller, entry: Entry<Own>, parts: Partial<HookCall>, work: Work<T, Own>): T | Promise<T> {
  const { pool } = entry;
  const limits = limitsOf(caller.home, entry);
  const isReady = pool.ready();
  if (isReady === undefined && limits === undefined) return perform(caller.home, entry, undefined, parts, work);
  // A call takes its values when it is made.
  const own = isReady === undefined ? entry : { ...entry, options: snapshot(entry.options) };
  const given = isReady === undefined ? parts : snapshot(parts);
  const begin = async (deadline: Deadline | undefined): Promise<T> => {
    if (isReady !== undefined) await isReady;
    return perform(caller.home, own, deadline, given, work);
  };
  return within(limits, begin);
}

/** The limits of a call; those of its transaction bound it too. */
function limitsOf({ timeoutMs: defaultMs }: Home, { options, transaction }: Entry): Limits | undefined {
  const timeoutMs = options?.timeoutMs ?? defaultMs;
  const outer = transaction?.signal;
  const signal = outer === undefined ? options?.signal : options?.signal === undefined ? outer : AbortSignal.any([outer, options.signal]);
  return timeoutMs === undefined && signal === undefined ? undefined : { timeoutMs, signal };
}

function perform<T, Own extends CallOptions>(
  home: Home,
  entry: Entry<Own>,
  deadline: Deadline | undefined,
  parts: Partial<HookCall>,
  work: Work<T, Own>,
): T | Promise<T> {
  const { bound, context } = bind(home, entry, deadline);
  const overlay = entry.transaction?.overlay;
  const explains = entry.transaction?.target?.explains === true;
  if ((bound.hooks.none || explains) && overlay === undefined)
    return entry.scope === undefined
      ? work(bound, context, parts, entry.options)
      : performWithin(entry.scope, entry, parts, bound, context, work);
  return performSlowly(home, entry, parts, bound, context, work);
}

function performWithin<T, Own extends CallOptions>(
  scope: TableScope,
  { verb, options }: Entry<Own>,
  parts: Partial<HookCall>,
  bound: BoundTable,
  context: CallContext,
  work: Work<T, Own>,
): T | Promise<T> {
  const confined = confine(bound, scope, verb as HookVerb, parts, options);
  return work(bound, context, confined.call, confined.options);
}

async function performSlowly<T, Own extends CallOptions>(
  home: Home,
  entry: Entry<Own>,
  parts: Partial<HookCall>,
  bound: BoundTable,
  context: CallContext,
  work: Work<T, Own>,
): Promise<T> {
  const { transaction, scope, table } = entry;
  // A call takes its values when it is made: hooks and rows that are read first give its caller a turn.
  const given = snapshot(entry.options);
  // `scan` has no hooks and does not come here.
  const verb = entry.verb as HookVerb;
  const run = async (asked: Partial<HookCall>): Promise<T> => {
    const { call, options } = scope === undefined ? { call: asked, options: given } : confine(bound, scope, verb, asked, given);
    const ready = transaction?.overlay === undefined ? call : await loaded(home, entry, transaction, verb, call);
    return work(bound, context, ready, options);
  };
  const copied = snapshot(parts);
  if (bound.hooks.none) return run(copied);
  const call: HookCall = { verb, table, ...copied, options: { ...given }, ...(scope === undefined ? {} : { scope: scope.definition }) };
  return bound.hooks.around(call, run, home.clock);
}

function bind(
  home: Home,
  { verb, table, pool, transaction, around, scope, options, poolName, trace, touched }: Entry,
  deadline: Deadline | undefined,
): { bound: BoundTable; context: CallContext } {
  const real = home.bound(table, pool);
  const group = options?.group;
  const call: Call | undefined =
    deadline === undefined && group === undefined && trace === undefined && transaction?.target === undefined
      ? undefined
      : { deadline, group, trace, target: transaction?.target };
  const plain = home.context(call, transaction, poolName, scope);
  const context = touched === undefined ? plain : { ...plain, touched };
  if (real.cached !== undefined && (verb === "updateAll" || verb === "delAll")) touched?.addAll(real.cached);
  const whole = transaction?.overlay?.bound(real) ?? real;
  const withDeleted = (options as RowOptions | undefined)?.deleted === true;
  if (withDeleted && real.table.deletedAt === undefined)
    throw pool.error(invalid("the option deleted is for tables with the setting softDelete"), { verb, table: real.table });
  const bound = whole.within(scope?.shape, withDeleted);
  // Tables of the other pool that the call reads are read inside of its transaction.
  if (around !== undefined && transaction === undefined) return { bound, context: { ...context, transaction: around } };
  return { bound, context };
}

/**
 * In a batch transaction: reads the rows of a call first. Rows of inserts are completed, so that their key is known.
 *
 * @throws DbError `unsupported` for calls that do not name their rows by key
 */
async function loaded(
  home: Home,
  { table, pool, options, trace }: Entry,
  transaction: OpenTransaction,
  verb: HookVerb,
  call: Partial<HookCall>,
): Promise<Partial<HookCall>> {
  const real = home.bound(table, pool);
  const { rules } = real;
  const overlay = transaction.overlay!;
  switch (verb) {
    case "get":
    case "del":
      await overlay.load(real, checkKey(rules, call.key), trace);
      return call;
    case "list":
      await Promise.all((call.keys ?? []).map((key) => checkKey(rules, key)).map((key) => overlay.load(real, key, trace)));
      return call;
    case "update":
    case "incr":
      await overlay.load(real, keyOf(rules, call.row as Row), trace);
      return call;
    case "add":
    case "put": {
      const keepNow = (options as WriteOptions | undefined)?.keepNow === true;
      const logical = checkRow(rules, call.row, home.clock, keepNow);
      await overlay.load(
        real,
        real.table.key.map((column) => logical[column.index]),
        trace,
      );
      return { ...call, row: new CheckedRow(logical) };
    }
    default:
      throw notInOverlay(verb);
  }
}

function notInOverlay(verb: string): DbError {
  return new DbError(
    "unsupported",
    `${verb} inside a transaction needs interactive transactions (capability transactions); read rows by key, or ${verb} before it begins`,
    { detail: { capability: "transactions" } },
  );
}
