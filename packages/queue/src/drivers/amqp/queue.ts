// Work queues on RabbitMQ: quorum queues, acknowledged one by one; messages wait for a time in queues from which they
// fall back into the first.

import { onAbort } from "@bk/core";
import type { Channel, ConfirmChannel, GetMessage, Options } from "amqplib";

import { atMost } from "../../common/at-most.js";
import type {
  NewMessage,
  QueueCapabilities,
  QueueDriver,
  QueueDriverOptions,
  Settlement,
  Submitted,
  Taken,
  TakeRequest,
} from "../../queue/driver.js";
import { Confirms } from "./confirms.js";
import { type AmqpConnection, AmqpLink, loadAmqp } from "./connection.js";
import { AmqpDead } from "./dead-messages.js";
import { classifyAmqp } from "./errors.js";
import { amqpOptions } from "./options.js";
import { type AmqpQueueNames, amqpQueueNames, levelCount, levelOf, msOf } from "./queue-names.js";

const capabilities: QueueCapabilities = Object.freeze({
  durable: "broker",
  reach: "network",
  visibility: "connection",
  delay: true,
  priorities: false,
  groups: false,
  dedupe: "none",
  dead: true,
  stats: ["waiting", "dead"] as const,
  remove: false,
  purge: true,
  transactions: false,
  bodyBytes: 16 * 1024 * 1024,
  most: { submit: 1000, take: 250, settle: 1000 },
});

