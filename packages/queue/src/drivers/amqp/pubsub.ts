// Publish and subscribe on RabbitMQ: a topic exchange, a queue of its own for each process, and one for each group.

import { nodeModule } from "@bk/core";
import type { Channel, ConsumeMessage } from "amqplib";

import { type Pattern, readPattern } from "../../pubsub/channels.js";
import type { EngineSubscription, PubSubDriver, PubSubDriverOptions, Sink, Wanted } from "../../pubsub/driver.js";
import { Confirms } from "./confirms.js";
import { type AmqpConnection, AmqpLink, loadAmqp } from "./connection.js";
import { classifyAmqp } from "./errors.js";
import { type AmqpOptions, amqpOptions } from "./options.js";

/** The most messages that wait in the broker for one process; the oldest give way. */
const maxLength = 100_000;

/** One subscription: of the process's own queue, or of a group's. */
interface Member {
  readonly wanted: Wanted;
  readonly sink: Sink;
  readonly pattern: Pattern;
  /** In a group: its consumer. */
  consumer: string | undefined;
}

/** What stands on one connection. */
interface Carried {
  readonly confirms: Confirms;
  readonly channel: Channel;
  /** The process's own queue. */
  readonly queue: string;
}

/**
 * `amqp://user:password@host:5672/virtual-host`, `amqps://…`; several hosts with commas.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function amqpPubSub(options: PubSubDriverOptions): Promise<PubSubDriver> {
  const settings = amqpOptions(options);
  const exchange = new TopicExchange(settings);
  const link = new AmqpLink(settings, await loadAmqp(), exchange, options);
  exchange.onLost = () => link.renew();
  return {
    name: "amqp",
    // What the server takes unless it is set otherwise.
    capabilities: { reach: "network", wildcards: true, groups: true, maxBytes: 128 * 1024 * 1024 },
    ready: () => link.ready(),
    publish: (channel, payload) => exchange.publish(channel, Buffer.from(payload as string)),
    subscribe: (wanted, sink) => exchange.subscribe(wanted, sink),
    classify: classifyAmqp,
    close: () => link.close(),
  };
}

class TopicExchange {
  readonly #name: string;
  readonly #members = new Set<Member>();
  /** Those for which an end has been sent. */
  readonly #leaving = new Set<Member>();
  #carried: Carried | undefined;
  #hasConnected = false;
  /** Called when a channel is lost while the connection stands. */
  onLost: () => void = () => undefined;

  constructor({ exchange }: AmqpOptions) {
    this.#name = exchange;
  }

  async connected(connection: AmqpConnection): Promise<void> {
    const confirms = new Confirms(await connection.createConfirmChannel());
    const channel = await connection.createChannel();
    let isClosed = false;
    channel.on("error", () => {
      // Its end follows.
    });
    channel.on("close", () => {
      isClosed = true;
      this.onLost();
    });
    confirms.channel.on("close", () => this.onLost());
    await confirms.channel.assertExchange(this.#name, "topic", { durable: true });
    const { queue } = await channel.assertQueue("", {
      exclusive: true,
      autoDelete: true,
      durable: false,
      arguments: { "x-max-length": maxLength },
    });
    await channel.consume(queue, (message) => this.#deliver(message), { noAck: true });
    this.#carried = { confirms, channel, queue };
    for (const member of this.#members) await this.#begin(member);
    if (isClosed) throw new Error("channel closed");
    if (this.#hasConnected) for (const { sink } of this.#members) sink.missed();
    this.#hasConnected = true;
  }

  disconnected(error: unknown): void {
    this.#carried?.confirms.end(error);
    this.#carried = undefined;
  }

  async publish(channel: string, content: Buffer): Promise<void> {
    await this.#standing.confirms.publish(this.#name, channel, content, { deliveryMode: 1 });
  }

  async subscribe(wanted: Wanted, sink: Sink): Promise<EngineSubscription> {
    const member: Member = { wanted, sink, pattern: readPattern(wanted.pattern, "subscribe"), consumer: undefined };
    this.#members.add(member);
    try {
      await this.#begin(member);
    } catch (error) {
      this.#members.delete(member);
      throw error;
    }
    return { close: () => this.#end(member) };
  }

  async #begin(member: Member): Promise<void> {
    const { channel, queue } = this.#standing;
    const { pattern, group } = member.wanted;
    const key = keyOf(pattern);
    if (group === undefined) return void (await channel.bindQueue(queue, this.#name, key));
    const shared = groupQueue(this.#name, group, pattern);
    await channel.assertQueue(shared, { autoDelete: true, durable: false, arguments: { "x-max-length": maxLength } });
    await channel.bindQueue(shared, this.#name, key);
    const { consumerTag } = await channel.consume(shared, (message) => this.#deliverTo(member, message), { noAck: true });
    member.consumer = consumerTag;
  }

  async #end(member: Member): Promise<void> {
    const { pattern, group } = member.wanted;
    try {
      const carried = this.#carried;
      if (carried === undefined) return;
      if (group !== undefined) return void (await carried.channel.cancel(member.consumer!));
      this.#leaving.add(member);
      const others = [...this.#members].some(
        (other) => !this.#leaving.has(other) && other.wanted.group === undefined && other.wanted.pattern === pattern,
      );
      // Sent now: a new subscription to the same channel is sent after it.
      if (!others) await carried.channel.unbindQueue(carried.queue, this.#name, keyOf(pattern));
    } finally {
      this.#members.delete(member);
      this.#leaving.delete(member);
    }
  }

  #deliver(message: ConsumeMessage | null): void {
    // The broker has ended the queue.
    if (message === null) return this.onLost();
    const { routingKey } = message.fields;
    for (const { wanted, pattern, sink } of this.#members)
      if (wanted.group === undefined && pattern.matches(routingKey)) sink.deliver(routingKey, message.content);
  }

  #deliverTo({ sink }: Member, message: ConsumeMessage | null): void {
    if (message === null) return this.onLost();
    sink.deliver(message.fields.routingKey, message.content);
  }

  get #standing(): Carried {
    if (this.#carried === undefined) throw new Error("connection closed");
    return this.#carried;
  }
}

/** A pattern in AMQP's words, whose `#` stands for any number of parts, none too. */
function keyOf(pattern: string): string {
  return pattern
    .split(".")
    .map((part) => (part === ">" ? "*.#" : part))
    .join(".");
}

/** Names of queues have at most 255 bytes, as channels have. */
function groupQueue(exchange: string, group: string, pattern: string): string {
  const hash = nodeModule("node:crypto").createHash("sha256").update(`${exchange}\0${pattern}`).digest("hex").slice(0, 32);
  return `bk.group.${group}.${hash}`;
}
