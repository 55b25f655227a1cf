// What the calls of publish and subscribe take, and the checks of it.

import { type Clock, integer, type Log, oneOf, type OptionTypes, readOptions } from "@bk/core";

import { checkLimits, type Limits } from "../common/limits.js";
import { invalid } from "../errors.js";
import type { Codec } from "./codec.js";

/** Settings of a bus. */
export interface PubSubOptions {
  /** How messages are carried; default `json`. All who share channels use the same. */
  readonly codec?: Codec | undefined;
  /** Put before each channel on the engine, such as `shop.`; default: nothing. Callers do not see it. */
  readonly prefix?: string | undefined;
  /** The most bytes of a message, at most what the engine takes; default 1 MiB, or what the engine takes if that is less. */
  readonly maxMessageBytes?: number | undefined;
  /** Milliseconds that a call may take, unless it says otherwise; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that `close` waits for handlers and for what waits to be handed out; default 10,000. */
  readonly drainTimeoutMs?: number | undefined;
  /** Settings of the driver beside the URL, as its README names them. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
}

/** Why messages did not reach a subscriber: it was too slow, or the connection was lost for a while. */
export interface Missed {
  readonly reason: "slow" | "disconnected";
}

export interface SubscribeOptions extends Limits {
  /** Subscribers of one group share the messages: each goes to one of them. Only where `capabilities.groups`. */
  readonly group?: string | undefined;
  /** How many messages the handler has at once; default 1, which keeps their order. */
  readonly concurrency?: number | undefined;
  /** The most messages that wait for a slow subscriber; default 1,000. */
  readonly maxWaiting?: number | undefined;
  /** The most bytes of what waits; default 16 MiB. One message may be larger. */
  readonly maxWaitingBytes?: number | undefined;
  /** What gives way when they are too many; default `drop-oldest`. `close` ends the subscription with `limited`. */
  readonly whenFull?: "drop-oldest" | "drop-newest" | "close" | undefined;
  /**
   * Called when messages have been missed: once when the subscriber becomes too slow, again only after it has caught up; and each
   * time when the connection was lost and is back. Whoever keeps what messages change reads it again then.
   */
  readonly onMissed?: ((missed: Missed) => void) | undefined;
}

export interface CheckedSubscribeOptions {
  readonly concurrency: number;
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
  readonly whenFull: "drop-oldest" | "drop-newest" | "close";
  readonly onMissed: SubscribeOptions["onMissed"];
}

export interface MessageInfo {
  readonly channel: string;
  /** Aborts when the subscription is closed. */
  readonly signal: AbortSignal;
}

/** What a handler throws or rejects with goes to the log and is counted; the next message comes all the same. */
export type MessageHandler<T> = (data: T, info: MessageInfo) => unknown;

export interface SubscriptionStats {
  readonly received: number;
  readonly delivered: number;
  /** Left out as the subscriber was too slow. */
  readonly dropped: number;
  /** Handlers that failed. */
  readonly failed: number;
  /** Left out as they could not be read. */
  readonly malformed: number;
  readonly waiting: number;
}

const maxTimeout = 2 ** 31 - 1;

const busTypes = {
  codec: oneOf(["json", "raw"]),
  prefix: { mustBe: "a string", read: (given: unknown) => (typeof given === "string" ? given : undefined) },
  maxMessageBytes: integer({ min: 1 }),
  timeoutMs: integer({ min: 1, max: maxTimeout }),
  drainTimeoutMs: integer({ min: 0, max: maxTimeout }),
} satisfies OptionTypes;

/** The settings of a bus, checked; the objects among them are handed on. */
export function readBusOptions({ options, clock: _clock, log: _log, ...plain }: PubSubOptions): {
  codec: Codec;
  prefix: string;
  maxMessageBytes: number | undefined;
  timeoutMs: number;
  drainTimeoutMs: number;
} {
  if (options !== undefined && (typeof options !== "object" || options === null)) throw invalid("openPubSub: options must be an object");
  const read = readOptions(plain, busTypes, (option, problem) => invalid(`openPubSub: ${problem}`, { detail: { field: option } }));
  return {
    codec: read.codec ?? "json",
    prefix: read.prefix ?? "",
    maxMessageBytes: read.maxMessageBytes,
    timeoutMs: read.timeoutMs ?? 10_000,
    drainTimeoutMs: read.drainTimeoutMs ?? 10_000,
  };
}

const subscribeTypes = {
  concurrency: integer({ min: 1 }),
  maxWaiting: integer({ min: 1 }),
  maxWaitingBytes: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  whenFull: oneOf(["drop-oldest", "drop-newest", "close"]),
} satisfies OptionTypes;

export function readSubscribeOptions({ signal, timeoutMs, group, onMissed, ...plain }: SubscribeOptions): CheckedSubscribeOptions {
  checkLimits({ signal, timeoutMs }, "subscribe");
  if (onMissed !== undefined && typeof onMissed !== "function") throw invalid("subscribe: onMissed must be a function");
  if (group !== undefined && (typeof group !== "string" || !/^[A-Za-z0-9][\w-]{0,99}$/.test(group)))
    throw invalid('subscribe: a group has letters, digits, "_" and "-" and begins with a letter or digit, at most 100 in all');
  const read = readOptions(plain, subscribeTypes, (option, problem) => invalid(`subscribe: ${problem}`, { detail: { field: option } }));
  return {
    concurrency: read.concurrency ?? 1,
    maxWaiting: read.maxWaiting ?? 1000,
    maxWaitingBytes: read.maxWaitingBytes ?? 16 * 1024 * 1024,
    whenFull: read.whenFull ?? "drop-oldest",
    onMissed,
  };
}
