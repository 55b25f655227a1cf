// How many messages are taken before handlers are free for them: as many as are begun in a moment.

import type { Clock } from "@bk/core";

/** Messages that are ahead wait about so long for their handler. */
const horizonMs = 10;
/** A rate is told from so much work: milliseconds, or handlers that ended. */
const enough = { busyMs: 5, ended: 100 };

/** Counts the handlers that end while some run, so that a broker that is slow does not make them look slow. */
export class Pace {
  readonly #clock: Clock;
  readonly #most: number;
  #ended = 0;
  #busyMs = 0;
  #busySince: number | undefined;
  /** Handlers that end in a millisecond. */
  #rate = 0;

  /** @param most  messages */
  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  begun(): void {
    this.#busySince ??= this.#clock.now();
  }

  /** @param isIdle  it was the last one that ran */
  ended(isIdle: boolean): void {
    this.#ended++;
    if (!isIdle || this.#busySince === undefined) return;
    this.#busyMs += this.#clock.now() - this.#busySince;
    this.#busySince = undefined;
  }

  /** Handlers do not end as they did. */
  slow(): void {
    this.#rate = 0;
    this.#begin();
  }

  /** How many messages are to be ahead. */
  ahead(): number {
    if (this.#most === 0) return 0;
    const busyMs = this.#busyMs + (this.#busySince === undefined ? 0 : this.#clock.now() - this.#busySince);
    if (busyMs >= enough.busyMs || this.#ended >= enough.ended) {
      // The clock has whole milliseconds.
      this.#rate = this.#ended / Math.max(busyMs, 1);
      this.#begin();
    }
    return Math.min(this.#most, Math.floor(this.#rate * horizonMs));
  }

  #begin(): void {
    this.#ended = 0;
    this.#busyMs = 0;
    if (this.#busySince !== undefined) this.#busySince = this.#clock.now();
  }
}
