// A database with what wraps it: layers around the driver's `execute`, each of the form `Send`. The one place that calls drivers.
//
//   gathering ─▶ retrying ─▶ classifying ─▶ driver
//
// A transaction's commands go to its session instead, through `classifying` alone.

import { BkError, type Clock, type Log } from "@bk/core";

import type { Prepared } from "../compile/prepared.js";
import type { Capabilities, Driver, Phase, Reply, Shape, Values } from "../driver.js";
import { DbError } from "../errors.js";
import type { Call, Send } from "./call.js";
import { throwIfEnded } from "./deadline.js";
import { Gatherer, type Replies } from "./gatherer.js";
import { type GroupSettings, groupSize, maxGroupsAtOnce, memberReplies, sendMany } from "./groups.js";
import { PoolMetrics } from "./metrics.js";
import { isRead, retrying } from "./retry.js";

export interface PoolOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How often a call is tried that failed without doing anything; default 5. */
  readonly attempts?: number | undefined;
}

/** Where an error happened. */
interface Place {
  readonly verb: string;
  readonly table?: { readonly name: string };
}

const noCall: Call = Object.freeze({});

export class Pool {
  readonly name: string;
  readonly driver: Driver;
  readonly options: PoolOptions;
  readonly metrics = new PoolMetrics();
  /** What the driver can do; corrected by what it learned when it connected. */
  capabilities: Capabilities;
  /** Whether the driver answered last without a promise: it is a synchronous engine, and nothing is in its way. */
  #answersAtOnce = false;
  readonly #alone: Send;
  readonly #groups: GroupSettings;
  readonly #gatherers = new WeakMap<Prepared, Gatherer>();
  #connected: Promise<void> | undefined;
  #isConnected: boolean;
  #closed = false;

