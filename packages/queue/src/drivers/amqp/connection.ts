// One connection to RabbitMQ, opened with the first call and made again by itself. What it carries (channels, queues of this
// process, consumers) is made anew by those who listen.

import type { ClientEvents, Clock, Log } from "@bk/core";
import type * as Amqplib from "amqplib";

import { atMost } from "../../common/at-most.js";
import { Gate } from "../../common/gate.js";
import { driverMissing, QueueError } from "../../errors.js";
import { classifyAmqp } from "./errors.js";
import type { AmqpOptions } from "./options.js";

export type AmqpConnection = Amqplib.ChannelModel;

export interface AmqpListener {
  /** A connection stands; calls wait until this has resolved. A rejection ends the connection, and another is made. */
  connected(connection: AmqpConnection): Promise<void>;
  /** It is lost, or is given up. */
  disconnected(error: unknown): void;
}

const maxDelayMs = 2000;
const patienceMs = 2000;

export class AmqpLink {
  readonly #options: AmqpOptions;
  readonly #module: typeof Amqplib;
  readonly #listener: AmqpListener;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gate: Gate;
  readonly #closing = new AbortController();
  #connection: AmqpConnection | undefined;
  #isRunning = false;

  constructor(
    options: AmqpOptions,
    module: typeof Amqplib,
    listener: AmqpListener,
    { clock, log, events }: { clock: Clock; log: Log; events?: ClientEvents | undefined },
  ) {
    this.#options = options;
    this.#module = module;
    this.#listener = listener;
    this.#clock = clock;
    this.#log = log;
    this.#gate = new Gate({ driver: "amqp", waitMs: options.connectTimeoutMs, events });
  }

  ready(): Promise<void> | undefined {
    if (this.#gate.isOpen) return undefined;
    if (!this.#isRunning && !this.#closing.signal.aborted) {
      this.#isRunning = true;
      void this.#run();
    }
    return this.#gate.wait();
  }

  /** Ends the connection, and has another made: something that it carries is lost. */
  renew(): void {
    void this.#connection?.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    const connection = this.#gate.isOpen ? this.#connection : undefined;
    this.#gate.close();
    this.#closing.abort();
    // Sends what is still to be sent, and hears the server's goodbye.
    if (connection !== undefined) await atMost(patienceMs, connection.close());
  }

  /** Keeps a connection until it is closed. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { hosts } = this.#options;
    for (let attempt = 0, times = 0; !signal.aborted; times++) {
      attempt = (await this.#oneConnection(hosts[times % hosts.length]!)) ? 0 : attempt + 1;
      const longest = Math.min(maxDelayMs, 50 * 2 ** Math.min(attempt, 10));
      await this.#clock.sleep(this.#clock.random() * longest, signal).catch(() => undefined);
    }
  }

  /** One connection from its beginning to its end; whether it was of use. */
  async #oneConnection(at: AmqpOptions["hosts"][number]): Promise<boolean> {
    let isReady = false;
    let reason: unknown;
    try {
      const connection = await this.#connect(at);
      const ended = new Promise<void>((resolve) => {
        connection.on("error", (error) => (reason = error));
        connection.on("close", (error?: Error) => {
          reason ??= error;
          resolve();
        });
      });
      if (this.#closing.signal.aborted) {
        await connection.close();
        return false;
      }
      this.#connection = connection;
      try {
        await this.#listener.connected(connection);
        isReady = true;
        this.#gate.open();
      } catch (error) {
        reason = error;
        await connection.close().catch(() => undefined);
      }
      await ended;
    } catch (error) {
      reason = error;
    }
    this.#connection = undefined;
    this.#log.debug("amqp connection lost", { error: reason });
    const known = classifyAmqp(reason);
    // Waiting heals neither a wrong password nor other settings.
    if (!isReady && known !== undefined && known.code !== "unavailable")
      this.#gate.fail(
        new QueueError(known.code, `amqp: ${known.message ?? known.code}`, { driver: "amqp", outcome: "none", cause: reason }),
      );
    else this.#gate.shut(reason);
    this.#listener.disconnected(reason ?? new Error("connection closed"));
    return isReady;
  }

  #connect({ host, port }: AmqpOptions["hosts"][number]): Promise<AmqpConnection> {
    const { user: username, password, virtualHost: vhost, tls, heartbeatSeconds: heartbeat, connectTimeoutMs: timeout } = this.#options;
    const protocol = tls === false ? "amqp" : "amqps";
    const settings = { protocol, hostname: host, port, username, password, vhost, heartbeat };
    return this.#module.connect(settings, { noDelay: true, keepAlive: true, timeout, ...(typeof tls === "object" ? tls : {}) });
  }
}

/** @throws QueueError `driver-missing` when the client package is not installed */
export async function loadAmqp(): Promise<typeof Amqplib> {
  try {
    return await import("amqplib");
  } catch (error) {
    throw driverMissing("amqp", "amqplib", error);
  }
}
