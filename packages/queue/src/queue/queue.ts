// The calls of a work queue.

import { type ClientEvents, clientEventNames } from "@bk/core";

import { encodeJson } from "../common/json.js";
import { Gatherer, type Ticket } from "../common/gatherer.js";
import { checkLimits, type Limits, withinLimits } from "../common/limits.js";
import { invalid, QueueError } from "../errors.js";
import { DeadMessages } from "./dead.js";
import type { NewMessage, QueueCapabilities, StatName, Submitted } from "./driver.js";
import { bodyOf } from "./envelope.js";
import type { Engine } from "./engine.js";
import { type EventListener, type EventName, Events } from "./events.js";
import { idMaker } from "./ids.js";
import { watchLength } from "./length-alarm.js";
import { type Handler, type ListenOptions, listenSettings } from "./listen-options.js";
import { Listener } from "./listener.js";
import { type Counts, noCounts, type QueueMetrics } from "./metrics.js";
import { type MessageOptions, messageOptions, type SubmitOptions } from "./submit-options.js";

/** What became of a message that was submitted. */
export interface Receipt {
  /** Its id; with `duplicate` that of the equal message. */
  readonly id: string;
  /** An equal message (`dedupeKey`) was there, so nothing was added. */
  readonly duplicate: boolean;
}

/** One message of `submitMany`. */
export interface Item<Message = unknown> extends MessageOptions {
  readonly message: Message;
}

/** How many messages there are; a member is absent where the engine cannot tell. */
export type QueueStats = { readonly [name in StatName]?: number };

export interface QueueSettings {
  readonly maxPayloadBytes: number;
  readonly maxAttempts: number;
}

/** The options among an item's members; undefined when there are none, as for most. */
function optionsOf<Message>(item: Item<Message>): MessageOptions | undefined {
  for (const name in item) {
    if (name === "message") continue;
    const { message: _message, ...options } = item;
    return options;
  }
  return undefined;
}

const emptyPoll = { firstMs: 20, longestMs: 1000 };

/** A work queue. Each message is handled by one consumer, at least once. */
export class Queue<Message = unknown> implements AsyncDisposable {
  /** Messages that are not tried any more. */
  readonly dead: DeadMessages<Message>;
  readonly #engine: Engine;
  readonly #settings: QueueSettings;
  readonly #events: Events;
  readonly #connection: ClientEvents;
  readonly #counts: Counts = noCounts();
  readonly #listeners = new Set<Listener>();
  readonly #submitter: Gatherer<NewMessage, Submitted>;
  readonly #nextId: () => string;
  #closed: Promise<void> | undefined;

