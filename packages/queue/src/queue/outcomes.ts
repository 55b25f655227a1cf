// What becomes of messages whose handlers failed, or that are not to be run: decided, counted, told and settled.

import type { Delivery } from "./delivery.js";
import type { Taken } from "./driver.js";
import type { Engine } from "./engine.js";
import type { Events } from "./events.js";
import type { Handler, ListenSettings } from "./listen-options.js";
import type { Counts } from "./metrics.js";
import { Settler } from "./settler.js";
import { errorText, type Failure, restOf } from "./verdict.js";

/** What a listener is made of. */
export interface ListenerParts {
  readonly engine: Engine;
  readonly events: Events;
  readonly counts: Counts;
  readonly settings: ListenSettings;
  readonly handler: Handler;
}

export class Outcomes {
  readonly settler: Settler;
  readonly #parts: ListenerParts;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    this.settler = new Settler({ ...parts, visibilityTimeoutMs: parts.settings.visibilityTimeoutMs });
  }

  failureOf(delivery: Delivery, error: unknown): Failure {
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

  fail(delivery: Delivery, error: unknown, failure: Failure): void {
    const { settings, engine, events, counts } = this.#parts;
    const { clock, log, queue } = engine.options;
    const { taken, letter } = delivery;
    const { id, attempt } = taken;
    delivery.isSettled = true;
    if (failure === "drop") return this.drop(taken, "dropped", error);
    if (failure === "dead") return this.bury(taken, error);
    const { maxAttempts = settings.maxAttempts } = letter.header;
    const isCounted = failure === "retry" || failure.counts;
    if (isCounted && maxAttempts > 0 && attempt >= maxAttempts) return this.bury(taken, error);
    const retryInMs = failure === "retry" ? restOf(attempt, settings.backoff, clock.random()) : Math.max(0, Math.round(failure.delayMs));
    counts.failed++;
    log.debug("a handler failed", { queue, id, attempt, error });
    events.emit("failed", { id, attempt, elapsedMs: clock.now() - delivery.startedAt, error, retryInMs });
    void this.settler.settle(taken, { kind: "retry", delayMs: retryInMs, counts: isCounted });
  }

  drop(taken: Taken, reason: "expired" | "dropped", error?: unknown): void {
    const { counts, events } = this.#parts;
    counts.dropped++;
    events.emit("dropped", { id: taken.id, reason, error });
    void this.settler.settle(taken, { kind: "done" });
  }

  bury(taken: Taken, error: unknown): void {
    const { counts, events, engine } = this.#parts;
    const { id, attempt } = taken;
    counts.dead++;
    engine.options.log.warn("a message is dead", { queue: engine.options.queue, id, attempt, error });
    events.emit("dead", { id, attempt, error });
    void this.settler.settle(taken, { kind: "dead", error: errorText(error) });
  }
}
