// One subscription of a caller: what waits for it, how it is handed out, and how it ends.

import type { Log } from "@bk/core";

import { Fifo } from "../common/fifo.js";
import { QueueError } from "../errors.js";
import { type Codec, decode, sizeOf } from "./codec.js";
import type { Payload } from "./driver.js";
import type { CheckedSubscribeOptions, MessageHandler, MessageInfo, Missed, SubscriptionStats } from "./options.js";

interface Waiting {
  readonly channel: string;
  readonly payload: Payload;
}

/** Who takes the subscription off the engine. */
export interface Source {
  /** The engine hands over nothing more when it resolves. */
  leave(): Promise<void>;
}

interface SubscriptionOptions {
  readonly limits: CheckedSubscribeOptions;
  readonly driver: string;
  readonly pattern: string;
  readonly prefix: string;
  readonly codec: Codec;
  readonly log: Log;
  readonly handler: MessageHandler<unknown> | undefined;
}

/** A message as an iteration gives it. */
export interface Message<T> {
  readonly channel: string;
  readonly data: T;
}

/**
 * A subscription. Its handler is called for one message after the other, or up to `concurrency` at once; without a handler it is
 * iterated: `for await (const { channel, data } of subscription)`.
 */
export class Subscription<T = unknown> implements AsyncIterable<Message<T>> {
  readonly #options: SubscriptionOptions;
  readonly #waiting = new Fifo<Waiting>();
  /** Made when a handler asks for its signal: few do. */
  #controller: AbortController | undefined;
  #waitingBytes = 0;
  #running = 0;
  #isHanding = false;
  /** `open`; `draining`: hands out what it has; `ended`. */
  #state: "open" | "draining" | "ended" = "open";
  #isTold = false;
  #error: QueueError | undefined;
  #source: Source | undefined;
  #wake: (() => void) | undefined;
  #onIdle: (() => void)[] = [];
  #resolveClosed: (error: QueueError | undefined) => void = () => undefined;
  #counts = { received: 0, delivered: 0, dropped: 0, failed: 0, malformed: 0 };

  /** Resolves when it has ended: with the error that ended it, or undefined when it was closed. Never rejects. */
  readonly closed: Promise<QueueError | undefined>;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /** The channel or pattern. */
  get pattern(): string {
    return this.#options.pattern;
  }

