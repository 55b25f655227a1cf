// The contract between the facade of work queues and a driver. Read this to write one.
//
// A driver serves one queue of one engine. It has only what must be in the engine: keeping messages, handing each to one
// consumer at a time, bringing back what was not settled. Options, payloads, sizes, attempts, backoff, end times, limits of
// calls, events and errors are the facade's.

import type { ClientEvents, Clock, Log } from "@bk/core";
import type { Classified } from "../errors.js";

/** What `stats` can tell. */
export const statNames = ["waiting", "delayed", "running", "dead"] as const;
export type StatName = (typeof statNames)[number];

/** What a driver can do: plain frozen data, known before it connects. What is not claimed is never asked of it. */
export interface QueueCapabilities {
  /** What a submit that was acknowledged outlives: nothing (`process`), the processes that use it (`host`), the broker's restart as it is configured (`broker`). */
  readonly durable: "process" | "host" | "broker";
  /** Who can consume: this process, those of one server, all that reach the broker. */
  readonly reach: "process" | "host" | "network";
  /**
   * When a message whose consumer is gone comes back: after its visibility timeout, or when the broker sees the connection end (`connection`), so that
   * `extend` has nothing to do and `visibilityMs` no effect.
   */
  readonly visibility: "timeout" | "connection";
  /** Messages can be held back for some time, of any length, when they are submitted. */
  readonly delay: boolean;
  /** Those of a higher priority are taken first. */
  readonly priorities: boolean;
  /** Messages of one group are taken in order, one at a time. */
  readonly groups: boolean;
  /**
   * What `dedupeKey` does: an equal message is not added while one waits, is delayed or runs (`pending`), or within some minutes of the first, whether or
   * not that has ended (`window`), or it is not taken (`none`).
   */
  readonly dedupe: "pending" | "window" | "none";
  /** Dead messages are kept, and can be listed, retried and purged. */
  readonly dead: boolean;
  /** What `stats` tells. */
  readonly stats: readonly StatName[];
  /** `remove` takes back single messages that wait. */
  readonly remove: boolean;
  /** `purge` removes all that wait. */
  readonly purge: boolean;
  /** `submit` in a transaction of the caller commits or rolls back with it; so calls are not gathered. */
  readonly transactions: boolean;
  /** Most bytes of a body; absent where there is no limit worth stating. */
  readonly bodyBytes?: number;
  /** Most messages of one `submit`, one `take`, and one `settle` or `extend`. Of an engine without consumers `take` is 0. */
  readonly most: { readonly submit: number; readonly take: number; readonly settle: number };
}

/** A message on its way in. Options that the driver does not claim are never set. */
export interface NewMessage {
  /** Made by the facade, of letters and digits; no other message has it. */
  readonly id: string;
  /** Well-formed text without U+0000. */
  readonly body: string;
  /** Milliseconds until it may be taken; 0: at once. */
  readonly delayMs: number;
  /** 0, the usual one, to 9, which is taken first. */
  readonly priority: number;
  readonly groupKey: string | undefined;
  readonly dedupeKey: string | undefined;
}

/** What became of one message of a `submit`: its id, or that of the equal one that was there; or why it was not added, as a native error. */
export type Submitted = { readonly id: string; readonly duplicate: boolean } | { readonly error: unknown };

/**
 * A message that this consumer has, until it is settled or its visibility timeout is over. The facade hands the same object
 * back to `extend` and `settle`, so a driver may keep in it what it needs.
 */
export interface Taken {
  readonly id: string;
  readonly body: string;
  /** Deliveries until now that count, this one included: from 1. Those whose consumer was gone count; those that were settled by `retry` with `counts: false` do not. */
  readonly attempt: number;
  readonly groupKey?: string | undefined;
}

export interface TakeRequest {
  /** At most this many, from 1 to `most.take`. */
  readonly count: number;
  /** Milliseconds until they come back by themselves. */
  readonly visibilityMs: number;
  /** Milliseconds to wait while there is nothing; 0: not at all. */
  readonly waitMs: number;
  /** Ends the waiting; what has been taken by then is the reply all the same. */
  readonly signal: AbortSignal;
}

