// A pub/sub of @bk/queue, or one like it, as the bus of a tiered cache: by its calls, without that package.

import type { Bus } from "./driver.js";
import { CacheError } from "./errors.js";

/** What is used of a pub/sub: a `PubSub` of @bk/queue is one. */
export interface PubSubLike {
  publish(channel: string, message: unknown, limits: { readonly timeoutMs: number }): Promise<unknown>;
  subscribe(
    channel: string,
    handler: (message: unknown) => void,
    options: { readonly timeoutMs: number; readonly onMissed: () => void },
  ): Promise<{ close(): Promise<unknown> }>;
}

export interface BusOptions {
  /** How long a change waits until the bus has its message, in milliseconds; default 1,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * The bus of a tiered cache over a pub/sub of @bk/queue: `openCache("tiered:memcached://…", { options: { bus: busOf(pubsub) } })`.
 *
 * The pub/sub has its usual codec, `json`. It stays open when the cache is closed; it is to be closed after the cache.
 *
 * @throws CacheError `invalid` for what is no pub/sub
 */
export function busOf(pubsub: PubSubLike, { timeoutMs = 1_000 }: BusOptions = {}): Bus {
  const { publish, subscribe } = (pubsub ?? {}) as Partial<PubSubLike>;
  if (typeof publish !== "function" || typeof subscribe !== "function")
    throw new CacheError("invalid", "busOf: needs a pub/sub, as openPubSub of @bk/queue gives it", { detail: { field: "pubsub" } });
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1)
    throw new CacheError("invalid", "busOf: timeoutMs must be an integer from 1", { detail: { field: "timeoutMs" } });
  return {
    publish: (channel, message) => pubsub.publish(channel, message, { timeoutMs }),
    subscribe: (channel, listener, lost) =>
      pubsub.subscribe(channel, (message) => typeof message === "string" && listener(message), { timeoutMs, onMissed: lost }),
  };
}
