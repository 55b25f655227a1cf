// Subscribing on the nodes of a cluster that have the channels: one connection for each node of which something is wanted.

import { type Clock, type Log, onAbort } from "@bk/core";
import { withoutCommand } from "@bk/core/redis";
import type { Cluster, Redis } from "ioredis";

import { QueueError } from "../../errors.js";
import type { Sink } from "../../pubsub/driver.js";
import { keepAlive, maxDelayMs, nodeOptions, type RedisModule } from "./connection.js";
import type { RedisSettings } from "./options.js";
import { slotOf } from "./slots.js";

/** How often a channel is followed to the node that another node says has it. */
const mostMoves = 5;

interface Channel {
  readonly name: string;
  readonly slot: number;
  readonly sinks: Set<Sink>;
  /** The connection on which it is subscribed. */
  at: Redis | undefined;
  /** It was subscribed before and is not now. */
  isLost: boolean;
  placing: Promise<void> | undefined;
}

export class ShardedSubscriber {
  readonly #module: RedisModule;
  readonly #settings: RedisSettings;
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #channels = new Map<string, Channel>();
  /** Connections by address, those that are being made too. */
  readonly #nodes = new Map<string, Promise<Redis>>();
  readonly #closing = new AbortController();
  #restoring: Promise<void> | undefined;

  constructor(module: RedisModule, settings: RedisSettings, cluster: Cluster, { clock, log }: { clock: Clock; log: Log }) {
    this.#module = module;
    this.#settings = settings;
    this.#cluster = cluster;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws native errors, and `unavailable` while no node has the channel */
  async add(name: string, sink: Sink): Promise<void> {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = { name, slot: slotOf(name), sinks: new Set(), at: undefined, isLost: false, placing: undefined };
      this.#channels.set(name, channel);
    }
    channel.sinks.add(sink);
    try {
      if (channel.at === undefined) await this.#place(channel);
    } catch (error) {
      this.#drop(channel, sink);
      throw error;
    }
  }

  /** Ends it. What has to be sent is sent now: a new subscription to the same name is sent after it. */
  async remove(name: string, sink: Sink): Promise<void> {
    const channel = this.#channels.get(name);
    if (channel === undefined || !channel.sinks.has(sink)) return;
    this.#drop(channel, sink);
    if (channel.sinks.size === 0) await channel.at?.sunsubscribe(name);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const node of this.#nodes.values())
      node.then(
        (client) => client.disconnect(),
        () => undefined,
      );
    await this.#restoring;
  }

  #drop(channel: Channel, sink: Sink): void {
    channel.sinks.delete(sink);
    if (channel.sinks.size === 0 && this.#channels.get(channel.name) === channel) this.#channels.delete(channel.name);
  }

  #place(channel: Channel): Promise<void> {
    return (channel.placing ??= this.#follow(channel).finally(() => (channel.placing = undefined)));
  }

  async #follow(channel: Channel): Promise<void> {
    for (let moves = 0; ; moves++) {
      const [address] = this.#cluster.slots[channel.slot] ?? [];
      if (address === undefined)
        throw new QueueError("unavailable", "no node has the channel's slot", { driver: "redis", outcome: "none" });
      const node = await this.#nodeAt(address);
      try {
        await node.ssubscribe(channel.name);
        channel.at = node;
        return;
      } catch (error) {
        if (moves === mostMoves || !(error instanceof Error) || !error.message.startsWith("MOVED ")) throw error;
        await this.#refresh();
      }
    }
  }

  #nodeAt(address: string): Promise<Redis> {
    let node = this.#nodes.get(address);
    if (node === undefined) {
      node = this.#connect(address);
      this.#nodes.set(address, node);
      // It is tried anew by whoever needs it next.
      node.catch(() => this.#nodes.delete(address));
    }
    return node;
  }

  async #connect(address: string): Promise<Redis> {
    if (this.#closing.signal.aborted) throw new QueueError("closed", "used after close", { driver: "redis", outcome: "none" });
    const colon = address.lastIndexOf(":");
    const client = new this.#module.Redis({
      ...nodeOptions(this.#settings),
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
      autoResubscribe: false,
      retryStrategy: () => null,
    });
    let lastError: unknown;
    client.on("error", (error: unknown) => (lastError = withoutCommand(error)));
    client.on("smessageBuffer", (name: Buffer, payload: Buffer) => this.#deliver(client, name.toString(), payload));
    // A slot has moved away, and the subscriptions with it.
    client.on("moved", () => this.#lose(client));
    try {
      await client.connect();
    } catch (error) {
      client.disconnect();
      throw lastError ?? withoutCommand(error);
    }
    const pings = keepAlive(client, this.#settings.pingIntervalMs);
    client.once("end", () => {
      clearInterval(pings);
      this.#nodes.delete(address);
      this.#log.debug("redis subscriber lost its connection", { error: lastError });
      this.#lose(client);
    });
    return client;
  }

  #deliver(client: Redis, name: string, payload: Buffer): void {
    const channel = this.#channels.get(name);
    // While a slot moves two nodes may have it.
    if (channel === undefined || (channel.at !== undefined && channel.at !== client)) return;
    for (const sink of channel.sinks) sink.deliver(name, payload);
  }

  #lose(client: Redis): void {
    for (const channel of this.#channels.values()) {
      if (channel.at !== client) continue;
      channel.at = undefined;
      channel.isLost = true;
    }
    if (!this.#closing.signal.aborted) this.#restoring ??= this.#restore().finally(() => (this.#restoring = undefined));
  }

  /** Subscribes again to what was lost, wherever it is by now; who listened has missed what was published meanwhile. */
  async #restore(): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; attempt++) {
      await this.#refresh();
      const lost = [...this.#channels.values()].filter(({ isLost }) => isLost);
      if (lost.length === 0) return;
      await Promise.all(lost.map((channel) => this.#restoreOne(channel)));
      if (lost.every(({ isLost }) => !isLost)) continue;
      const longest = Math.min(maxDelayMs, 50 * 2 ** Math.min(attempt, 10));
      await this.#clock.sleep(this.#clock.random() * longest, signal).catch(() => undefined);
    }
  }

  async #restoreOne(channel: Channel): Promise<void> {
    try {
      if (channel.at === undefined) await this.#place(channel);
    } catch (error) {
      this.#log.debug("redis subscriber is not back yet", { error: withoutCommand(error) });
      return;
    }
    // Lost again already, or the connection stands.
    if (channel.at === undefined) return;
    channel.isLost = false;
    for (const sink of channel.sinks) sink.missed();
  }

  /** Asks the cluster which node has what; for a time. What is known stays when it does not say. */
  #refresh(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        stopListening();
        resolve();
      };
      const timer = setTimeout(end, this.#settings.connectTimeoutMs);
      const stopListening = onAbort(this.#closing.signal, end);
      this.#cluster.refreshSlotsCache(end);
    });
  }
}
