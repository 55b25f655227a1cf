// The one place that calls drivers. Retries, deadlines, metrics, grouping and errors wrap `execute` here.

import { BkError, type Clock, type Log, isRetryable, retry } from "@bk/core";

import type { CallOptions } from "../normalize/call-options.js";
import type { Driver, MemberReply, Reply, Shape, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { Gatherer, type Replies } from "./gatherer.js";
import { PoolMetrics } from "./metrics.js";

/** A command with the shape that it was compiled from; kept and used again with other values. */
export interface Prepared {
  readonly shape: Shape;
  readonly command: unknown;
  /** Gathers the calls of one tick, where the driver takes groups. */
  gatherer?: Gatherer | undefined;
}

/** Where commands go: a pool, or a transaction on it. */
export interface Target {
  /** Calls are explained, not run: they are not counted. */
  readonly explains?: boolean;
  execute(prepared: Prepared, values: Values, signal?: AbortSignal): Reply | Promise<Reply>;
  executeGroup?(prepared: Prepared, group: readonly Values[], signal?: AbortSignal): Promise<readonly Reply[]>;
}

export interface PoolOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Default of `timeoutMs` of calls. */
  readonly timeoutMs?: number | undefined;
  /** How often a call is tried that failed without doing anything; default 5. */
  readonly attempts?: number | undefined;
}

const maxGroupsAtOnce = 4;
/** Members of a refused group that are tried alone at once. */
const smallGroup = 8;
/** Calls at the same time, for each of `maxGroupsAtOnce`, where the engine takes no groups. */
const ungrouped = 32;

/** A driver with what wraps it. */
export class Pool {
  readonly name: string;
  readonly driver: Driver;
  readonly options: PoolOptions;
  readonly metrics = new PoolMetrics();
  readonly #running = new Set<Promise<unknown>>();
  /** Whether the driver answered last without a promise: it is a synchronous engine, and nothing is in its way. */
  answersAtOnce = false;
  #closed = false;

  constructor(name: string, driver: Driver, options: PoolOptions) {
    this.name = name;
    this.driver = driver;
    this.options = options;
  }

  prepare(shape: Shape): Prepared {
    return { shape, command: this.driver.compile(shape) };
  }

  /**
   * Carries a prepared command out.
   *
   * Answers at once when the engine is synchronous and nothing has to be waited for.
   *
   * @param target  a transaction; its calls are neither repeated nor gathered with others
   */
  send(prepared: Prepared, values: Values, options: CallOptions | undefined, target?: Target): Reply | Promise<Reply> {
    if (this.#closed) throw new DbError("closed", "the database is closed");
    const { metrics } = this;
    if (target?.explains !== true) metrics.calls++;
    if (options?.signal !== undefined || options?.timeoutMs !== undefined || this.options.timeoutMs !== undefined)
      return this.#track(this.#withDeadline(prepared, values, options, target));
    const gatherer = target === undefined && options?.group !== false ? this.#gathererOf(prepared) : undefined;
    // A synchronous engine answers the first call of a tick at once; those that follow in the tick are gathered.
    if (gatherer !== undefined && !(this.answersAtOnce && gatherer.goAhead())) return gatherer.add(groupKey(prepared, values), values);
    let reply: Reply | Promise<Reply>;
    try {
      reply = target === undefined ? this.driver.execute(prepared.command, values) : target.execute(prepared, values);
    } catch (error) {
      return this.#track(this.#failed(error, prepared, values, undefined, target));
    }
    if (!(reply instanceof Promise)) return reply;
    if (target === undefined) this.answersAtOnce = false;
    return this.#track(reply.catch((error: unknown) => this.#failed(error, prepared, values, undefined, target)));
  }

  /** Sends one command with several groups of values; each gets its own reply or error. */
  sendGroup(prepared: Prepared, group: readonly Values[], options: CallOptions | undefined, target?: Target): Promise<Reply>[] {
    return group.map(async (values) => this.send(prepared, values, options, target));
  }

  /**
   * Sends one command for many groups of values at once, no two of them on one row; each gets its own reply or error.
   * Never rejects but when the pool is closed. A synchronous engine answers at once.
   */
  sendMany(prepared: Prepared, group: readonly Values[]): Replies | Promise<Replies> {
    if (this.#closed) throw new DbError("closed", "the database is closed");
    this.metrics.calls += group.length;
    const most = this.#mostOf(prepared);
    if (group.length > most || group.length === 1) return this.#track(this.#sendParts(prepared, group, most));
    try {
      this.metrics.groups++;
      const replies = this.driver.executeGroup!(prepared.command, group);
      if (!(replies instanceof Promise)) return this.#members(replies);
      return this.#track(replies.then((all) => this.#members(all)).catch((error: unknown) => this.#takeApart(error, prepared, group)));
    } catch (error) {
      return this.#track(this.#takeApart(error, prepared, group));
    }
  }

  /** Native errors of members become errors of this package. */
  #members(replies: readonly MemberReply[]): Replies {
    return replies.some((reply) => "error" in reply)
      ? replies.map((reply) => ("error" in reply ? this.#known(reply.error) : reply))
      : (replies as readonly Reply[]);
  }

  /** Most members of a group of a command; 1 where the driver takes none. */
  #mostOf({ shape }: Prepared): number {
    const { executeGroup, capabilities } = this.driver;
    return executeGroup === undefined ? 1 : (capabilities.group[shape.verb as "put"]?.most ?? 1);
  }

  async #sendParts(prepared: Prepared, group: readonly Values[], most: number): Promise<Replies> {
    const size = most > 1 ? most : ungrouped;
    const replies: Replies[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next * size < group.length) {
        const at = next++;
        const part = group.slice(at * size, (at + 1) * size);
        replies[at] = await (most > 1 ? this.#sendPart(prepared, part) : this.#sendApart(prepared, part));
      }
    };
    await Promise.all(Array.from({ length: maxGroupsAtOnce }, lane));
    return replies.flat();
  }

  async #sendPart(prepared: Prepared, part: readonly Values[]): Promise<Replies> {
    if (part.length === 1) return this.#sendApart(prepared, part);
    try {
      this.metrics.groups++;
      return this.#members(await this.driver.executeGroup!(prepared.command, part));
    } catch (error) {
      return this.#takeApart(error, prepared, part);
    }
  }

