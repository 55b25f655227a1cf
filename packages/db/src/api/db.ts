import { Touched } from "../calls/cached-rows.js";
import { copyTable, type CopyOptions } from "../calls/copy.js";
import { partlyDone } from "../calls/each-row.js";
import type { Hook, HookEvent } from "../calls/hooks.js";
import { type ObservedCall, observing } from "../calls/observe.js";
import type { CallOptions } from "../calls/options.js";
import type { Capabilities } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import { type Deadline, within } from "../execute/deadline.js";
import type { PoolNumbers } from "../execute/metrics.js";
import type { CallEvent } from "../execute/tracing.js";
import { claimsUnique } from "../calls/unique-claims.js";
import { checkOtherOptions } from "../normalize/options.js";
import { checkCount } from "../normalize/order.js";
import { checkKey } from "../normalize/row.js";
import { snapshot } from "../normalize/snapshot.js";
import { explain } from "./explain.js";
import type { Home } from "./home.js";
import { Verbs } from "./verbs.js";

/** An open database, untyped; `openDb` gives it the types of its tables. */
export class Database extends Verbs {
  readonly #home: Home;

  constructor(home: Home) {
    super(home, undefined, undefined, undefined);
    this.#home = home;
  }

  /** The same calls on one pool, for every declared table. */
  pool(name: string): Verbs {
    this.#home.poolNamed(name);
    return new Verbs(this.#home, name, undefined, undefined);
  }

  /** What a pool's driver can do, as plain data. */
  capabilities(pool?: string): Capabilities {
    return this.#home.poolNamed(pool).capabilities;
  }

  /** Plan and native command of a call, without running it. */
  async explain(verb: string, table: string, ...args: unknown[]): Promise<{ plan: unknown; command: unknown }> {
    const home = this.#home;
    return explain(home, (pool, transaction) => new Verbs(home, pool, transaction, undefined), verb, table, args);
  }

  /** Runs a command of the engine itself. */
  native(pool: string, command: unknown, options: Pick<CallOptions, "signal" | "timeoutMs"> = {}): Promise<unknown> {
    const home = this.#home;
    const call = (): ObservedCall => ({
      pool: home.findPool(undefined, pool),
      verb: "native",
      table: undefined,
      parent: home.currentTransaction()?.trace,
    });
    return observing(home, call, (trace) => this.#native(pool, command, options, trace));
  }

  async #native(
    pool: string,
    command: unknown,
    options: Pick<CallOptions, "signal" | "timeoutMs">,
    trace: CallEvent | undefined,
  ): Promise<unknown> {
    checkOtherOptions("native", options);
    const home = this.#home;
    if (home.closed) throw new DbError("closed", "native: the database is closed", { op: "native" });
    const target = home.poolNamed(pool);
    const { driver } = target;
    const { signal, timeoutMs = home.timeoutMs } = options;
    try {
      if (driver.native === undefined) throw new DbError("unsupported", "this driver takes no native commands");
      const run = async (deadline: Deadline | undefined): Promise<unknown> => {
        if (deadline !== undefined) deadline.wrote = true;
        await target.ready();
        return target.request({ verb: "native" }, { trace }, () => driver.native!(command, deadline?.signal));
      };
      return await home.running.track(within({ signal, timeoutMs }, run));
    } catch (error) {
      throw target.error(error, { verb: "native" });
    }
  }

  /** Drops a table with all that it holds. */
  drop(table: string, options: Pick<CallOptions, "pool" | "signal" | "timeoutMs"> = {}): Promise<void> {
    const home = this.#home;
    const call = (): ObservedCall => ({ pool: home.findPool(table, options.pool), verb: "drop", table, parent: undefined });
    return observing(home, call, (trace) => this.#drop(table, options, trace));
  }

  async #drop(name: string, options: Pick<CallOptions, "pool" | "signal" | "timeoutMs">, trace: CallEvent | undefined): Promise<void> {
    checkOtherOptions("drop", options);
    const home = this.#home;
    if (home.closed) throw new DbError("closed", "drop: the database is closed", { op: "drop" });
    const pool = home.poolOf(name, options.pool);
    const { driver } = pool;
    const place = { verb: "drop", table: { name } };
    const { signal, timeoutMs = home.timeoutMs } = options;
    try {
      if (driver.drop === undefined) throw new DbError("unsupported", "this driver drops no tables; delete the rows by delAll");
      const run = async (deadline: Deadline | undefined): Promise<void> => {
        if (deadline !== undefined) deadline.wrote = true;
        await pool.ready();
        const bound = home.bound(name, pool);
        if (claimsUnique(bound)) throw new DbError("unsupported", "claims of its unique values would stay; delete the rows by delAll");
        await home.forgettingTables([bound], () => pool.request(place, { trace }, () => driver.drop!(bound.table, deadline?.signal)));
      };
      await home.running.track(within({ signal, timeoutMs }, run));
    } catch (error) {
      throw pool.error(error, place);
    }
  }

  /** Copies tables from one pool to another; gives the number of rows by table. */
  copy(options: CopyOptions): Promise<Record<string, number>> {
    const call = (): ObservedCall => ({ pool: undefined, verb: "copy", table: undefined, parent: undefined });
    return observing(this.#home, call, (trace) => this.#copy(options, trace));
  }

  async #copy(given: CopyOptions, trace: CallEvent | undefined): Promise<Record<string, number>> {
    checkOtherOptions("copy", given);
    const home = this.#home;
    if (home.closed) throw new DbError("closed", "copy: the database is closed", { op: "copy" });
    const options = { ...given };
    if (options.count !== undefined) checkCount(options.count);
    const tables = [...(options.tables ?? home.tables.keys())];
    for (const name of tables) home.poolOf(name, undefined);
    const first = options.resume === undefined ? 0 : tables.indexOf(options.resume.table);
    if (first < 0) throw invalid("copy: resume names a table that is not copied");
    const source = home.poolNamed(options.from);
    const target = home.poolNamed(options.to);
    if (source === target) throw invalid("copy: from and to must be two pools");
    const { signal, timeoutMs } = options;
    const copied: Record<string, number> = {};
    let current: string | undefined;
    const run = async (deadline: Deadline | undefined): Promise<void> => {
      await Promise.all([source.ready(), target.ready()]);
      const context = home.context({ deadline, trace }, undefined);
      for (const name of tables.slice(first)) {
        current = name;
        const to = home.bound(name, target);
        copied[name] = await home.forgettingTables([to], () => copyTable(home.bound(name, source), to, context, options));
      }
    };
    try {
      await home.running.track(within({ signal, timeoutMs }, run));
    } catch (error) {
      const before = Object.values(copied).reduce((sum, rows) => sum + rows, 0);
      const own = error instanceof DbError ? Number(error.detail?.["affected"] ?? 0) : 0;
      const known =
        error instanceof DbError && (error.code === "timeout" || error.code === "cancelled") ? error : partlyDone(error, before + own);
      throw source.error(known, { verb: "copy", ...(current === undefined ? {} : { table: { name: current } }) });
    }
    return copied;
  }

  /** Registers a function that runs before or after the calls on a table, or with `"*"` on every table. */
  hook(table: string, event: HookEvent, hook: Hook): void {
    this.#home.hooksOf(table).add(event, hook);
  }

  /** Forgets cached rows that something else has written. @param keys  default: every row of the table */
  async forget(table: string, keys?: readonly unknown[], options: Pick<CallOptions, "pool"> = {}): Promise<void> {
    checkOtherOptions("forget", options);
    const home = this.#home;
    if (home.closed) throw new DbError("closed", "forget: the database is closed", { op: "forget" });
    const pool = home.poolOf(table, options.pool);
    const place = { verb: "forget", table: { name: table } };
    try {
      if (keys !== undefined && !Array.isArray(keys)) throw invalid("forget takes an array of keys");
      // Copied at once, for a pool that has to connect first.
      const given = keys === undefined ? undefined : snapshot(keys);
      await pool.ready();
      const bound = home.bound(table, pool);
      const stored = given?.map((key) => bound.encodeKey(checkKey(bound.rules, key)));
      if (home.forgetter === undefined || bound.cached === undefined) return;
      const touched = new Touched();
      if (stored === undefined) touched.addAll(bound.cached);
      else for (const key of stored) touched.add(bound.cached, key);
      if (!(await home.running.track(home.forgetter.forget(touched))))
        throw new DbError("unavailable", "the cache does not answer; it is tried again in the background", { outcome: "unknown" });
    } catch (error) {
      throw pool.error(error, place);
    }
  }

  /** Counters by pool. */
  metrics(): Record<string, PoolNumbers> {
    return Object.fromEntries([...this.#home.pools].map(([name, pool]) => [name, pool.metrics.read()]));
  }

  /** Waits for the calls that were made before, then closes every pool. Later calls reject with `closed`. */
  async close(): Promise<void> {
    await this.#home.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
