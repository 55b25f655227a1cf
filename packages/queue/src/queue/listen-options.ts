import { integer, number, type OptionTypes, readOptions } from "@bk/core";

import { invalid, wrongOption } from "../errors.js";
import { type Backoff, type Failure, usualFailure } from "./verdict.js";

/** What a handler is told beside the message. */
export interface HandlerContext {
  readonly id: string;
  /** Which attempt this is, from 1. Attempts whose process ended count. */
  readonly attempt: number;
  /** Most attempts; 0: no limit. */
  readonly maxAttempts: number;
  /** The queue's name. */
  readonly queue: string;
  readonly groupKey: string | undefined;
  /** Aborts when the handler is to stop; its reason is a `HandlerStopped` that says why. */
  readonly signal: AbortSignal;
  /** Tells the listeners of `progress` how far it is. */
  progress(value: unknown): void;
}

/**
 * Does the work of one message. When it returns, or its promise resolves, the message is removed; when it throws, it is tried
 * again. It may run more than once for one message: after a crash, a lost connection, a renewal that came too late.
 */
export type Handler<Message = unknown> = (message: Message, context: HandlerContext) => unknown;

export interface ListenOptions {
  /** Handlers at once; from 1, default 1. */
  readonly concurrency?: number;
  /** Milliseconds until a message whose consumer is gone comes back; from 100, default 30,000. While a handler runs it is renewed. */
  readonly visibilityTimeoutMs?: number;
  /** Milliseconds that a handler may take before its signal aborts; default: no limit. */
  readonly maxRunMs?: number;
  /** Milliseconds that a handler has after its signal aborted before it counts as failed; default 10,000. */
  readonly graceMs?: number;
  /** Milliseconds that `close` waits for handlers before it aborts their signals; default 30,000. */
  readonly closeTimeoutMs?: number;
  /** Most attempts of messages that do not say it themselves; 0: no limit. Default: that of the queue. */
  readonly maxAttempts?: number;
  /** How long a message rests after a failure. */
  readonly backoff?: Backoff;
  /** What an error of the handler means for its message; default: `GiveUp` is `dead`, `TryLater` what it says, others `retry`. */
  readonly failure?: (error: unknown) => Failure;
  /**
   * Most messages that are taken before a handler is free for them; default 500. As many are as handlers have begun in about 10 ms of late, so none where
   * a handler takes long. Those that wait longer than 100 ms are given back. 0: none.
   */
  readonly prefetch?: number;
  /** Milliseconds that one request for messages waits at the broker while there are none; default 20,000. */
  readonly waitMs?: number;
  /** Most requests for messages in a second, for brokers that are paid by the request; default: no limit. */
  readonly maxPollRate?: number;
  /** Tells when very many messages wait. `unsupported` where the engine does not tell how many. */
  readonly alarm?: Alarm;
  /** Closes the listener when it aborts. */
  readonly signal?: AbortSignal;
}

/** While at least `length` messages wait, each look logs a warning and emits `long`. */
export interface Alarm {
  readonly length: number;
  /** Milliseconds between two looks; default 30,000. */
  readonly everyMs?: number;
}

/** Options with their defaults. */
export interface ListenSettings {
  readonly concurrency: number;
  readonly visibilityTimeoutMs: number;
  readonly maxRunMs: number | undefined;
  readonly graceMs: number;
  readonly closeTimeoutMs: number;
  readonly maxAttempts: number;
  readonly backoff: Required<Backoff>;
  readonly failure: (error: unknown) => Failure;
  readonly prefetch: number;
  readonly waitMs: number;
  readonly maxPollRate: number | undefined;
  readonly alarm: Required<Alarm> | undefined;
}

const numbers = {
  concurrency: integer({ min: 1, max: 100_000 }),
  visibilityTimeoutMs: integer({ min: 100, max: 12 * 3_600_000 }),
  maxRunMs: integer({ min: 1 }),
  graceMs: integer(),
  closeTimeoutMs: integer(),
  maxAttempts: integer(),
  prefetch: integer({ max: 100_000 }),
  waitMs: integer({ max: 3_600_000 }),
  maxPollRate: number({ above: 0 }),
} satisfies OptionTypes;

const backoffs = {
  delayMs: integer(),
  factor: number({ above: 0 }),
  maxDelayMs: integer(),
  jitter: number({ above: -1, max: 1 }),
} satisfies OptionTypes;

const alarms = { length: integer({ min: 1 }), everyMs: integer({ min: 1 }) } satisfies OptionTypes;

const hourMs = 3_600_000;

/** @throws QueueError `invalid` naming the option */
export function listenSettings(options: ListenOptions, maxAttempts: number): ListenSettings {
  const { backoff = {}, failure = usualFailure, alarm, signal, ...rest } = options;
  const wrong = wrongOption("listen");
  if (typeof failure !== "function") throw wrong("failure", 'option "failure" must be a function');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrong("signal", 'option "signal" must be an AbortSignal');
  const given = readOptions(rest, numbers, wrong);
  const rests = readOptions({ ...backoff }, backoffs, wrongOption("listen: backoff"));
  const { factor = 2, jitter = 0 } = rests;
  if (factor < 1) throw invalid('listen: backoff: option "factor" must be a number from 1');
  if (jitter < 0) throw invalid('listen: backoff: option "jitter" must be a number from 0 to 1');
  const visibilityTimeoutMs = given.visibilityTimeoutMs ?? 30_000;
  return {
    concurrency: given.concurrency ?? 1,
    visibilityTimeoutMs,
    maxRunMs: given.maxRunMs,
    graceMs: given.graceMs ?? 10_000,
    closeTimeoutMs: given.closeTimeoutMs ?? 30_000,
    maxAttempts: given.maxAttempts ?? maxAttempts,
    backoff: { delayMs: rests.delayMs ?? visibilityTimeoutMs, factor, maxDelayMs: rests.maxDelayMs ?? hourMs, jitter },
    failure,
    prefetch: given.prefetch ?? 500,
    waitMs: given.waitMs ?? 20_000,
    maxPollRate: given.maxPollRate,
    alarm: alarm === undefined ? undefined : alarmOf(alarm),
  };
}

function alarmOf(alarm: Alarm): Required<Alarm> {
  const wrong = wrongOption("listen: alarm");
  const { length, everyMs = 30_000 } = readOptions({ ...alarm }, alarms, wrong);
  if (length === undefined) throw wrong("length", 'option "length" must be an integer from 1');
  return { length, everyMs };
}