  /** A group that the engine refuses for what one of its members has is halved until that one is alone. */
  async #takeApart(error: unknown, prepared: Prepared, part: readonly Values[]): Promise<Replies> {
    const known = this.#known(error);
    const { code, outcome } = known;
    if (outcome !== "none") return part.map(() => known);
    if (part.length <= smallGroup || (code !== "already-exists" && code !== "invalid")) return this.#sendApart(prepared, part);
    const middle = part.length >> 1;
    return [...(await this.#sendPart(prepared, part.slice(0, middle))), ...(await this.#sendPart(prepared, part.slice(middle)))];
  }

  #sendApart(prepared: Prepared, part: readonly Values[]): Promise<Replies> {
    // What is rejected is made by #failed, and so is an error of this package.
    return Promise.all(part.map((values) => this.#executeOne(prepared, values).catch((error: unknown) => error as BkError)));
  }

  async #executeOne(prepared: Prepared, values: Values, signal?: AbortSignal): Promise<Reply> {
    try {
      const reply = this.driver.execute(prepared.command, values, signal);
      this.answersAtOnce = !(reply instanceof Promise);
      return await reply;
    } catch (error) {
      return this.#failed(error, prepared, values, signal, undefined);
    }
  }

  async #failed(
    error: unknown,
    prepared: Prepared,
    values: Values,
    signal: AbortSignal | undefined,
    target: Target | undefined,
  ): Promise<Reply> {
    const first = this.#known(error);
    if (target?.explains === true) throw first;
    if (target !== undefined || !mayRepeat(first, prepared.shape)) {
      this.metrics.errors++;
      throw first;
    }
    const { clock, attempts = 5 } = this.options;
    const again = async (attempt: number): Promise<Reply> => {
      if (attempt === 1) throw first;
      this.metrics.retries++;
      try {
        return await this.driver.execute(prepared.command, values, signal);
      } catch (next) {
        throw this.#known(next);
      }
    };
    try {
      return await retry(again, { clock, attempts, signal, minDelayMs: 10, maxDelayMs: 1000, when: (e) => mayRepeat(e, prepared.shape) });
    } catch (last) {
      this.metrics.errors++;
      throw last;
    }
  }

