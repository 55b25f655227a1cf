// The connection on which a process subscribes. It is made again when it is lost, to another node where there are several,
// and what was subscribed is subscribed again.

import type { ClientEvents, Clock, Log } from "@bk/core";
import { withoutCommand } from "@bk/core/redis";
import type { Redis } from "ioredis";

import { Gate } from "../../common/gate.js";
import { QueueError } from "../../errors.js";
import type { Payload, Sink } from "../../pubsub/driver.js";
import { keepAlive, maxDelayMs, nodeOptions, placeOf, type RedisModule } from "./connection.js";
import { classifyRedis } from "./errors.js";
import type { RedisHost, RedisSettings } from "./options.js";

/** Channels, or patterns in the words of Redis. */
type Kind = "channel" | "pattern";

/** As many in one command. */
const atOnce = 500;

export class RedisSubscriber {
  readonly #module: RedisModule;
  readonly #settings: RedisSettings;
  readonly #nodes: () => readonly RedisHost[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gate: Gate;
  readonly #sinks: Record<Kind, Map<string, Set<Sink>>> = { channel: new Map(), pattern: new Map() };
  /** Those for which an end has been sent. */
  readonly #leaving = new Set<Sink>();
  readonly #closing = new AbortController();
  #client: Redis | undefined;
  #running: Promise<void> | undefined;

  /** @param nodes  those of a cluster that are known now */
  constructor(
    module: RedisModule,
    settings: RedisSettings,
    nodes: () => readonly RedisHost[],
    { clock, log, events }: { clock: Clock; log: Log; events?: ClientEvents | undefined },
  ) {
    this.#module = module;
    this.#settings = settings;
    this.#nodes = nodes;
    this.#clock = clock;
    this.#log = log;
    this.#gate = new Gate({ driver: "redis", waitMs: settings.connectTimeoutMs, events });
  }

  /** @throws native errors, and `unavailable` when it is not connected in time */
  async add(kind: Kind, name: string, sink: Sink): Promise<void> {
    this.#running ??= this.#run();
    const waiting = this.#gate.wait();
    if (waiting !== undefined) await waiting;
    const sinks = this.#sinks[kind];
    const known = sinks.get(name) ?? new Set();
    sinks.set(name, known.add(sink));
    try {
      await this.#send(kind, "subscribe", [name]);
    } catch (error) {
      this.#drop(kind, name, sink);
      throw error;
    }
  }

  /** Ends it; what comes before the server's answer is still handed over. */
  async remove(kind: Kind, name: string, sink: Sink): Promise<void> {
    const known = this.#sinks[kind].get(name);
    if (known === undefined || !known.has(sink)) return;
    const leaving = this.#leaving;
    leaving.add(sink);
    try {
      const isWanted = [...known].some((other) => !leaving.has(other));
      // Sent now: a new subscription to the same name is sent after it.
      if (!isWanted && this.#gate.isOpen) await this.#send(kind, "unsubscribe", [name]);
    } finally {
      leaving.delete(sink);
      this.#drop(kind, name, sink);
    }
  }

  async close(): Promise<void> {
    this.#gate.close();
    this.#closing.abort();
    this.#client?.disconnect();
    await this.#running;
  }

  #drop(kind: Kind, name: string, sink: Sink): void {
    const known = this.#sinks[kind].get(name);
    if (known?.delete(sink) === true && known.size === 0) this.#sinks[kind].delete(name);
  }

  #send(kind: Kind, what: "subscribe" | "unsubscribe", names: readonly string[]): Promise<unknown> {
    const client = this.#client!;
    if (kind === "channel") return what === "subscribe" ? client.subscribe(...names) : client.unsubscribe(...names);
    return what === "subscribe" ? client.psubscribe(...names) : client.punsubscribe(...names);
  }

  /** Keeps a connection until it is closed. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 0, times = 0; !signal.aborted; times++) {
      const nodes = this.#nodes();
      const wasReady = await this.#oneConnection(nodes[times % Math.max(1, nodes.length)]);
      attempt = wasReady ? 0 : attempt + 1;
      const longest = Math.min(maxDelayMs, 50 * 2 ** Math.min(attempt, 10));
      await this.#clock.sleep(this.#clock.random() * longest, signal).catch(() => undefined);
    }
  }

  /** One connection from its beginning to its end; whether it was of use. */
  async #oneConnection(at: RedisHost | undefined): Promise<boolean> {
    const { Redis } = this.#module;
    const client = new Redis({
      ...nodeOptions(this.#settings),
      ...placeOf(this.#settings, at),
      autoResubscribe: false,
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
    });
    this.#client = client;
    let isReady = false;
    let lastError: unknown;
    const ended = new Promise<void>((resolve) => client.once("end", resolve));
    client.on("error", (error: unknown) => {
      lastError = withoutCommand(error);
    });
    client.on("messageBuffer", (channel: Buffer, payload: Buffer) => this.#deliver("channel", channel, channel, payload));
    client.on("pmessageBuffer", (pattern: Buffer, channel: Buffer, payload: Buffer) => this.#deliver("pattern", pattern, channel, payload));
    let pings: ReturnType<typeof setInterval> | undefined;
    try {
      await client.connect();
      await this.#resubscribe();
      isReady = true;
      pings = keepAlive(client, this.#settings.pingIntervalMs);
      this.#gate.open();
      await ended;
    } catch (error) {
      lastError ??= withoutCommand(error);
      client.disconnect();
    }
    clearInterval(pings);
    const reason = classifyRedis(lastError);
    this.#log.debug("redis subscriber lost its connection", { error: lastError });
    if (reason?.code === "unauthenticated")
      this.#gate.fail(new QueueError(reason.code, `redis: ${reason.message}`, { driver: "redis", outcome: "none", cause: lastError }));
    else this.#gate.shut(lastError);
    return isReady;
  }

  /** Subscribes to all that is wanted; who listened before has missed what was published meanwhile. */
  async #resubscribe(): Promise<void> {
    const all: Sink[] = [];
    for (const kind of ["channel", "pattern"] as const) {
      const names = [...this.#sinks[kind].keys()];
      for (let start = 0; start < names.length; start += atOnce) {
        const some = names.slice(start, start + atOnce);
        try {
          await this.#send(kind, "subscribe", some);
        } catch (error) {
          // A rule that forbids one of them: each is tried alone.
          if (classifyRedis(error)?.code !== "denied") throw error;
          for (const name of some) await this.#resubscribeOne(kind, name);
        }
      }
      for (const sinks of this.#sinks[kind].values()) all.push(...sinks);
    }
    for (const sink of all) sink.missed();
  }

  async #resubscribeOne(kind: Kind, name: string): Promise<void> {
    try {
      await this.#send(kind, "subscribe", [name]);
    } catch (error) {
      if (classifyRedis(error)?.code !== "denied") throw error;
      const sinks = this.#sinks[kind].get(name) ?? [];
      this.#sinks[kind].delete(name);
      for (const sink of sinks) sink.failed(withoutCommand(error));
    }
  }

  #deliver(kind: Kind, key: Buffer, channel: Buffer, payload: Payload): void {
    const sinks = this.#sinks[kind].get(key.toString());
    if (sinks === undefined) return;
    const name = channel.toString();
    for (const sink of sinks) sink.deliver(name, payload);
  }
}