/** What becomes of a message that was taken. */
export type Verdict =
  /** It is removed. */
  | { readonly kind: "done" }
  /** It can be taken again in `delayMs`; without `counts` as if this delivery had not been. In a group nothing else is taken meanwhile. */
  | { readonly kind: "retry"; readonly delayMs: number; readonly counts: boolean }
  /** It becomes a dead one. Without `dead` in the capabilities it is removed. */
  | { readonly kind: "dead"; readonly error: string };

export interface Settlement {
  readonly taken: Taken;
  readonly verdict: Verdict;
}

/** A message that is not tried any more. */
export interface DeadMessage {
  readonly id: string;
  readonly body: string;
  /** What the last attempt failed with, as it was given to `settle`. */
  readonly error: string;
  readonly attempts: number;
  /** When it became a dead one, in milliseconds since 1970. */
  readonly lastTime: number;
}

/** Which dead messages: those with these ids, or all. */
export type Which = readonly string[] | "all";

export interface QueueDriver {
  /** Name in messages. */
  readonly name: string;
  readonly capabilities: QueueCapabilities;
  /**
   * Resolves when the engine is reached and has what the queue needs; undefined when it has now. It is asked before each call, connects
   * at the first one, and rejects when the engine is not reached in the driver's own time, so that nothing piles up while it is away.
   */
  ready?(): Promise<void> | undefined;
  /**
   * Adds messages, with a reply for each, in order. When it resolves they are kept as `durable` says.
   * Messages without priority, delay and group are taken about in the order in which they were added.
   */
  submit(messages: readonly NewMessage[], signal?: AbortSignal): Promise<readonly Submitted[]>;
  /**
   * Takes messages that nobody has, and hides them. Of concurrent takes no two get the same one.
   * Resolves as soon as there is one, without waiting for `count`.
   */
  take(request: TakeRequest): Promise<readonly Taken[]>;
  /** Hides messages for `visibilityMs` from now on. For each, in order: whether this consumer still had it. */
  extend(taken: readonly Taken[], visibilityMs: number, signal?: AbortSignal): Promise<readonly boolean[]>;
  /** Settles messages. For each, in order: whether this consumer still had it; for one that it had no longer nothing is done. */
  settle(settlements: readonly Settlement[], signal?: AbortSignal): Promise<readonly boolean[]>;
  /** The numbers that `capabilities.stats` names. */
  stats(signal?: AbortSignal): Promise<{ readonly [name in StatName]?: number }>;
  /** Removes what waits or is delayed, and gives how many; what runs goes on. */
  purge?(signal?: AbortSignal): Promise<number>;
  /** Removes those of these messages that wait or are delayed, and gives how many. */
  remove?(ids: readonly string[], signal?: AbortSignal): Promise<number>;
  /** Dead messages, oldest first. */
  readonly dead?: {
    /** At most `count`, after the one that `start` stands for. `next` is there when there are more. */
    list(count: number, start: string | undefined, signal?: AbortSignal): Promise<{ rows: readonly DeadMessage[]; next?: string }>;
    /** Makes them wait again, with no attempts, and gives how many; one whose equal (`dedupeKey`) is pending stays. */
    retry(which: Which, signal?: AbortSignal): Promise<number>;
    purge(which: Which, signal?: AbortSignal): Promise<number>;
  };
  /** What a native error means; undefined when the driver does not know it (then it is `internal`, outcome unknown). */
  classify(error: unknown): Classified | undefined;
  /** Waits for what is running and frees the connections. What was taken and not settled comes back later. */
  close(): Promise<void>;
}

/** What `openQueue` gives a driver when it opens it. */
export interface QueueDriverOptions {
  /** The queue's name: letters, digits, `_`, `-` and `.`. */
  readonly queue: string;
  /** The connection as the app wrote it; empty where the app handed an object in. */
  readonly url: string;
  /** Further settings, named and checked by each driver. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told by the driver of what happens to its connection. */
  readonly events?: ClientEvents | undefined;
}

export type OpenQueueDriver = (options: QueueDriverOptions) => Promise<QueueDriver>;
