// One NATS connection, opened with the first call and made again by itself.

import type { ClientEvents, Log } from "@bk/core";
import type { NatsConnection } from "@nats-io/nats-core";
import type * as Transport from "@nats-io/transport-node";

import { atMost } from "../../common/at-most.js";
import { Gate } from "../../common/gate.js";
import { driverMissing, QueueError } from "../../errors.js";
import { classifyNats } from "./errors.js";
import type { NatsOptions } from "./options.js";

/** Told of what happens to the connection, in order. */
export interface NatsListener {
  /** It is back after a loss; what was subscribed is subscribed again. */
  reconnected?(): void;
  /** It is lost; what was sent without an answer may have been. */
  disconnected?(): void;
  /** The server refused something that was sent without an answer. */
  refused?(error: Error): void;
}

/** The longest wait between two attempts. */
const maxDelayMs = 2000;

export class NatsLink {
  readonly #options: NatsOptions;
  readonly #module: typeof Transport;
  readonly #log: Log;
  readonly #gate: Gate;
  readonly #listeners = new Set<NatsListener>();
  #connection: NatsConnection | undefined;
  #isOpening = false;
  #isClosed = false;
  #attempt = 0;

  constructor(options: NatsOptions, module: typeof Transport, log: Log, events: ClientEvents | undefined) {
    this.#options = options;
    this.#module = module;
    this.#log = log;
    this.#gate = new Gate({ driver: "nats", waitMs: options.connectTimeoutMs, events });
  }

  /** Undefined when the connection stands; else a promise for it. */
  ready(): Promise<void> | undefined {
    if (this.#gate.isOpen) return undefined;
    if (this.#connection === undefined && !this.#isOpening && !this.#isClosed) void this.#open();
    return this.#gate.wait();
  }

  get isOpen(): boolean {
    return this.#gate.isOpen;
  }

  /** The connection; only after `ready`. */
  get connection(): NatsConnection {
    if (this.#connection === undefined) throw new QueueError("unavailable", "nats is not reached", { driver: "nats", outcome: "none" });
    return this.#connection;
  }

  listen(listener: NatsListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends the connection; what has been sent is flushed for as long as `patienceMs`. */
  async close(patienceMs = 2000): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const wasOpen = this.#gate.isOpen;
    this.#gate.close();
    const connection = this.#connection;
    if (connection === undefined) return;
    if (wasOpen) await atMost(patienceMs, connection.flush());
    await connection.close();
  }

  /** Tries until it succeeds, nobody waits any more, or waiting does not help. */
  async #open(): Promise<void> {
    this.#isOpening = true;
    try {
      do {
        try {
          const connection = await this.#module.connect(this.#connectOptions());
          if (this.#isClosed) return await connection.close();
          this.#connection = connection;
          this.#attempt = 0;
          void this.#watch(connection);
          return this.#gate.open();
        } catch (error) {
          this.#refused(error);
        }
        await new Promise((resolve) => setTimeout(resolve, this.#delayMs()));
      } while (this.#gate.waiting > 0 && !this.#isClosed);
    } finally {
      this.#isOpening = false;
    }
  }

  #refused(error: unknown): void {
    const reason = classifyNats(error);
    if (reason?.code === "unavailable" || reason?.code === "timeout" || reason === undefined) return this.#gate.shut(error);
    const message = `nats cannot be reached: ${reason.message ?? reason.code}`;
    this.#gate.fail(new QueueError(reason.code, message, { driver: "nats", outcome: "none", cause: error }));
  }

  #delayMs(): number {
    return Math.random() * Math.min(maxDelayMs, 50 * 2 ** Math.min(this.#attempt++, 10));
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        this.#gate.shut();
        this.#log.debug("nats connection lost");
        for (const listener of this.#listeners) listener.disconnected?.();
      } else if (status.type === "reconnect") {
        this.#attempt = 0;
        this.#gate.open();
        for (const listener of this.#listeners) listener.reconnected?.();
      } else if (status.type === "error") {
        this.#log.debug("nats refused something", { error: status.error });
        for (const listener of this.#listeners) listener.refused?.(status.error);
      }
    }
  }

  #connectOptions(): Parameters<typeof Transport.connect>[0] {
    const { servers, user, password, token, credentials, nkeySeed, tls, name, inboxPrefix, connectTimeoutMs, pingIntervalMs } =
      this.#options;
    const text = new TextEncoder();
    const authenticator =
      credentials !== undefined
        ? this.#module.credsAuthenticator(text.encode(credentials))
        : nkeySeed !== undefined
          ? this.#module.nkeyAuthenticator(text.encode(nkeySeed))
          : undefined;
    return {
      servers: [...servers],
      timeout: connectTimeoutMs,
      inboxPrefix,
      // Errors without a stack of their own cost no time; calls have errors of this package.
      noAsyncTraces: true,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      pingInterval: pingIntervalMs,
      reconnectDelayHandler: () => this.#delayMs(),
      ...(user === undefined ? {} : { user, pass: password ?? "" }),
      ...(token === undefined ? {} : { token }),
      ...(authenticator === undefined ? {} : { authenticator }),
      ...(tls === false ? {} : { tls: tls === true ? {} : tls }),
      ...(name === undefined ? {} : { name }),
    };
  }
}

/** @throws QueueError `driver-missing` */
export async function openNats(
  options: NatsOptions,
  { log, events }: { readonly log: Log; readonly events?: ClientEvents | undefined },
): Promise<NatsLink> {
  let module: typeof Transport;
  try {
    module = await import("@nats-io/transport-node");
  } catch (error) {
    throw driverMissing("nats", "@nats-io/transport-node", error);
  }
  return new NatsLink(options, module, log, events);
}
