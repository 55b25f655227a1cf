// Tracing: calls and commands are reported on two channels of `node:diagnostics_channel`, in the events of a TracingChannel.
// Where nobody listens, or the runtime has no channels, nothing is made and nothing is measured.

import { BkError, type ErrorCode, findNodeModule, type Outcome } from "@bk/core";
import type { TracingChannel } from "node:diagnostics_channel";

import type { Endpoint } from "../driver.js";

/** Runs work within something of a tracer's own. */
export type Around = <T>(work: () => T) => T;

/** What is told of an error: what other code says of values, its cause say, is left out. */
export interface TracedError {
  readonly name: string;
  /** Absent for an error of the app's own, which ended a transaction. */
  readonly code: ErrorCode | undefined;
  readonly outcome: Outcome | undefined;
  readonly message: string;
}

/** What calls and commands have in common. Row values, keys and secrets are in none of it. */
class TracedWork {
  /** The pool's name; undefined for calls on several pools. */
  readonly pool: string | undefined;
  readonly driver: string | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly verb: string;
  /** Undefined for what is not on one table. */
  readonly table: string | undefined;
  /** What the work runs within, outermost first. A listener of `start` whose context is no AsyncLocalStorage to bind to the channel adds to it. */
  readonly around: Around[] = [];
  /** These are there when it has ended (`asyncStart`, `asyncEnd`). */
  durationMs: number | undefined = undefined;
  /** Rows read. */
  rows: number | undefined = undefined;
  /** Rows written. */
  affected: number | undefined = undefined;
  /** Members of a group, or items of a bulk, that failed. */
  failed: number | undefined = undefined;
  error: TracedError | undefined = undefined;

  constructor({ pool, verb, table }: About) {
    this.pool = pool?.name;
    this.driver = pool?.driver.name;
    this.endpoint = pool?.endpoint;
    this.verb = verb;
    this.table = table;
  }
}

/** What is known when it begins. */
export interface About {
  readonly pool: { readonly name: string; readonly driver: { readonly name: string }; readonly endpoint: Endpoint } | undefined;
  readonly verb: string;
  readonly table: string | undefined;
}

/** One call of the app: `get`, `bulk`, `transaction`, a page of a `scan`. */
export class CallEvent extends TracedWork {
  /** The transaction or bulk that it is a part of. */
  readonly parent: CallEvent | undefined;
  /**
   * Of reads by key of a cached table: `hit` when the cache had every row, `miss` when some were read from the database
   * since it did not have them, else `bypass`.
   */
  cached: "hit" | "miss" | "bypass" | undefined = undefined;

  constructor(about: About, parent: CallEvent | undefined) {
    super(about);
    this.parent = parent;
  }
}

/** One request to the engine, with its repetitions. Several calls may share it, and a call may need several. */
export class CommandEvent extends TracedWork {
  /** The command, with places where its values go. Absent for commands that the app wrote itself (native ones, Knex), which may have values in them. */
  readonly text: string | undefined;
  /** How many members it carries: 1, or more for a group. */
  readonly groupSize: number;
  /** The calls that it serves, one after another. */
  readonly calls: readonly CallEvent[];
  /** How often it was sent again. */
  retries = 0;

  constructor(about: About, command: { readonly text?: string; readonly groupSize?: number; readonly calls: readonly CallEvent[] }) {
    super(about);
    this.text = command.text;
    this.groupSize = command.groupSize ?? 1;
    this.calls = command.calls;
  }
}

/** What is counted of a result. */
export type Numbers = Partial<Pick<TracedWork, "rows" | "affected" | "failed">>;

type Channel<Event extends object> = TracingChannel<unknown, Event>;

const channels = findNodeModule("node:diagnostics_channel");

/** The channel `tracing:bk:db:call`, undefined where the runtime has none. */
export const callChannel = channels?.tracingChannel?.<unknown, CallEvent>("bk:db:call");
/** The channel `tracing:bk:db:command`. */
export const commandChannel = channels?.tracingChannel?.<unknown, CommandEvent>("bk:db:command");

/** Whether anybody listens to calls: commands name the calls that they serve. */
export function tracesCalls(): boolean {
  return hasListeners(callChannel) || hasListeners(commandChannel);
}

export function tracesCommands(): boolean {
  return hasListeners(commandChannel);
}

function hasListeners<Event extends object>(channel: Channel<Event> | undefined): boolean {
  if (channel === undefined) return false;
  // Bun does not ask all five for us.
  const { start, end, asyncStart, asyncEnd, error } = channel;
  return channel.hasSubscribers ?? [start, end, asyncStart, asyncEnd, error].some(({ hasSubscribers }) => hasSubscribers);
}

/**
 * Runs work and reports it: `start` before, `end` when it has begun, `error` where it failed, `asyncStart` and `asyncEnd`
 * when it is over, also for work that is done at once.
 */
export function traced<T, Event extends TracedWork>(
  channel: Channel<Event> | undefined,
  event: Event,
  work: () => T | Promise<T>,
  count: (result: T) => Numbers,
): T | Promise<T> {
  // What people read, and nothing is decided by: not the clock that tests set.
  const startedAt = performance.now();
  const end = (): void => {
    event.durationMs = performance.now() - startedAt;
    if (event.error !== undefined) channel?.error.publish(event);
  };
  const over = (): void => {
    channel?.asyncStart.publish(event);
    channel?.asyncEnd.publish(event);
  };
  const done = (result: T): T => {
    Object.assign(event, count(result));
    end();
    return result;
  };
  const failed = (error: unknown): never => {
    event.error = tracedError(error);
    end();
    throw error;
  };
  const run = (): T | Promise<T> => runWithin(event.around, work);
  let result: T | Promise<T>;
  let isOver = true;
  try {
    result = channel === undefined ? run() : channel.start.runStores(event, run);
    if (result instanceof Promise) {
      isOver = false;
      return result.then(done, failed).finally(over);
    }
    return done(result);
  } catch (error) {
    return failed(error);
  } finally {
    channel?.end.publish(event);
    if (isOver) over();
  }
}

function runWithin<T>(around: readonly Around[], work: () => T): T {
  return around.reduceRight<() => T>((inner, outer) => () => outer(inner), work)();
}

function tracedError(error: unknown): TracedError {
  if (error instanceof BkError) return { name: error.name, code: error.code, outcome: error.outcome, message: error.message };
  const name = error instanceof Error ? error.name : typeof error;
  return { name, code: undefined, outcome: undefined, message: "an error of the app's own" };
}
