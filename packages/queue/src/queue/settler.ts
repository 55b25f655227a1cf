// Settling: what became of messages is kept by the engine, many in one request.

import { Gatherer } from "../common/gatherer.js";
import type { Settlement, Taken, Verdict } from "./driver.js";
import type { Engine } from "./engine.js";
import type { Events } from "./events.js";
import type { Counts } from "./metrics.js";

/** Pauses after requests that failed, in milliseconds. */
export const shortestRest = 100;
export const longestRest = 5_000;

export interface SettlerParts {
  readonly engine: Engine;
  readonly events: Events;
  readonly counts: Counts;
  readonly visibilityTimeoutMs: number;
}

export class Settler {
  readonly #parts: SettlerParts;
  readonly #gatherer: Gatherer<Settlement, boolean>;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
    const most = parts.engine.driver.capabilities.most.settle;
    this.#gatherer = new Gatherer({ most, maxRunning: 4, send: (settlements) => this.#send(settlements) });
  }

  /** Gives whether the message was still this consumer's; also false when that could not be learned. Never rejects. */
  settle(taken: Taken, verdict: Verdict): Promise<boolean> {
    return this.#gatherer.add({ taken, verdict }).then(
      (isOurs) => {
        if (!isOurs) this.lose(taken);
        return isOurs;
      },
      (error: unknown) => {
        const { log, queue } = this.#parts.engine.options;
        log.error("what became of a message could not be kept; it comes back", { queue, id: taken.id, error });
        this.#parts.events.emit("error", { error });
        return false;
      },
    );
  }

  /** Counts and reports a message that was not this consumer's any more. */
  lose({ id, attempt }: Taken): void {
    this.#parts.counts.lost++;
    this.#parts.events.emit("lost", { id, attempt });
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    return this.#gatherer.idle();
  }

  /** Tries until it succeeds or the messages have come back by themselves: settling twice does no harm. */
  async #send(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const { engine, visibilityTimeoutMs } = this.#parts;
    const { clock } = engine.options;
    const until = clock.now() + visibilityTimeoutMs;
    for (let rest = shortestRest; ; rest = Math.min(2 * rest, longestRest)) {
      try {
        return await engine.request("settle", true, (driver, signal) => driver.settle(settlements, signal));
      } catch (error) {
        if (engine.isClosed || clock.now() + rest >= until) throw error;
        await clock.sleep(rest * (0.5 + clock.random() / 2));
      }
    }
  }
}
