// A database with what wraps it: layers around the driver's `execute`, each of the form `Send`. The one place that calls drivers.
//
//   gathering ─▶ tracing ─▶ retrying, classifying ─▶ driver
//
// A transaction's commands go to its session instead, through `tracing` and `classifying` alone.

import { BkError, type Clock, type Log } from "@bk/core";

import type { Prepared } from "../compile/prepared.js";
import type { Capabilities, Driver, Endpoint, MemberReply, Phase, Reply, Shape, Values } from "../driver.js";
import { DbError } from "../errors.js";
import type { Call, Send, Target } from "./call.js";
import { throwIfEnded } from "./deadline.js";
import { Gatherer, type Replies } from "./gatherer.js";
import { type GroupSend, type GroupSettings, groupLimit, maxGroupsAtOnce, sendGroup, sendMany, type Served } from "./groups.js";
import { PoolMetrics } from "./metrics.js";
import { throwIfTooLarge } from "./parts.js";
import { isRead, retrying } from "./retry.js";
import { type CallEvent, commandChannel, CommandEvent, type Numbers, traced, tracesCommands } from "./tracing.js";

export interface PoolOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How often a call is tried that failed without doing anything; default 5. */
  readonly attempts?: number | undefined;
  /** Its commands are no requests to a database of the app's; tracers do not hear of them. Default false. */
  readonly isInternal?: boolean | undefined;
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
  readonly endpoint: Endpoint;
  readonly options: PoolOptions;
  readonly metrics = new PoolMetrics();
  /** What the driver can do; corrected by what it learned when it connected. */
  capabilities: Capabilities;
  /** Whether the driver answered last without a promise: it is a synchronous engine, and nothing is in its way. */
  #answersAtOnce = false;
  readonly #once: Send;
  readonly #alone: Send;
  readonly #groups: GroupSettings;
  /** Undefined for commands that the engine takes no groups of. */
  readonly #gatherers = new WeakMap<Prepared, Gatherer | undefined>();
  #connected: Promise<void> | undefined;
  #isConnected: boolean;
  #closed = false;

  constructor(name: string, driver: Driver, options: PoolOptions) {
    this.name = name;
    this.driver = driver;
    this.endpoint = driver.endpoint ?? { system: driver.name };
    this.options = options;
    this.capabilities = driver.capabilities;
    this.#isConnected = driver.connect === undefined;
    const { metrics } = this;
    this.#once = (prepared, values, signal) => {
      this.#throwIfTooLarge(prepared, values);
      const reply = driver.execute(prepared.command, values, signal);
      this.#answersAtOnce = !(reply instanceof Promise);
      return reply;
    };
    this.#alone = this.#retrying(this.#once);
    this.#groups = {
      driver,
      capabilities: () => this.capabilities,
      metrics,
      send: (prepared, values, signal, served) => this.#send(prepared, values, signal, served),
      report: (prepared, size, served, send) => this.#tracedGroup(prepared, size, served, send),
      known: (error) => this.#known(error, "send"),
    };
  }

  #throwIfTooLarge({ shape }: Prepared, values: Values): void {
    const { limits } = this.capabilities;
    if (limits.statementBytes !== undefined || limits.rowBytes !== undefined) throwIfTooLarge(shape, values, limits);
  }

  #retrying(send: Send): Send {
    const { clock, attempts = 5 } = this.options;
    return retrying(send, { clock, attempts, metrics: this.metrics, known: (error) => this.#known(error, "send") });
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
    const { target, deadline, trace } = call;
    if (target?.explains === true) return target.send(prepared, values, undefined);
    if (this.#closed) throw new DbError("closed", "the database is closed");
    throwIfEnded(deadline);
    this.metrics.calls++;
    if (deadline !== undefined && !isRead(prepared.shape)) deadline.wrote = true;
    const signal = deadline?.signal;
    if (target !== undefined) return this.#inTransaction(target.send, prepared, values, signal, call);
    const gatherer = call.group === false ? undefined : this.#gathererOf(prepared);
    // A synchronous engine answers the first call of a tick at once; those that follow in the tick are gathered.
    if (gatherer !== undefined && !(this.#answersAtOnce && gatherer.goAhead()))
      return gatherer.add(groupKey(prepared, values), values, signal, trace);
    return this.#traces() ? this.#send(prepared, values, signal, [call]) : this.#alone(prepared, values, signal);
  }

  /** Sends one command for many groups of values, no two of them on one row. Never rejects but when the pool is closed. */
  sendMany(prepared: Prepared, group: readonly Values[], call: Call = noCall): Replies | Promise<Replies> {
    if (this.#closed) throw new DbError("closed", "the database is closed");
    return sendMany(this.#groups, prepared, group, [call]);
  }

  /** Sends one read for many groups of values, in as few requests as the engine takes; a transaction's on its own connection. */
  async readMany(prepared: Prepared, group: readonly Values[], call: Call): Promise<readonly Reply[]> {
    if (group.length === 1) return [await this.send(prepared, group[0]!, call)];
    throwIfEnded(call.deadline);
    const { target } = call;
    const replies =
      target === undefined ? await this.sendMany(prepared, group, call) : await this.#manyInside(target, prepared, group, call);
    return replies.map((reply) => {
      if ("error" in reply) throw this.#known(reply.error, "send");
      if (reply instanceof Error) throw reply;
      return reply;
    });
  }

  async #manyInside({ sendMany }: Target, prepared: Prepared, group: readonly Values[], call: Call): Promise<readonly MemberReply[]> {
    const most = sendMany === undefined ? 1 : groupLimit(this.#groups, prepared).most;
    const replies: MemberReply[] = [];
    for (let at = 0; at < group.length; at += most) {
      const part = group.slice(at, at + most);
      if (part.length === 1) replies.push(await this.send(prepared, part[0]!, call));
      else replies.push(...(await this.#groupInside(sendMany!, prepared, part, call)));
    }
    return replies;
  }

  async #groupInside(
    send: NonNullable<Target["sendMany"]>,
    prepared: Prepared,
    group: readonly Values[],
    call: Call,
  ): Promise<readonly MemberReply[]> {
    throwIfEnded(call.deadline);
    this.metrics.calls += group.length;
    this.metrics.groups++;
    try {
      return await this.#tracedGroup(prepared, group.length, [call], () => send(prepared, group, call.deadline?.signal));
    } catch (error) {
      this.metrics.errors++;
      throw this.#known(error, "send");
    }
  }

  /** Carries out what is no prepared command but a request all the same, such as the commit of a transaction. */
  async request<T>({ verb, table }: Place, call: Call, work: () => Promise<T>, count: (result: T) => Numbers = () => ({})): Promise<T> {
    if (!this.#traces()) return work();
    const event = new CommandEvent({ pool: this, verb, table: table?.name }, { calls: callsOf([call]) });
    const failed = (error: unknown): never => {
      throw this.#known(error, "send");
    };
    return traced(commandChannel, event, () => work().catch(failed), count);
  }

  #traces(): boolean {
    return tracesCommands() && this.options.isInternal !== true;
  }

  /** Sends a command by itself. */
  #send(prepared: Prepared, values: Values, signal: AbortSignal | undefined, served: Served): Reply | Promise<Reply> {
    if (!this.#traces()) return this.#alone(prepared, values, signal);
    const event = this.#eventOf(prepared, 1, served);
    let isFirst = true;
    const counting: Send = (...command) => {
      if (!isFirst) event.retries++;
      isFirst = false;
      return this.#once(...command);
    };
    const send = this.#retrying(counting);
    return traced(
      commandChannel,
      event,
      () => send(prepared, values, signal),
      (reply) => numbersOf(prepared, [reply]),
    );
  }

  #tracedGroup(prepared: Prepared, size: number, served: Served, send: GroupSend): ReturnType<GroupSend> {
    if (!this.#traces()) return send();
    const failed = (error: unknown): never => {
      throw this.#known(error, "send");
    };
    const classified: GroupSend = () => {
      try {
        const replies = send();
        return replies instanceof Promise ? replies.catch(failed) : replies;
      } catch (error) {
        return failed(error);
      }
    };
    return traced(commandChannel, this.#eventOf(prepared, size, served), classified, (replies) => numbersOf(prepared, replies));
  }

  #eventOf({ shape, command }: Prepared, groupSize: number, served: Served): CommandEvent {
    const about = { pool: this, verb: shape.verb, table: shape.table.name };
    return new CommandEvent(about, { text: textOf(this.driver.describe(command)), groupSize, calls: callsOf(served) });
  }

  #inTransaction(send: Send, prepared: Prepared, values: Values, signal: AbortSignal | undefined, call: Call): Reply | Promise<Reply> {
    const failed = (error: unknown): never => {
      this.metrics.errors++;
      throw error;
    };
    const classified = this.#classifying(send);
    try {
      const reply = this.#traces()
        ? traced(
            commandChannel,
            this.#eventOf(prepared, 1, [call]),
            () => classified(prepared, values, signal),
            (done) => numbersOf(prepared, [done]),
          )
        : classified(prepared, values, signal);
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
        this.#throwIfTooLarge(prepared, values);
        const reply = send(prepared, values, signal);
        return reply instanceof Promise ? reply.catch(failed) : reply;
      } catch (error) {
        return failed(error);
      }
    };
  }

  #gathererOf(prepared: Prepared): Gatherer | undefined {
    const made = this.#gatherers.get(prepared);
    if (made !== undefined || this.#gatherers.has(prepared)) return made;
    const { known } = this.#groups;
    const limit = groupLimit(this.#groups, prepared);
    // Selects run beside each other, each on a connection of its own: one that takes long would keep its group waiting.
    if (limit.most <= 1 || prepared.shape.verb === "select") {
      this.#gatherers.set(prepared, undefined);
      return undefined;
    }
    const isGet = prepared.shape.verb === "get";
    const gatherer = new Gatherer({
      limit,
      maxRunning: maxGroupsAtOnce,
      share: isGet,
      one: (values, signal, members) => this.#send(prepared, values, signal, members),
      many: (group, members) => sendGroup(this.#groups, prepared, group, members),
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

function callsOf(served: Served): CallEvent[] {
  return [...new Set(served.map(({ trace }) => trace).filter((trace) => trace !== undefined))];
}

/** A command as tracers get it. Commands are made of shapes: there are no values in them. */
function textOf(described: unknown): string {
  if (typeof described === "string") return described;
  const isStatements = Array.isArray(described) && described.every((part) => typeof part === "string");
  return isStatements ? described.join("; ") : JSON.stringify(described);
}

function numbersOf({ shape }: Prepared, replies: readonly MemberReply[]): Numbers {
  const numbers = { rows: 0, affected: 0, failed: 0 };
  for (const reply of replies) {
    if ("error" in reply) numbers.failed++;
    else {
      numbers.rows += reply.rows.length;
      numbers.affected += reply.affected;
    }
  }
  const { rows, affected, failed } = numbers;
  return { ...(isRead(shape) ? { rows } : { affected }), ...(failed === 0 ? {} : { failed }) };
}

/** Equal for gets of one row, whose values are its key; writes do not share. */
function groupKey({ shape }: Prepared, values: Values): string {
  if (shape.verb !== "get") return "";
  if (values.length === 1 && typeof values[0] === "string") return values[0];
  return values.map((value) => `${typeof value}${String(value)}`).join("\u0000");
}
