// The contract of services: how calls and their answers travel. Read this to write a driver.

import type { ClientEvents, Clock, Log } from "@bk/core";

import type { Classified } from "../errors.js";

/** What an engine can do, as plain data. */
export interface ServiceCapabilities {
  /** Who can be called: this process, the processes of one server, or all that reach the engine. */
  readonly reach: "process" | "server" | "network";
  /** Whether the calls of one tick may travel in one message. */
  readonly batches: boolean;
}

/** The text of a message, as the engine carries it. */
export type Body = string | Uint8Array;

/** Sends an answer. It never throws; an answer that cannot be sent is lost, and its call times out. */
export type Reply = (body: string) => void;

/** The serving side of one service, as the driver calls it. None of these throws. */
export interface ServiceHost {
  /** One call. Without `reply` nobody waits for an answer. */
  call(method: string, body: Body, reply: Reply | undefined): void;
  /** Several calls in one message; `reply` may be used several times. Only where `capabilities.batches`. */
  calls(body: Body, reply: Reply): void;
  /** What was sent to all instances. */
  all(body: Body): void;
  /** What the instance says of itself, for discovery. */
  describe(kind: "ping" | "info" | "stats"): object;
}

/** The calling side, as the driver tells it what became of its messages. None of these throws. */
export interface ServiceCaller {
  /** An answer to the message with this token. */
  answered(token: string, body: Body): void;
  /** Nobody listens to it; nothing was done. */
  nobody(token: string): void;
  /**
   * The engine refuses to carry calls of a method, or with `method` undefined several in one message, by a native error;
   * nothing was done.
   */
  refused(service: string, method: string | undefined, error: unknown): void;
  /** The message with this token could not be sent, or may not have been, by a native error. */
  broken(token: string, error: unknown): void;
  /** No answer can come any more, by a native error. */
  failed(error: unknown): void;
}

/** An instance of a service, as it describes itself. */
export interface InstanceInfo {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly [fact: string]: unknown;
}

/**
 * One engine of services. Every call reaches at most one instance of its service, and is never sent twice.
 *
 * Errors are native ones, which `classify` explains, or errors of this package.
 */
export interface ServiceDriver {
  readonly name: string;
  readonly capabilities: ServiceCapabilities;
  /** The most bytes of one message; may change with the server. */
  readonly maxBytes: number;
  /** Undefined when the engine can be used now; else a promise for it, which rejects when it cannot be reached in time. */
  ready(): Promise<void> | undefined;
  /** Takes answers for `caller` from now on; called once, before the first `send`. */
  receive(caller: ServiceCaller): Promise<void>;
  /** Sends a call to one instance; `token` names its answer. What goes wrong is told to the caller, unless it throws at once. */
  send(service: string, method: string, body: string, token: string): void;
  /** Sends several calls in one message, as `wire.ts` writes them, to one instance. */
  sendBatch?(service: string, body: string, token: string): void;
  /** Sends a call to one instance without waiting for an answer; resolves when the engine has taken it. */
  post(service: string, method: string, body: string): Promise<void>;
  /** The same to all instances. */
  postAll(service: string, body: string): Promise<void>;
  /** Takes calls for a service; resolves when callers find it. After a lost connection the driver takes them again by itself. */
  serve(service: string, host: ServiceHost): Promise<Serving>;
  /** Asks the instances of a service, or of all, and gives who answers within `waitMs`. */
  discover(kind: "ping" | "info" | "stats", service: string | undefined, waitMs: number): Promise<readonly InstanceInfo[]>;
  /** What a native error means; undefined when it is not known. */
  classify(error: unknown): Classified | undefined;
  /** Sends what is still to be sent, then frees the connections, at once where the engine does not answer. */
  close(): Promise<void>;
}

export interface Serving {
  /** Takes no more calls; resolves when those that were on the way have been handed over. */
  close(): Promise<void>;
}

/** What `openService` gives a driver when it opens it. */
export interface ServiceDriverOptions {
  readonly url: string;
  /** Further settings, named and checked by each driver. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told by the driver of what happens to its connection. */
  readonly events?: ClientEvents | undefined;
}
