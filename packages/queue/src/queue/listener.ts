// A consumer: takes messages into free places, runs the handler, decides what becomes of each.

import { onAbort } from "@bk/core";

import { Delivery } from "./delivery.js";
import type { Taken } from "./driver.js";
import { letterOf } from "./envelope.js";
import type { Engine } from "./engine.js";
import type { Events } from "./events.js";
import type { Handler, HandlerContext, ListenSettings } from "./listen-options.js";
import type { Counts } from "./metrics.js";
import { renewUntil } from "./renewal.js";
import { longestRest, Settler, shortestRest } from "./settler.js";
import { errorText, type Failure, restOf } from "./verdict.js";

/** What a listener is made of. */
export interface ListenerParts {
  readonly engine: Engine;
  readonly events: Events;
  readonly counts: Counts;
  readonly settings: ListenSettings;
  readonly handler: Handler;
}

/** A consumer of a queue, as `listen` gives it. */
export class Listener implements AsyncDisposable {
  readonly #parts: ListenerParts;
  readonly #settler: Settler;
  readonly #running = new Set<Delivery>();
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
    this.#settler = new Settler({ ...parts, visibilityTimeoutMs });
    this.#taking = this.#takeMessages();
    void renewUntil(this.#renewing.signal, {
      engine,
      visibilityTimeoutMs,
      held: () => [...this.#running].filter((delivery) => !delivery.isSettled),
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
      const free = concurrency - this.#running.size;
      if (free <= 0 || this.#state === "paused") {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const { signal } = this.#waiting;
      try {
        const taken = await engine.take({ count: Math.min(free, most), visibilityMs, waitMs, signal }, (late) => this.#giveBack(late));
        rest = shortestRest;
        for (const each of taken) this.#begin(each);
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

  #begin(taken: Taken): void {
    // What was taken while the listener was being stopped is given back at once: others may have it.
    if (this.#state !== "running") return this.#giveBack([taken]);
    const { settings, engine, counts } = this.#parts;
    const letter = letterOf(taken.body);
    const now = engine.options.clock.now();
    if (letter === undefined) return this.#bury(taken, new Error("the message is not JSON"));
    const { endTime, maxAttempts = settings.maxAttempts } = letter.header;
    if (endTime !== undefined && now >= endTime) return this.#drop(taken, "expired");
    // Its consumers ended without a word, the last one too: whatever it does to them, it is not to be done for ever.
    if (maxAttempts > 0 && taken.attempt > maxAttempts)
      return this.#bury(taken, new Error(`its consumers ended without an answer, ${maxAttempts} times`));
    const delivery = new Delivery(taken, letter, now);
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
      result = handler(delivery.letter.data, this.#contextOf(delivery));
    } catch (error) {
      return this.#failed(delivery, error);
    }
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") return this.#succeeded(delivery);
    (result as PromiseLike<unknown>).then(
      () => this.#succeeded(delivery),
      (error: unknown) => this.#failed(delivery, error),
    );
  }

  #contextOf(delivery: Delivery): HandlerContext {
    const { events, engine, settings } = this.#parts;
    const { id, attempt, groupKey } = delivery.taken;
    return {
      id,
      attempt,
      maxAttempts: delivery.letter.header.maxAttempts ?? settings.maxAttempts,
      queue: engine.options.queue,
      groupKey,
      get signal() {
        return delivery.signal;
      },
      progress: (value) => events.emit("progress", { id, value }),
    };
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
    if (!delivery.isSettled) this.#settleFailure(delivery, delivery.stopped, "retry");
    events.emit("stuck", { id: delivery.taken.id, attempt: delivery.taken.attempt });
  }

  #leave(delivery: Delivery): void {
    const { counts, engine } = this.#parts;
    this.#limits.get(delivery)?.abort();
    this.#limits.delete(delivery);
    this.#running.delete(delivery);
    counts.running--;
    counts.handlerMs += engine.options.clock.now() - delivery.startedAt;
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
    if (!delivery.isSettled) this.#settleFailure(delivery, error, this.#failureOf(delivery, error));
    else if (delivery.letter.header.atMostOnce === true) {
      counts.dropped++;
      log.warn("a message that is run at most once failed", { queue, id, error });
      events.emit("dropped", { id, reason: "dropped", error });
    }
    this.#leave(delivery);
  }

  #failureOf(delivery: Delivery, error: unknown): Failure {
    const { settings, engine } = this.#parts;
    // It was told to stop for the sake of the process, not of the message.
    if (delivery.stopped?.reason === "closing") return { delayMs: 0, counts: false };
    if (delivery.stopped?.reason === "cancelled") return "drop";
    try {
      return settings.failure(error);
    } catch (thrown) {
      engine.options.log.error('the function "failure" of listen failed', { queue: engine.options.queue, error: thrown });
      return "retry";
    }
  }

  #settleFailure(delivery: Delivery, error: unknown, failure: Failure): void {
    const { settings, engine, events, counts } = this.#parts;
    const { clock, log, queue } = engine.options;
    const { taken, letter } = delivery;
    const { id, attempt } = taken;
    delivery.isSettled = true;
    if (failure === "drop") return this.#drop(taken, "dropped", error);
    if (failure === "dead") return this.#bury(taken, error);
    const { maxAttempts = settings.maxAttempts } = letter.header;
    const isCounted = failure === "retry" || failure.counts;
    if (isCounted && maxAttempts > 0 && attempt >= maxAttempts) return this.#bury(taken, error);
    const retryInMs = failure === "retry" ? restOf(attempt, settings.backoff, clock.random()) : Math.max(0, Math.round(failure.delayMs));
    counts.failed++;
    log.debug("a handler failed", { queue, id, attempt, error });
    events.emit("failed", { id, attempt, elapsedMs: clock.now() - delivery.startedAt, error, retryInMs });
    void this.#settler.settle(taken, { kind: "retry", delayMs: retryInMs, counts: isCounted });
  }

  #drop(taken: Taken, reason: "expired" | "dropped", error?: unknown): void {
    const { counts, events } = this.#parts;
    counts.dropped++;
    events.emit("dropped", { id: taken.id, reason, error });
    void this.#settler.settle(taken, { kind: "done" });
  }

  #bury(taken: Taken, error: unknown): void {
    const { counts, events, engine } = this.#parts;
    const { id, attempt } = taken;
    counts.dead++;
    engine.options.log.warn("a message is dead", { queue: engine.options.queue, id, attempt, error });
    events.emit("dead", { id, attempt, error });
    void this.#settler.settle(taken, { kind: "dead", error: errorText(error) });
  }
}