/** Channels on which messages are taken, each one message after the other. */
const takers = 4;
/** Levels of delay that are emptied at once. */
const purgersAtOnce = 16;
/** The usual limit of deliveries of newer servers would remove messages; attempts are the facade's. */
const queueArguments = { "x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000 };

/** How long the queue may take for its last answer. */
const patienceMs = 2_000;
/** How long a queue for a delay is taken to be there. */
const sureMs = 60_000;

interface AmqpTaken extends Taken {
  readonly channel: Channel;
  readonly message: GetMessage;
}

/** What stands on one connection. */
interface Carried {
  readonly connection: AmqpConnection;
  readonly confirms: Confirms;
  readonly channels: readonly Channel[];
  /** Levels of delay whose queues are there, and when that was made sure of. */
  readonly levels: Map<number, { readonly made: Promise<void>; readonly at: number }>;
}

/**
 * `amqp://user:password@host:5672/virtual-host`, `amqps://…`; several hosts with commas.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function amqpQueue(options: QueueDriverOptions): Promise<QueueDriver> {
  const settings = amqpOptions(options);
  const queue = new AmqpQueue(amqpQueueNames(settings.prefix, options.queue));
  queue.link = new AmqpLink(settings, await loadAmqp(), queue, options);
  return queue;
}

class AmqpQueue implements QueueDriver {
  readonly name = "amqp";
  readonly capabilities = capabilities;
  readonly #names: AmqpQueueNames;
  readonly #taken = new Set<AmqpTaken>();
  /** Ends the takes that wait. */
  readonly #waiting = new Set<() => void>();
  #carried: Carried | undefined;
  link!: AmqpLink;

  constructor(names: AmqpQueueNames) {
    this.#names = names;
  }

  async connected(connection: AmqpConnection): Promise<void> {
    const first = await connection.createConfirmChannel();
    const watch = (channel: Channel | ConfirmChannel): void => {
      channel.on("error", () => {
        // Its end follows.
      });
      channel.on("close", () => this.link.renew());
    };
    watch(first);
    const { main, dead } = this.#names;
    for (const queue of [main, dead]) await first.assertQueue(queue, { durable: true, arguments: queueArguments });
    const channels = await Promise.all(Array.from({ length: takers }, () => connection.createChannel()));
    for (const channel of channels) watch(channel);
    this.#carried = { connection, confirms: new Confirms(first), channels, levels: new Map() };
  }

  disconnected(error: unknown): void {
    this.#carried?.confirms.end(error);
    this.#carried = undefined;
    // What this process had comes back, to whoever takes it first.
    this.#taken.clear();
    for (const end of this.#waiting) end();
  }

  ready(): Promise<void> | undefined {
    return this.link.ready();
  }

  submit(messages: readonly NewMessage[]): Promise<readonly Submitted[]> {
    return Promise.all(
      messages.map(async ({ id, body, delayMs }): Promise<Submitted> => {
        try {
          await this.#send(id, body, 0, delayMs);
          return { id, duplicate: false };
        } catch (error) {
          return { error };
        }
      }),
    );
  }

  /** @param attempts  how many there have been */
  async #send(id: string, body: string, attempts: number, delayMs: number): Promise<void> {
    const level = delayMs > 0 ? levelOf(delayMs) : undefined;
    const queue = level === undefined ? this.#names.main : await this.#delayQueue(level);
    const due = level !== undefined && msOf(level) < delayMs ? { "bk-due": Date.now() + delayMs } : {};
    const options: Options.Publish = { deliveryMode: 2, messageId: id, headers: { "bk-attempts": attempts, ...due } };
    await this.#standing.confirms.publish("", queue, Buffer.from(body), options);
  }

  /** The queue goes when nobody has named it for some time, which is longer than messages stay in it. */
  async #delayQueue(level: number): Promise<string> {
    const { confirms, levels } = this.#standing;
    const queue = this.#names.delay(level);
    const known = levels.get(level);
    const ms = msOf(level);
    if (known !== undefined && performance.now() - known.at < sureMs) {
      await known.made;
      return queue;
    }
    const delay = {
      ...queueArguments,
      "x-message-ttl": ms,
      "x-expires": Math.min(2 ** 32 - 1, ms + 3 * sureMs),
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": this.#names.main,
      // The broker forgets a message here when the other queue has it.
      "x-dead-letter-strategy": "at-least-once",
      "x-overflow": "reject-publish",
    };
    const made = confirms.channel.assertQueue(queue, { durable: true, arguments: delay }).then(() => undefined);
    levels.set(level, { made, at: performance.now() });
    await made;
    return queue;
  }

  async take({ count, waitMs, signal }: TakeRequest): Promise<readonly Taken[]> {
    const until = performance.now() + waitMs;
    for (;;) {
      await this.link.ready();
      const taken = await this.#takeNow(count, signal);
      const leftMs = until - performance.now();
      if (taken.length > 0 || signal.aborted || leftMs <= 0) return taken;
      const first = await this.#next(leftMs, signal);
      if (first !== undefined) return [first];
      if (signal.aborted || performance.now() >= until) return [];
    }
  }

  /** What is there now: each channel gets one after the other, until there is none or there are enough. */
  async #takeNow(count: number, signal: AbortSignal): Promise<AmqpTaken[]> {
    const { channels } = this.#standing;
    const taken: AmqpTaken[] = [];
    let wanted = count;
    const work = async (channel: Channel): Promise<void> => {
      while (wanted > 0 && !signal.aborted) {
        wanted--;
        const message = await channel.get(this.#names.main);
        if (message === false) {
          wanted = 0;
          return;
        }
        const own = await this.#own(channel, message);
        if (own === undefined) wanted++;
        else taken.push(own);
      }
    };
    const results = await Promise.allSettled(channels.slice(0, count).map(work));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined && taken.length === 0) throw failed.reason;
    return taken;
  }

  /** The first message that comes: a consumer that has one message at most, and ends with it. */
  async #next(waitMs: number, signal: AbortSignal): Promise<AmqpTaken | undefined> {
    const channel = await this.#standing.connection.createChannel();
    channel.on("error", () => {
      // Its end follows.
    });
    let got: GetMessage | undefined;
    let wake = (): void => undefined;
    const something = new Promise<void>((resolve) => (wake = resolve));
    channel.on("close", wake);
    this.#waiting.add(wake);
    const stopListening = signal.aborted ? undefined : onAbort(signal, wake);
    const timer = setTimeout(wake, Math.min(waitMs, 2 ** 31 - 1));
    if (signal.aborted) wake();
    try {
      await channel.prefetch(1);
      const { consumerTag } = await channel.consume(this.#names.main, (message) => {
        if (message !== null) got = message as unknown as GetMessage;
        wake();
      });
      await something;
      // What comes before the answer is ours.
      await channel.cancel(consumerTag);
    } catch (error) {
      // With the connection what has come is gone, and comes back.
      if (this.#carried !== undefined && classifyAmqp(error)?.code !== "unavailable") throw error;
      got = undefined;
    } finally {
      clearTimeout(timer);
      stopListening?.();
      this.#waiting.delete(wake);
    }
    const own = got === undefined ? undefined : await this.#own(channel, got, true);
    if (own === undefined) await channel.close().catch(() => undefined);
    return own;
  }

  /** Undefined for one that is not due yet, which is held back again. */
  async #own(channel: Channel, message: GetMessage, isAlone = false): Promise<AmqpTaken | undefined> {
    const { headers = {}, messageId } = message.properties;
    const due = Number(headers["bk-due"] ?? 0) - Date.now();
    const id = typeof messageId === "string" && /^[\w-]{1,100}$/.test(messageId) ? messageId : `m${message.fields.deliveryTag}`;
    const body = message.content.toString();
    const before = Number(headers["bk-attempts"] ?? 0);
    if (due > 0) {
      await this.#send(id, body, before, due);
      channel.ack(message);
      return undefined;
    }
    // The server counts how often it came back to the queue, of a consumer that is gone too.
    const attempt = before + Number(headers["x-delivery-count"] ?? 0) + 1;
    const taken: AmqpTaken = { id, body, attempt, channel, message };
    if (isAlone) this.#alone.add(taken);
    this.#taken.add(taken);
    return taken;
  }

  /** Those that have a channel of their own, which ends with them. */
  readonly #alone = new WeakSet<AmqpTaken>();

  extend(taken: readonly Taken[]): Promise<readonly boolean[]> {
    return Promise.resolve((taken as readonly AmqpTaken[]).map((each) => this.#taken.has(each)));
  }

  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    return Promise.all(settlements.map((settlement) => this.#settleOne(settlement)));
  }

  async #settleOne({ taken: given, verdict }: Settlement): Promise<boolean> {
    const taken = given as AmqpTaken;
    if (!this.#taken.has(taken)) return false;
    const { id, body, attempt, channel, message } = taken;
    if (verdict.kind === "retry" && verdict.delayMs <= 0 && verdict.counts) {
      this.#taken.delete(taken);
      channel.nack(message, false, true);
      await this.#end(taken);
      return true;
    }
    // First the one, then the other: a crash between them leaves the message twice, never none.
    if (verdict.kind === "retry") await this.#send(id, body, verdict.counts ? attempt : attempt - 1, verdict.delayMs);
    if (verdict.kind === "dead") await this.#bury(id, body, attempt, verdict.error);
    if (!this.#taken.delete(taken)) return false;
    channel.ack(message);
    await this.#end(taken);
    return true;
  }

  async #end(taken: AmqpTaken): Promise<void> {
    // The acknowledgement goes out before the channel ends.
    if (this.#alone.delete(taken)) await taken.channel.close().catch(() => undefined);
  }

  async #bury(id: string, body: string, attempts: number, error: string): Promise<void> {
    const headers = { "bk-attempts": attempts, "bk-error": error.slice(0, 1000), "bk-time": Date.now() };
    await this.#standing.confirms.publish("", this.#names.dead, Buffer.from(body), { deliveryMode: 2, messageId: id, headers });
  }

  async stats(): Promise<{ waiting: number; dead: number }> {
    const { channel } = this.#standing.confirms;
    const [main, dead] = await Promise.all([channel.checkQueue(this.#names.main), channel.checkQueue(this.#names.dead)]);
    return { waiting: main.messageCount, dead: dead.messageCount };
  }

  async purge(): Promise<number> {
    const { confirms } = this.#standing;
    let count = (await confirms.channel.purgeQueue(this.#names.main)).messageCount;
    // Which levels are there only the broker knows, and asking for one that is not ends a channel.
    for (let from = 0; from < levelCount; from += purgersAtOnce) {
      const levels = Array.from({ length: Math.min(purgersAtOnce, levelCount - from) }, (_, at) => from + at);
      for (const purged of await Promise.all(levels.map((level) => this.#purgeLevel(level)))) count += purged;
    }
    return count;
  }

  async #purgeLevel(level: number): Promise<number> {
    const channel = await this.#standing.connection.createChannel();
    channel.on("error", () => {
      // That there is no such queue is told by the call.
    });
    try {
      const { messageCount } = await channel.purgeQueue(this.#names.delay(level));
      await channel.close();
      return messageCount;
    } catch (error) {
      if (classifyAmqp(error)?.code === "not-found") return 0;
      throw error;
    }
  }

  get dead(): QueueDriver["dead"] & {} {
    const letters = (): AmqpDead => new AmqpDead(this.#standing.connection, this.#standing.confirms, this.#names);
    return {
      list: (count, start) => letters().list(count, start),
      retry: (which) => letters().retry(which),
      purge: (which) => letters().purge(which),
    };
  }

  classify(error: unknown): ReturnType<QueueDriver["classify"]> {
    return classifyAmqp(error);
  }

  async close(): Promise<void> {
    const { channels = [] } = this.#carried ?? {};
    // An acknowledgement has no answer: when the queue answers behind it, it has it.
    await atMost(patienceMs, Promise.allSettled(channels.map((channel) => channel.checkQueue(this.#names.main))));
    await this.link.close();
  }

  get #standing(): Carried {
    if (this.#carried === undefined) throw new Error("connection closed");
    return this.#carried;
  }
}