  /** What has come and become of it; `waiting` are those that are still to be handed out. */
  stats(): SubscriptionStats {
    return { ...this.#counts, waiting: this.#waiting.size };
  }

  /** @internal */
  begin(source: Source): void {
    this.#source = source;
  }

  /** @internal */
  push(fullChannel: string, payload: Payload): void {
    if (this.#state === "ended") return;
    this.#counts.received++;
    const channel = fullChannel.slice(this.#options.prefix.length);
    const { handler, limits } = this.#options;
    const { concurrency, maxWaiting, maxWaitingBytes, whenFull } = limits;
    if (handler !== undefined && !this.#isHanding && this.#running < concurrency && this.#waiting.size === 0) {
      this.#isHanding = true;
      this.#hand(handler, { channel, payload });
      this.#isHanding = false;
      // What it published itself has come meanwhile.
      return this.#waiting.size === 0 ? this.#settle() : this.#pump();
    }
    const size = sizeOf(payload);
    while (this.#waiting.size >= maxWaiting || (this.#waiting.size > 0 && this.#waitingBytes + size > maxWaitingBytes)) {
      this.#slow();
      if (whenFull === "close")
        return this.fail(new QueueError("limited", "the subscriber is too slow", { ...this.#where, outcome: "none" }));
      if (whenFull === "drop-newest") return;
      this.#take();
    }
    this.#waiting.push({ channel, payload });
    this.#waitingBytes += size;
    this.#wake?.();
  }

  /** @internal */
  missed(): void {
    if (this.#state !== "ended") this.#tell({ reason: "disconnected" });
  }

  /** @internal Ends it by an error. */
  fail(error: QueueError): void {
    if (this.#state === "ended") return;
    this.#error = error;
    this.#options.log.error("a subscription has ended", { driver: this.#options.driver, pattern: this.pattern, error });
    void this.close();
  }

  /**
   * Ends it at once: what waits is dropped, and no message is handed out any more. A handler that runs goes on, with its signal
   * aborted.
   *
   * @returns when the engine has let it go; never rejects
   */
  async close(): Promise<void> {
    if (this.#state !== "ended") {
      this.#state = "ended";
      this.#waiting.clear();
      this.#waitingBytes = 0;
      this.#controller?.abort(this.#closedError());
      this.#wake?.();
      this.#settle();
      this.#resolveClosed(this.#error);
    }
    await this.#source?.leave();
  }

  /**
   * Takes nothing more from the engine, hands out what it has, waits until the handlers have ended, then closes.
   *
   * @param timeoutMs  how long that may take, default 10,000; what is left then is dropped
   * @returns whether all was done in time
   */
  async drain(timeoutMs = 10_000): Promise<boolean> {
    if (this.#state === "open") this.#state = "draining";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)));
    const done = (async () => {
      await this.#source?.leave();
      if (this.#running > 0 || this.#waiting.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
      return true;
    })();
    const inTime = await Promise.race([done, late]);
    clearTimeout(timer);
    await Promise.race([this.close(), Promise.resolve()]);
    return inTime;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The messages, as they come. Leaving the loop closes the subscription; an error that ends it is thrown. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, void> {
    if (this.#options.handler !== undefined) throw new QueueError("invalid", "a subscription with a handler is not iterated", this.#where);
    try {
      for (;;) {
        const next = this.#take();
        if (next !== undefined) {
          const data = this.#decode(next);
          if (data !== undefined) {
            this.#counts.delivered++;
            yield { channel: next.channel, data: data.value as T };
          }
        } else if (this.#state === "open") {
          await new Promise<void>((resolve) => (this.#wake = resolve));
          this.#wake = undefined;
        } else break;
        this.#settle();
      }
      if (this.#error !== undefined) throw this.#error;
    } finally {
      await this.close();
    }
  }

  get #where(): { driver: string; op: string; target: string } {
    return { driver: this.#options.driver, op: "subscribe", target: this.pattern };
  }

  #signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#state === "ended") this.#controller.abort(this.#closedError());
    }
    return this.#controller.signal;
  }

  #closedError(): QueueError {
    return new QueueError("closed", "the subscription was closed", { ...this.#where, outcome: "none" });
  }

  #take(): Waiting | undefined {
    const next = this.#waiting.shift();
    if (next !== undefined) this.#waitingBytes -= sizeOf(next.payload);
    // Told again only when it had caught up meanwhile.
    const { maxWaiting, maxWaitingBytes } = this.#options.limits;
    if (this.#isTold && this.#waiting.size * 2 <= maxWaiting && this.#waitingBytes * 2 <= maxWaitingBytes) this.#isTold = false;
    return next;
  }

  #slow(): void {
    this.#counts.dropped++;
    if (this.#isTold) return;
    this.#isTold = true;
    this.#options.log.warn("a subscriber is too slow; messages are dropped", { driver: this.#options.driver, pattern: this.pattern });
    this.#tell({ reason: "slow" });
  }

  #tell(missed: Missed): void {
    try {
      this.#options.limits.onMissed?.(missed);
    } catch (error) {
      this.#options.log.error("onMissed of a subscription failed", { pattern: this.pattern, error });
    }
  }

  #hand(handler: MessageHandler<unknown>, next: Waiting): void {
    const data = this.#decode(next);
    if (data === undefined) return;
    this.#counts.delivered++;
    const signalOf = (): AbortSignal => this.#signal();
    const info: MessageInfo = {
      channel: next.channel,
      get signal() {
        return signalOf();
      },
    };
    let result: unknown;
    try {
      result = handler(data.value, info);
    } catch (error) {
      return this.#failed(error);
    }
    if (!isThenable(result)) return;
    this.#running++;
    result.then(this.#ended, this.#endedWithError);
  }

  readonly #ended = (): void => {
    this.#running--;
    this.#pump();
  };

  readonly #endedWithError = (error: unknown): void => {
    this.#failed(error);
    this.#ended();
  };

  #failed(error: unknown): void {
    this.#counts.failed++;
    this.#options.log.error("a handler of messages failed", { driver: this.#options.driver, pattern: this.pattern, error });
  }

  #pump(): void {
    const { handler, limits } = this.#options;
    if (this.#isHanding || handler === undefined) return;
    this.#isHanding = true;
    while (this.#running < limits.concurrency) {
      const next = this.#take();
      if (next === undefined) break;
      this.#hand(handler, next);
    }
    this.#isHanding = false;
    this.#settle();
  }

  /** Tells those who wait for the end of what runs. */
  #settle(): void {
    if (this.#onIdle.length === 0 || this.#running > 0 || this.#waiting.size > 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  #decode({ channel, payload }: Waiting): { readonly value: unknown } | undefined {
    try {
      return { value: decode(this.#options.codec, payload) };
    } catch {
      // What another program has sent in another form. The error would show a part of it.
      if (this.#counts.malformed++ === 0)
        this.#options.log.warn("a message cannot be read and is left out", {
          driver: this.#options.driver,
          channel,
          codec: this.#options.codec,
        });
      return undefined;
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