  constructor(name: string, driver: Driver, options: PoolOptions) {
    this.name = name;
    this.driver = driver;
    this.options = options;
    this.capabilities = driver.capabilities;
    this.#isConnected = driver.connect === undefined;
    const { metrics } = this;
    const { clock, attempts = 5 } = options;
    this.#alone = retrying(
      this.#classifying((prepared, values, signal) => {
        const reply = driver.execute(prepared.command, values, signal);
        this.#answersAtOnce = !(reply instanceof Promise);
        return reply;
      }),
      { clock, attempts, metrics },
    );
    this.#groups = {
      driver,
      capabilities: () => this.capabilities,
      metrics,
      send: this.#alone,
      known: (error) => this.#known(error, "send"),
    };
  }

  /** Connects where the driver must before anything is planned; undefined when there is nothing to wait for. */
  ready(): Promise<void> | undefined {
    if (this.#isConnected) return undefined;
    if (this.#connected === undefined) {
      this.#connected = this.#connect().finally(() => (this.#connected = undefined));
      // Whoever waits for it gets its error; a call that is over before need not.
      this.#connected.catch(() => undefined);
    }
    return this.#connected;
  }

  /** The same for a call that has not entered yet: an error says which call it was. */
  async readyFor(place: Place): Promise<void> {
    try {
      await this.ready();
    } catch (error) {
      throw this.error(error, place);
    }
  }

  async #connect(): Promise<void> {
    try {
      const { capabilities } = await this.driver.connect!();
      if (capabilities !== undefined) this.capabilities = Object.freeze({ ...this.capabilities, ...capabilities });
      this.#isConnected = true;
    } catch (error) {
      throw this.#known(error, "connect");
    }
  }

  prepare(shape: Shape): Prepared {
    return { shape, command: this.driver.compile(shape) };
  }

  /** Carries a prepared command out. Answers at once when the engine is synchronous and nothing has to be waited for. */
  send(prepared: Prepared, values: Values, call: Call = noCall): Reply | Promise<Reply> {
    const { target, deadline } = call;
    if (target?.explains === true) return target.send(prepared, values, undefined);
    if (this.#closed) throw new DbError("closed", "the database is closed");
    throwIfEnded(deadline);
    this.metrics.calls++;
    if (deadline !== undefined && !isRead(prepared.shape)) deadline.wrote = true;
    const signal = deadline?.signal;
    if (target !== undefined) return this.#inTransaction(target.send, prepared, values, signal);
    const gatherer = call.group === false ? undefined : this.#gathererOf(prepared);
    // A synchronous engine answers the first call of a tick at once; those that follow in the tick are gathered.
    if (gatherer !== undefined && !(this.#answersAtOnce && gatherer.goAhead()))
      return gatherer.add(groupKey(prepared, values), values, signal);
    return this.#alone(prepared, values, signal);
  }

  /** Sends one command for many groups of values, no two of them on one row. Never rejects but when the pool is closed. */
  sendMany(prepared: Prepared, group: readonly Values[]): Replies | Promise<Replies> {
    if (this.#closed) throw new DbError("closed", "the database is closed");
    return sendMany(this.#groups, prepared, group);
  }

  #inTransaction(send: Send, prepared: Prepared, values: Values, signal: AbortSignal | undefined): Reply | Promise<Reply> {
    const failed = (error: unknown): never => {
      this.metrics.errors++;
      throw error;
    };
    try {
      const reply = this.#classifying(send)(prepared, values, signal);
      return reply instanceof Promise ? reply.catch(failed) : reply;
    } catch (error) {
      return failed(error);
    }
  }

  /** Native errors become errors of this package. */
  #classifying(send: Send): Send {
    const failed = (error: unknown): never => {
      throw this.#known(error, "send");
    };
    return (prepared, values, signal) => {
      try {
        const reply = send(prepared, values, signal);
        return reply instanceof Promise ? reply.catch(failed) : reply;
      } catch (error) {
        return failed(error);
      }
    };
  }

  #gathererOf(prepared: Prepared): Gatherer | undefined {
    const made = this.#gatherers.get(prepared);
    if (made !== undefined) return made;
    const { driver, metrics } = this;
    const { known, send } = this.#groups;
    const maxSize = groupSize(this.#groups, prepared);
    if (maxSize <= 1) return undefined;
    const isGet = prepared.shape.verb === "get";
    const gatherer = new Gatherer({
      maxSize,
      maxRunning: maxGroupsAtOnce,
      share: isGet,
      one: (values, signal) => send(prepared, values, signal),
      many: (group) => {
        metrics.groups++;
        const replies = driver.executeGroup!(prepared.command, group);
        return replies instanceof Promise
          ? replies.then((all) => memberReplies(this.#groups, prepared, group, all))
          : memberReplies(this.#groups, prepared, group, replies);
      },
      didNothing: (error) => isGet || known(error).outcome === "none",
      known,
    });
    this.#gatherers.set(prepared, gatherer);
    return gatherer;
  }

  /** The error of this package for what a command threw; the call adds where it happened. */
  #known(error: unknown, phase: Phase): BkError {
    if (error instanceof BkError) return error;
    const known = this.driver.classify(error, phase);
    // What an engine does not allow this process is no fault of whoever called it; hooks deny too.
    const own = known?.code === "denied" ? { by: "engine" } : undefined;
    return new DbError(known?.code ?? "internal", known?.message ?? "unrecognized error from the engine; see `cause`", {
      outcome: known?.outcome,
      detail: own === undefined ? known?.detail : { ...own, ...known?.detail },
      cause: error,
      ...(known?.column === undefined ? {} : { column: known.column }),
    });
  }

  /** The error of this package for anything that was thrown, with driver, call and table. */
  error(thrown: unknown, place: Place): DbError {
    if (thrown instanceof DbError && thrown.driver !== undefined) return thrown;
    const error = this.#known(thrown, "send");
    const op = place.verb;
    const table = place.table?.name ?? (error instanceof DbError ? error.table : undefined);
    const where = [this.driver.name, op, table].filter((word) => word !== undefined).join(" ");
    return new DbError(error.code, `${where}: ${error.message}`, {
      outcome: error.outcome,
      detail: error.detail,
      cause: error.cause ?? (error instanceof DbError ? undefined : error),
      driver: this.driver.name,
      op,
      ...(table === undefined ? {} : { table }),
      ...(error instanceof DbError && error.column !== undefined ? { column: error.column } : {}),
    });
  }

  /** Frees what the driver holds. Calls made from now on reject with `closed`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.driver.close();
  }
}

/** Equal for gets of one row, whose values are its key; writes do not share. */
function groupKey({ shape }: Prepared, values: Values): string {
  if (shape.verb !== "get") return "";
  if (values.length === 1 && typeof values[0] === "string") return values[0];
  return values.map((value) => `${typeof value}${String(value)}`).join("\u0000");
}
