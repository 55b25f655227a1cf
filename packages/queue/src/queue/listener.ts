// A consumer: takes messages into free places, runs the handler, decides what becomes of each.

import { onAbort } from "@bk/core";

import { Delivery } from "./delivery.js";
import { DeliveryContext } from "./delivery-context.js";
import type { Taken } from "./driver.js";
import { letterOf } from "./envelope.js";
import { Pace } from "./pace.js";
import { PollRate } from "./poll-rate.js";
import { renewUntil } from "./renewal.js";
import { type ListenerParts, Outcomes } from "./outcomes.js";
import { longestRest, type Settler, shortestRest } from "./settler.js";

/** The longest that a message waits for a free handler while others may have one. */
const longestAheadMs = 100;

/** A consumer of a queue, as `listen` gives it. */
export class Listener implements AsyncDisposable {
  readonly #parts: ListenerParts;
  readonly #outcomes: Outcomes;
  readonly #settler: Settler;
  readonly #running = new Set<Delivery>();
  /** Taken, and waiting for a free handler. */
  #ahead: Delivery[] = [];
  readonly #pace: Pace;
  readonly #polls: PollRate | undefined;
  #starts = 0;
  #isStarting = false;
  #isWatched = false;
  /** The time limits of those that run. */
  readonly #limits = new Map<Delivery, AbortController>();
  readonly #renewing = new AbortController();
  /** Ends a take that waits, when the listener is paused or closed. */
  #waiting = new AbortController();
  #state: "running" | "paused" | "draining" = "running";
  #wake: (() => void) | undefined;
  /** Settled when nothing more is taken. */
  readonly #taking: Promise<void>;
  #closed: Promise<void> | undefined;
  #empty: (() => void)[] = [];
  readonly #whenClosed: (() => void)[] = [];

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    const { engine, settings } = parts;
    const { visibilityTimeoutMs } = settings;
    this.#outcomes = new Outcomes(parts);
    this.#settler = this.#outcomes.settler;
    this.#pace = new Pace(engine.options.clock, settings.prefetch);
    this.#polls = settings.maxPollRate === undefined ? undefined : new PollRate(engine.options.clock, settings.maxPollRate);
    this.#taking = this.#takeMessages();
    void renewUntil(this.#renewing.signal, {
      engine,
      visibilityTimeoutMs,
      held: () => [...this.#running, ...this.#ahead].filter((delivery) => !delivery.isSettled),
      lose: (delivery) => {
        delivery.isSettled = true;
        delivery.stop("lost");
        this.#settler.lose(delivery.taken);
      },
    });
  }

  /** Handlers that run now. */
  get running(): number {
    return this.#running.size;
  }

  /** Takes no more messages until `resume`; handlers that run go on. */
  pause(): void {
    if (this.#state !== "running") return;
    this.#state = "paused";
    this.#waiting.abort();
    this.#giveBackAhead();
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#waiting = new AbortController();
    this.#goOn();
  }

  /**
   * Takes no more messages, and waits for the handlers that run and for what became of their messages to be kept.
   *
   * @param timeoutMs  milliseconds to wait at most; default: as long as it takes
   * @returns whether all have ended in time. Those that have not go on
   */
  async drain(timeoutMs?: number): Promise<boolean> {
    this.#state = "draining";
    this.#waiting.abort();
    this.#giveBackAhead();
    this.#goOn();
    const work = this.#taking
      .then(() => this.#ended())
      .then(() => this.#settler.idle())
      .then(() => true);
    if (timeoutMs === undefined) return work;
    const over = new AbortController();
    const timer = this.#parts.engine.options.clock.sleep(timeoutMs, over.signal).then(
      () => false,
      () => true,
    );
    const isEnded = await Promise.race([work, timer]);
    over.abort();
    return isEnded;
  }

  /**
   * Drains, waiting up to `closeTimeoutMs` of the options; then aborts the signals of the handlers that still run, waits for them
   * for up to `graceMs`, and leaves their messages to come back after their visibility timeout. Calling it again gives the same promise.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Closes when the signal aborts. */
  closeWith(signal: AbortSignal): void {
    if (signal.aborted) void this.close();
    else onAbort(signal, () => void this.close());
  }

  /** Calls back when the listener has been closed. */
  onClose(callback: () => void): void {
    this.#whenClosed.push(callback);
  }

  /** Aborts the signal of the handler whose message has this id, if it runs here; the message is then removed. */
  cancel(id: string): boolean {
    const at = this.#ahead.findIndex(({ taken, isSettled }) => taken.id === id && !isSettled);
    if (at >= 0) {
      const [waiting] = this.#ahead.splice(at, 1);
      this.#outcomes.drop(waiting!.taken, "dropped");
      return true;
    }
    const meant = [...this.#running].find(({ taken }) => taken.id === id);
    meant?.stop("cancelled");
    return meant !== undefined;
  }

  async #close(): Promise<void> {
    const { closeTimeoutMs, graceMs } = this.#parts.settings;
    if (!(await this.drain(closeTimeoutMs))) {
      for (const delivery of this.#running) delivery.stop("closing");
      await this.drain(graceMs);
      for (const delivery of this.#running) delivery.isSettled = true;
    }
    for (const limit of this.#limits.values()) limit.abort();
    this.#renewing.abort();
    for (const callback of this.#whenClosed) callback();
  }

  #goOn(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #ended(): Promise<void> {
    return this.#running.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#empty.push(resolve));
  }

  async #takeMessages(): Promise<void> {
    const { engine, settings } = this.#parts;
    const most = engine.driver.capabilities.most.take;
    const { concurrency, visibilityTimeoutMs: visibilityMs, waitMs } = settings;
    let rest = shortestRest;
    while (this.#state !== "draining") {
      const ahead = this.#pace.ahead();
      const free = concurrency + ahead - this.#running.size - this.#ahead.length;
      // What is asked for is worth a request: not before half of those ahead have been begun.
      if (free <= 0 || this.#ahead.length > ahead / 2 || this.#state === "paused") {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const { signal } = this.#waiting;
      try {
        await this.#polls?.turn(signal);
        if (signal.aborted) continue;
        const taken = await engine.take({ count: Math.min(free, most), visibilityMs, waitMs, signal }, (late) => this.#giveBack(late));
        rest = shortestRest;
        this.#accept(taken);
      } catch (error) {
        if (engine.isClosed) return;
        await this.#restAfter(error, rest, signal);
        rest = Math.min(2 * rest, longestRest);
      }
    }
  }

  async #restAfter(error: unknown, restMs: number, signal: AbortSignal): Promise<void> {
    const { engine, events } = this.#parts;
    const { clock, log, queue } = engine.options;
    log.warn("messages cannot be taken", { queue, error });
    events.emit("error", { error });
    // Jittered, so that consumers that lost their broker together do not come back together. Ended early by a pause.
    await clock.sleep(restMs * (0.5 + clock.random() / 2), signal).catch(() => undefined);
  }

  #giveBack(taken: readonly Taken[]): void {
    for (const each of taken) void this.#settler.settle(each, { kind: "retry", delayMs: 0, counts: false });
  }

  #giveBackAhead(): void {
    const ahead = this.#ahead;
    this.#ahead = [];
    this.#giveBack(ahead.filter(({ isSettled }) => !isSettled).map(({ taken }) => taken));
  }

  #accept(taken: readonly Taken[]): void {
    // What was taken while the listener was being stopped is given back at once: others may have it.
    if (this.#state !== "running") return this.#giveBack(taken);
    const now = this.#parts.engine.options.clock.now();
    for (const each of taken) {
      const letter = letterOf(each.body);
      if (letter === undefined) this.#outcomes.bury(each, new Error("the message is not JSON"));
      else this.#ahead.push(new Delivery(each, letter, now));
    }
    this.#startNext();
    if (this.#ahead.length > 0 && !this.#isWatched) void this.#watchAhead();
  }

  /** Gives messages back that wait for a handler, when none has become free for a while: others may have one. */
  async #watchAhead(): Promise<void> {
    const { clock } = this.#parts.engine.options;
    this.#isWatched = true;
    try {
      while (this.#ahead.length > 0) {
        const starts = this.#starts;
        await clock.sleep(longestAheadMs, this.#renewing.signal);
        if (starts !== this.#starts) continue;
        this.#pace.slow();
        this.#giveBackAhead();
      }
    } catch {
      // The listener has been closed: the only thing that ends a sleep early.
    } finally {
      this.#isWatched = false;
    }
  }

  /** Begins with those that wait, as far as handlers are free. */
  #startNext(): void {
    // Handlers that end at once come back here; the loop below goes on with the next one.
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#running.size < this.#parts.settings.concurrency) {
      const next = this.#ahead.shift();
      if (next === undefined) break;
      if (!next.isSettled) this.#start(next);
    }
    this.#isStarting = false;
  }

  #start(delivery: Delivery): void {
    const { settings, engine, counts } = this.#parts;
    const { taken, letter } = delivery;
    const now = engine.options.clock.now();
    this.#starts++;
    const { endTime, maxAttempts = settings.maxAttempts } = letter.header;
    if (endTime !== undefined && now >= endTime) return this.#outcomes.drop(taken, "expired");
    // Its consumers ended without a word, the last one too: whatever it does to them, it is not to be done for ever.
    if (maxAttempts > 0 && taken.attempt > maxAttempts)
      return this.#outcomes.bury(taken, new Error(`its consumers ended without an answer, ${maxAttempts} times`));
    delivery.startedAt = now;
    this.#pace.begun();
    this.#running.add(delivery);
    counts.running++;
    if (letter.header.atMostOnce === true) void this.#runOnce(delivery);
    else this.#run(delivery);
  }

  /** At most once: removed first, and run only if it was still this consumer's. */
  async #runOnce(delivery: Delivery): Promise<void> {
    delivery.isSettled = true;
    if (await this.#settler.settle(delivery.taken, { kind: "done" })) this.#run(delivery);
    else this.#leave(delivery);
  }

  #run(delivery: Delivery): void {
    const { handler, settings } = this.#parts;
    if (settings.maxRunMs !== undefined) void this.#limit(delivery, settings.maxRunMs);
    let result: unknown;
    try {
      result = handler(delivery.letter.data, new DeliveryContext(delivery, this.#parts));
    } catch (error) {
      return this.#failed(delivery, error);
    }
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") return this.#succeeded(delivery);
    (result as PromiseLike<unknown>).then(
      () => this.#succeeded(delivery),
      (error: unknown) => this.#failed(delivery, error),
    );
  }

  /** Aborts the handler's signal when its time is over; after the grace it counts as failed, whether or not it ever ends. */
  async #limit(delivery: Delivery, limitMs: number): Promise<void> {
    const { engine, settings, events } = this.#parts;
    const { clock } = engine.options;
    const ended = new AbortController();
    this.#limits.set(delivery, ended);
    try {
      await clock.sleep(limitMs, ended.signal);
      delivery.stop("overdue");
      await clock.sleep(settings.graceMs, ended.signal);
    } catch {
      // The handler has ended, or the listener is closed.
      return;
    }
    if (!delivery.isSettled) this.#outcomes.fail(delivery, delivery.stopped, "retry");
    events.emit("stuck", { id: delivery.taken.id, attempt: delivery.taken.attempt });
  }

  #leave(delivery: Delivery): void {
    const { counts, engine } = this.#parts;
    this.#limits.get(delivery)?.abort();
    this.#limits.delete(delivery);
    this.#running.delete(delivery);
    counts.running--;
    counts.handlerMs += engine.options.clock.now() - delivery.startedAt;
    this.#pace.ended(this.#running.size === 0);
    this.#startNext();
    this.#goOn();
    if (this.#running.size === 0) for (const resolve of this.#empty.splice(0)) resolve();
  }

  #succeeded(delivery: Delivery): void {
    const { counts, events, engine } = this.#parts;
    const { taken, letter } = delivery;
    const isOurs = !delivery.isSettled;
    if (isOurs) {
      delivery.isSettled = true;
      void this.#settler.settle(taken, { kind: "done" });
    }
    if (isOurs || letter.header.atMostOnce === true) {
      counts.done++;
      if (events.has("done"))
        events.emit("done", { id: taken.id, attempt: taken.attempt, elapsedMs: engine.options.clock.now() - delivery.startedAt });
    }
    this.#leave(delivery);
  }

  #failed(delivery: Delivery, error: unknown): void {
    const { counts, events, engine } = this.#parts;
    const { log, queue } = engine.options;
    const { id } = delivery.taken;
    if (!delivery.isSettled) this.#outcomes.fail(delivery, error, this.#outcomes.failureOf(delivery, error));
    else if (delivery.letter.header.atMostOnce === true) {
      counts.dropped++;
      log.warn("a message that is run at most once failed", { queue, id, error });
      events.emit("dropped", { id, reason: "dropped", error });
    }
    this.#leave(delivery);
  }
}