  async #withDeadline(prepared: Prepared, values: Values, options: CallOptions | undefined, target: Target | undefined): Promise<Reply> {
    const task = async (signal: AbortSignal): Promise<Reply> => {
      const gatherer = target === undefined && options?.group !== false ? this.#gathererOf(prepared) : undefined;
      if (gatherer !== undefined) return gatherer.add(groupKey(prepared, values), values, signal);
      try {
        return await (target === undefined
          ? this.driver.execute(prepared.command, values, signal)
          : target.execute(prepared, values, signal));
      } catch (error) {
        return this.#failed(error, prepared, values, signal, target);
      }
    };
    return this.within(options, prepared.shape, task);
  }

  /** Runs `task` until it ends, the caller's signal aborts, or the time is over. */
  async within<T>(options: CallOptions | undefined, shape: Shape | undefined, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = options ?? {};
    const timeoutMs = options?.timeoutMs ?? this.options.timeoutMs;
    checkTimeout(timeoutMs);
    if (signal?.aborted) throw new DbError("cancelled", "cancelled before it began", { outcome: "none", cause: signal.reason });
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stop: (() => void) | undefined;
    const ended = new Promise<never>((_resolve, reject) => {
      const end = (error: DbError): void => {
        reject(error);
        controller.abort(error);
      };
      const outcome = shape !== undefined && isRead(shape) ? "none" : "unknown";
      stop = () => end(new DbError("cancelled", "cancelled by the caller's signal", { outcome, cause: signal?.reason }));
      signal?.addEventListener("abort", stop, { once: true });
      if (timeoutMs !== undefined)
        timer = setTimeout(() => end(new DbError("timeout", `no answer within ${timeoutMs} ms`, { outcome })), timeoutMs);
    });
    try {
      return await Promise.race([task(controller.signal), ended]);
    } finally {
      clearTimeout(timer);
      if (stop !== undefined) signal?.removeEventListener("abort", stop);
    }
  }

  #gathererOf(prepared: Prepared): Gatherer | undefined {
    if (prepared.gatherer !== undefined) return prepared.gatherer;
    const { driver } = this;
    const { verb } = prepared.shape;
    const maxSize = driver.capabilities.group[verb as "get"]?.most ?? 1;
    if (driver.executeGroup === undefined || maxSize <= 1) return undefined;
    if ("target" in prepared.shape && prepared.shape.target === "filter") return undefined;
    prepared.gatherer = new Gatherer({
      maxSize,
      maxRunning: maxGroupsAtOnce,
      share: verb === "get",
      track: (work) => void this.#track(work),
      one: (values, signal) => this.#executeOne(prepared, values, signal),
      many: (group) => {
        this.metrics.groups++;
        const replies = driver.executeGroup!(prepared.command, group);
        return replies instanceof Promise ? replies.then((all) => this.#members(all)) : this.#members(replies);
      },
      didNothing: (error) => verb === "get" || this.#known(error).outcome === "none",
    });
    return prepared.gatherer;
  }

  /** The error of this package for what a command threw; the call adds where it happened. */
  #known(error: unknown): BkError {
    if (error instanceof BkError) return error;
    const known = this.driver.classify(error);
    return new DbError(known?.code ?? "internal", known?.message ?? "the engine gave an error that is not known here; see its cause", {
      outcome: known?.outcome,
      detail: known?.detail,
      cause: error,
    });
  }

  /** The error of this package for anything that was thrown, with driver, call and table. */
  error(thrown: unknown, place: { readonly verb: string; readonly table?: { readonly name: string } }): DbError {
    if (thrown instanceof DbError && thrown.driver !== undefined) return thrown;
    const error = this.#known(thrown);
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

  /** Counts work that `close` waits for. */
  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const done = (): void => void this.#running.delete(work);
    work.then(done, done);
    return work;
  }

  /** Lets `close` wait for work that is more than one command. */
  track<T>(work: Promise<T>): Promise<T> {
    return this.#track(work);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Waits for what is running, then closes the driver. Calls made from now on reject with `closed`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
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

export function isRead(shape: Shape): boolean {
  return shape.verb === "get" || shape.verb === "select" || shape.verb === "inspect";
}

function mayRepeat(error: unknown, shape: Shape): boolean {
  if (isRetryable(error)) return true;
  // A read does nothing: it may be repeated even when it is not known whether it ran.
  return error instanceof BkError && error.code === "unavailable" && (isRead(shape) || shape.verb === "define");
}

/** @throws DbError `invalid` */
export function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= 2 ** 31 - 1))
    throw new DbError("invalid", "timeoutMs must be a number of milliseconds above 0 and below 2^31");
}