  constructor(engine: Engine, connection: ClientEvents, settings: QueueSettings) {
    this.#engine = engine;
    this.#settings = settings;
    this.#events = new Events(engine.options.log);
    this.#connection = connection;
    for (const name of clientEventNames) connection.on(name, (event) => this.#events.emit(name, { error: undefined, ...event }));
    this.#nextId = idMaker(engine.options.clock);
    this.#submitter = new Gatherer({
      most: engine.driver.capabilities.most.submit,
      maxRunning: 4,
      send: (messages) => this.#send(messages),
    });
    this.dead = new DeadMessages(engine);
  }

  /** The queue's name. */
  get name(): string {
    return this.#engine.options.queue;
  }

  /** What the engine of this queue can do. */
  capabilities(): QueueCapabilities {
    return this.#engine.driver.capabilities;
  }

  /**
   * Adds a message: anything that JSON can hold, taken as it is now. When it resolves, the message is kept as the engine is configured.
   *
   * @throws QueueError `invalid`, `too-large`, `unsupported` for an option that the engine has not; `unavailable`, `timeout` and
   *   `cancelled` with their `outcome`: after `unknown` the message may have been added
   */
  async submit(message: Message, options?: SubmitOptions): Promise<Receipt> {
    const limits = options?.signal === undefined && options?.timeoutMs === undefined ? undefined : options;
    const made = this.#make(message, options);
    const engine = this.#engine;
    if (engine.driver.capabilities.transactions) {
      const [only] = await this.#send([made], limits);
      return this.#receiptOf(only!);
    }
    if (limits === undefined) return this.#receiptOf(await this.#submitter.add(made));
    const ticket: Ticket = { sent: false, left: false };
    const where = { driver: engine.driver.name, op: "submit", target: this.name } as const;
    try {
      const task = (): Promise<Submitted> => this.#submitter.add(made, ticket);
      return this.#receiptOf(await withinLimits(limits, task, { ...where, outcome: () => (ticket.sent ? "unknown" : "none") }));
    } finally {
      ticket.left = true;
    }
  }

  /**
   * Adds messages, as few requests as the engine takes.
   *
   * @returns a receipt for each, in order
   * @throws QueueError as `submit`, the first one; when some were added, its outcome is `some`, and `detail.submitted` has how many are known to be
   */
  async submitMany(items: readonly Item<Message>[], limits: Limits = {}): Promise<readonly Receipt[]> {
    if (!Array.isArray(items)) throw invalid("submitMany takes a list of { message, … }");
    checkLimits(limits, "submitMany");
    const messages = items.map((item) => {
      if (typeof item !== "object" || item === null || !("message" in item)) throw invalid("submitMany takes a list of { message, … }");
      return this.#make(item.message, optionsOf(item));
    });
    const { most } = this.#engine.driver.capabilities;
    const replies: Submitted[] = [];
    for (let from = 0; from < messages.length; from += most.submit) {
      try {
        const part = messages.length <= most.submit ? messages : messages.slice(from, from + most.submit);
        replies.push(...(await this.#send(part, limits)));
      } catch (error) {
        throw this.#partly(replies, error);
      }
    }
    const failed = replies.find((reply) => "error" in reply);
    if (failed !== undefined && "error" in failed) throw this.#partly(replies, failed.error);
    return replies.map((reply) => this.#receiptOf(reply));
  }

  #partly(replies: readonly Submitted[], error: unknown): QueueError {
    const known = this.#engine.errorOf("submit", error);
    const submitted = replies.filter((reply) => !("error" in reply)).length;
    if (submitted === 0) return known;
    const { code, message, driver, op, target } = known;
    return new QueueError(code, message, {
      driver,
      op,
      target,
      outcome: "some",
      detail: { ...known.detail, submitted },
      cause: known.cause,
    });
  }

  #make(message: unknown, options: SubmitOptions | undefined): NewMessage {
    const engine = this.#engine;
    engine.throwIfClosed("submit");
    const { header, delayMs, priority, groupKey, dedupeKey } = messageOptions(options, engine);
    const body = bodyOf(encodeJson(message, this.#settings.maxPayloadBytes, "submit: the message"), header);
    // Each member by name: a spread of the rest costs several times as much.
    return { id: this.#nextId(), body, delayMs, priority, groupKey, dedupeKey };
  }

  async #send(messages: readonly NewMessage[], limits?: Limits): Promise<readonly Submitted[]> {
    const replies = await this.#engine.request("submit", true, (driver, signal) => driver.submit(messages, signal), limits);
    for (const reply of replies) {
      if ("error" in reply) continue;
      if (reply.duplicate) this.#counts.duplicates++;
      else this.#counts.submitted++;
    }
    return replies;
  }

  #receiptOf(reply: Submitted): Receipt {
    if ("error" in reply) throw this.#engine.errorOf("submit", reply.error);
    return reply;
  }

  /**
   * Consumes the queue. Resolves when the engine has been reached; the listener goes on by itself, through lost connections too.
   *
   * @throws QueueError `invalid` for a wrong option; what connecting failed with
   */
  async listen(handler: Handler<Message>, options: ListenOptions = {}): Promise<Listener> {
    if (typeof handler !== "function") throw invalid("listen takes a function");
    const settings = listenSettings(options, this.#settings.maxAttempts);
    const engine = this.#engine;
    engine.need("most", engine.driver.capabilities.most.take > 0, "listen", "others consume what it writes");
    const { alarm } = settings;
    if (alarm !== undefined) engine.need("stats", engine.driver.capabilities.stats.includes("waiting"), "listen", "leave out alarm");
    await engine.request("listen", false, () => Promise.resolve(), options.signal === undefined ? {} : { signal: options.signal });
    engine.throwIfClosed("listen");
    const listener = new Listener({ engine, events: this.#events, counts: this.#counts, settings, handler: handler as Handler });
    this.#listeners.add(listener);
    if (options.signal !== undefined) listener.closeWith(options.signal);
    if (alarm !== undefined) watchLength(listener, { engine, events: this.#events, alarm });
    return listener;
  }

  /** Calls back for what happens to the messages that this object consumes, and to its connection. @returns stops it */
  on<Name extends EventName>(event: Name, listener: EventListener<Name>): () => void {
    return this.#events.on(event, listener);
  }

  /** How many messages wait, are delayed, run and are dead, as far as the engine tells. */
  stats(limits: Limits = {}): Promise<QueueStats> {
    checkLimits(limits, "stats");
    return this.#engine.request("stats", false, (driver, signal) => driver.stats(signal), limits);
  }

  /** Counts of this object since it was opened. */
  metrics(): QueueMetrics {
    return { ...this.#counts };
  }

  /** Waits until no message waits, is delayed or runs, anywhere. Asks from time to time. */
  async idle(limits: Limits = {}): Promise<void> {
    checkLimits(limits, "idle");
    const engine = this.#engine;
    const { stats: told } = engine.driver.capabilities;
    const needed = (["waiting", "delayed", "running"] as const).every((name) => told.includes(name));
    engine.need("stats", needed, "idle", "ask the broker's own tools");
    await withinLimits(
      limits,
      async (signal) => {
        for (let pauseMs = emptyPoll.firstMs; ; pauseMs = Math.min(pauseMs * 2, emptyPoll.longestMs)) {
          const { waiting = 0, delayed = 0, running = 0 } = await this.stats(signal === undefined ? {} : { signal });
          if (waiting + delayed + running === 0) return;
          await engine.options.clock.sleep(pauseMs, signal);
        }
      },
      { driver: engine.driver.name, op: "idle", target: this.name, outcome: () => "none" },
    );
  }

  /**
   * Drains all listeners of this object: they take no more, and what runs is waited for.
   *
   * @param timeoutMs  milliseconds to wait at most; default: as long as it takes
   * @returns whether all have ended in time
   */
  async drain(timeoutMs?: number): Promise<boolean> {
    const ended = await Promise.all([...this.#listeners].map((listener) => listener.drain(timeoutMs)));
    return ended.every((each) => each);
  }

  /** Removes what waits or is delayed, and gives how many; what runs goes on. */
  async purge(limits: Limits = {}): Promise<number> {
    checkLimits(limits, "purge");
    const engine = this.#engine;
    engine.need("purge", engine.driver.capabilities.purge, "purge", "use the broker's own tools");
    return engine.request("purge", true, (driver, signal) => driver.purge!(signal), limits);
  }

  /**
   * Takes a message back: removes it if it waits or is delayed; aborts its handler's signal if it runs here.
   *
   * @returns whether it was there
   */
  async cancel(id: string, limits: Limits = {}): Promise<boolean> {
    checkLimits(limits, "cancel");
    if (typeof id !== "string" || id === "") throw invalid("cancel takes the id of a message");
    if ([...this.#listeners].some((listener) => listener.cancel(id))) return true;
    const engine = this.#engine;
    engine.need("remove", engine.driver.capabilities.remove, "cancel", "let the handler look whether the work is still wanted");
    return (await engine.request("cancel", true, (driver, signal) => driver.remove!([id], signal), limits)) > 0;
  }

  /** Closes the listeners as they say, waits for what was submitted, and frees the connections. Calling it again gives the same promise. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    await this.#submitter.idle();
    await this.#engine.close();
    this.#connection.closed();
  }
}
