// The contract of publish and subscribe: read this to write a driver.

import type { ClientEvents, Clock, Log } from "@bk/core";

import type { Classified } from "../errors.js";

/** What an engine can do, as plain data. What it lacks is refused before the driver is asked. */
export interface PubSubCapabilities {
  /** Who hears a message: this process, the processes of one server (one machine and parent), or all that reach the engine. */
  readonly reach: "process" | "server" | "network";
  /** Whether one subscription may stand for many channels. */
  readonly wildcards: boolean;
  /** Whether subscribers may form a group, of which one gets each message. */
  readonly groups: boolean;
  /** The most bytes of a message. */
  readonly maxBytes: number;
}

/** A message as the engine carries it. */
export type Payload = string | Uint8Array;

/** Where a driver hands over what it has of one subscription. */
export interface Sink {
  /** Takes a message at once, in the order of the engine. It never throws. */
  deliver(channel: string, payload: Payload): void;
  /** Messages may have been missed, as the connection was lost; the subscription holds again. */
  missed(): void;
  /** The subscription has ended for good, by a native error. */
  failed(error: unknown): void;
}

/** A subscription that the engine has taken. */
export interface EngineSubscription {
  /**
   * Ends it. What has to be sent is sent before this returns, so that a new subscription to the same channel is not ended by it.
   *
   * @returns when the sink gets nothing any more
   */
  close(): Promise<void>;
}

export interface Wanted {
  /** A channel, or a pattern where the engine has them: `*` for one part, a last `>` for one or more. */
  readonly pattern: string;
  readonly isWild: boolean;
  /** Of the subscriptions of a group, one gets each message. */
  readonly group: string | undefined;
}

/**
 * One engine of publish and subscribe. Messages go to whoever is subscribed then; nothing is kept.
 *
 * Errors are native ones, which `classify` explains, or errors of this package.
 */
export interface PubSubDriver {
  readonly name: string;
  readonly capabilities: PubSubCapabilities;
  /**
   * Undefined when the engine can be used now; else a promise for it, which rejects when it cannot be reached in time.
   * Nothing is sent meanwhile.
   */
  ready(): Promise<void> | undefined;
  /** Sends a message; resolves when the engine has taken it. Undefined: it has. */
  publish(channel: string, payload: Payload): Promise<void> | undefined;
  /**
   * Subscribes; resolves when messages that are published from then on arrive. After a lost connection the driver subscribes
   * again by itself, then tells the sink that it may have missed messages.
   *
   * An engine whose patterns take in more channels than `pattern` may hand these over too; they are dropped by the facade.
   */
  subscribe(wanted: Wanted, sink: Sink): Promise<EngineSubscription>;
  /** What a native error means; undefined when it is not known (then it is `internal`, outcome unknown). */
  classify(error: unknown): Classified | undefined;
  /** Frees the connections, at once where the engine does not answer; waiting calls end with `closed`. */
  close(): Promise<void>;
}

/** What `openPubSub` gives a driver when it opens it. */
export interface PubSubDriverOptions {
  /** The connection as the app wrote it. */
  readonly url: string;
  /** Further settings, named and checked by each driver. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told by the driver of what happens to its connection. */
  readonly events?: ClientEvents | undefined;
}
