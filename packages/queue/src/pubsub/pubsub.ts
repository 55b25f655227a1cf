// The facade of publish and subscribe: it checks, encodes, bounds calls and makes errors, once for all engines.

import { type ClientEvent, type ClientEventName, type ClientEvents, type Log, onAbort, silentLog } from "@bk/core";

import { checkLimits, type Limits, withinLimits } from "../common/limits.js";
import { invalid, QueueError, unsupported } from "../errors.js";
import { checkChannel, readPattern } from "./channels.js";
import { type Codec, encode } from "./codec.js";
import type { PubSubCapabilities, PubSubDriver } from "./driver.js";
import { Hub } from "./hub.js";
import { type MessageHandler, type PubSubOptions, readBusOptions, readSubscribeOptions, type SubscribeOptions } from "./options.js";
import { Subscription } from "./subscription.js";

/** Publish and subscribe on one engine; `openPubSub` gives it. */
export class PubSub {
  readonly #driver: PubSubDriver;
  readonly #events: ClientEvents;
  readonly #codec: Codec;
  readonly #prefix: string;
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #drainTimeoutMs: number;
  readonly #log: Log;
  readonly #hub: Hub;
  readonly #subscriptions = new Set<Subscription>();
  readonly #publishing = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(driver: PubSubDriver, options: PubSubOptions, events: ClientEvents) {
    const { codec, prefix, maxMessageBytes, timeoutMs, drainTimeoutMs } = readBusOptions(options);
    if (prefix !== "") checkChannel(`${prefix}x`, "openPubSub: prefix");
    this.#driver = driver;
    this.#events = events;
    this.#codec = codec;
    this.#prefix = prefix;
    this.#maxBytes = Math.min(maxMessageBytes ?? 1024 * 1024, driver.capabilities.maxBytes);
    this.#timeoutMs = timeoutMs;
    this.#drainTimeoutMs = drainTimeoutMs;
    this.#log = options.log ?? silentLog;
    this.#hub = new Hub(driver, (error, op, target) => this.#errorOf(error, op, target));
  }

  /** What the engine can do, as plain data. */
  get capabilities(): PubSubCapabilities {
    return this.#driver.capabilities;
  }

  /**
   * Sends a message to all who are subscribed to its channel now; resolves when the engine has taken it. Nobody listening is no error.
   *
   * The message is encoded before the call returns.
   *
   * @throws QueueError `invalid`; `too-large`; `unavailable` when the engine is not reached; `timeout`, `cancelled`; `denied`; `closed`.
   *   `outcome` says whether it may have been sent
   */
  publish(channel: string, message: unknown, limits: Limits = {}): Promise<void> {
    try {
      this.#checkOpen("publish", channel);
      checkLimits(limits, "publish");
      checkChannel(channel, "publish");
      const full = this.#prefix + channel;
      if (this.#prefix !== "") checkChannel(full, "publish");
      const payload = encode(this.#codec, message, this.#maxBytes);
      if (limits.signal?.aborted === true) return Promise.reject(this.#cancelled(limits.signal, "publish", channel));
      if (this.#driver.capabilities.reach === "process" && this.#driver.ready() === undefined) {
        // Nothing can take time.
        return this.#driver.publish(full, payload) ?? Promise.resolve();
      }
      return this.#track(this.#publish(full, channel, payload, limits));
    } catch (error) {
      return Promise.reject(this.#errorOf(error, "publish", String(channel)));
    }
  }

  /**
   * Calls back for what happens to the connection: `connect`, `reconnect`, `ready`, `disconnect`, `error`, `close`. An engine without a connection tells
   * `close` alone.
   *
   * @returns stops it
   */
  on(event: ClientEventName, listener: (event: ClientEvent) => void): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Subscribes to a channel, or by a pattern to many: `*` stands for any one part between dots, a last `>` for one or more.
   * Resolves when messages that are published from then on arrive.
   *
   * @param handler  gets each message and `{ channel, signal }`; without one the subscription is iterated
   * @param options  `signal` ends the wait, and later the subscription
   * @throws QueueError `invalid`; `unsupported` for patterns or groups that the engine has not; `unavailable`, `timeout`, `cancelled`; `denied`; `closed`
   */
  subscribe<T = unknown>(pattern: string, handler: MessageHandler<T>, options?: SubscribeOptions): Promise<Subscription<T>>;
  subscribe<T = unknown>(pattern: string, options?: SubscribeOptions): Promise<Subscription<T>>;
  async subscribe<T>(text: string, second?: MessageHandler<T> | SubscribeOptions, third?: SubscribeOptions): Promise<Subscription<T>> {
    this.#checkOpen("subscribe", text);
    const handler = typeof second === "function" ? (second as MessageHandler<unknown>) : undefined;
    const options = (handler === undefined ? (second as SubscribeOptions | undefined) : third) ?? {};
    if (typeof options !== "object") throw invalid("subscribe: options must be an object");
    const limits = readSubscribeOptions(options);
    readPattern(text, "subscribe");
    const pattern = readPattern(this.#prefix + text, "subscribe");
    this.#checkSupported(pattern.isWild, options.group);
    const { name } = this.#driver;
    const subscription = new Subscription({
      limits,
      driver: name,
      pattern: text,
      prefix: this.#prefix,
      codec: this.#codec,
      log: this.#log,
      handler,
    });
    const { signal, timeoutMs = this.#timeoutMs } = options;
    if (signal?.aborted === true) throw this.#cancelled(signal, "subscribe", text);
    const { source, taken } = this.#hub.join(pattern, options.group, subscription);
    subscription.begin(source);
    this.#subscriptions.add(subscription);
    void subscription.closed.then(() => this.#subscriptions.delete(subscription));
    try {
      const where = { driver: name, op: "subscribe", target: text, outcome: () => "none" as const };
      await withinLimits({ signal, timeoutMs }, () => taken, where);
    } catch (error) {
      void subscription.close();
      throw this.#errorOf(error, "subscribe", text);
    }
    if (signal !== undefined) {
      const forget = onAbort(signal, () => void subscription.close());
      void subscription.closed.then(forget);
    }
    return subscription as Subscription<T>;
  }

  /**
   * Ends it in good order: calls from now on are `closed`, what is being published is waited for, subscriptions hand out what they
   * have and their handlers end; at most `drainTimeoutMs` for all. A second call waits for the first.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#drainTimeoutMs)));
    const drains = [...this.#subscriptions].map((subscription) => subscription.drain(this.#drainTimeoutMs));
    await Promise.race([Promise.allSettled([...drains, ...this.#publishing]), late]);
    clearTimeout(timer);
    await this.#driver.close();
    this.#events.closed();
  }

  async #publish(full: string, channel: string, payload: Parameters<PubSubDriver["publish"]>[1], limits: Limits): Promise<void> {
    let isSent = false;
    const { signal, timeoutMs = this.#timeoutMs } = limits;
    const send = async (ended: AbortSignal | undefined): Promise<void> => {
      const ready = this.#driver.ready();
      if (ready !== undefined) await ready;
      // The call has ended while it waited.
      if (ended?.aborted === true) return;
      isSent = true;
      await this.#driver.publish(full, payload);
    };
    try {
      const outcome = (): "unknown" | "none" => (isSent ? "unknown" : "none");
      await withinLimits({ signal, timeoutMs }, send, { driver: this.#driver.name, op: "publish", target: channel, outcome });
    } catch (error) {
      throw this.#errorOf(error, "publish", channel);
    }
  }

  async #track(publishing: Promise<void>): Promise<void> {
    this.#publishing.add(publishing);
    try {
      await publishing;
    } finally {
      this.#publishing.delete(publishing);
    }
  }

  #checkSupported(isWild: boolean, group: string | undefined): void {
    const { capabilities, name: driver } = this.#driver;
    if (isWild && !capabilities.wildcards)
      throw unsupported(`subscribe: ${driver} has no patterns; subscribe to each channel`, { driver, detail: { capability: "wildcards" } });
    if (group !== undefined && !capabilities.groups)
      throw unsupported(`subscribe: ${driver} has no groups of subscribers; use a queue`, { driver, detail: { capability: "groups" } });
  }

  #checkOpen(op: string, target: string): void {
    if (this.#closing === undefined) return;
    throw new QueueError("closed", `${op}: used after close`, { driver: this.#driver.name, op, target, outcome: "none" });
  }

  #cancelled(signal: AbortSignal, op: string, target: string): QueueError {
    return new QueueError("cancelled", `${op}: cancelled before it began`, {
      driver: this.#driver.name,
      op,
      target,
      outcome: "none",
      cause: signal.reason,
    });
  }

  #errorOf(error: unknown, op: string, target: string): QueueError {
    if (error instanceof QueueError) return error;
    const { name: driver } = this.#driver;
    const known = this.#driver.classify(error);
    const code = known?.code ?? "internal";
    const message = `${driver} ${op}: ${known?.message ?? "an error that is not known"}`;
    return new QueueError(code, message, { driver, op, target, outcome: known?.outcome, cause: error });
  }
}
