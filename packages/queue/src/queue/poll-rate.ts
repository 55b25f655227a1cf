import type { Clock } from "@bk/core";

/** Lets one request for messages begin at a time, evenly, so many in a second. */
export class PollRate {
  readonly #clock: Clock;
  readonly #gapMs: number;
  #next = -Infinity;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#gapMs = 1000 / perSecond;
  }

  /** Resolves when the next request may begin, or at once when the signal aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const at = Math.max(now, this.#next);
    if (at > now) await this.#clock.sleep(at - now, signal).catch(() => undefined);
    if (!signal.aborted) this.#next = at + this.#gapMs;
  }
}
