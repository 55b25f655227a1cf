// How often something happens: its rate over all time, since the last look, and as averages that forget (those of the Unix load).

import type { Clock } from "@bk/core";

const tickMs = 5000;
const minutes = [1, 5, 15] as const;

export class Meter {
  readonly #clock: Clock;
  readonly #startedMs: number;
  #count = 0;
  /** Of the tick that is not over. */
  #uncounted = 0;
  #tickedMs: number;
  #isFirst = true;
  /** Events a second. */
  readonly #averages = minutes.map(() => 0);
  #lookedAt: { readonly count: number; readonly ms: number };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = this.#tickedMs = clock.now();
    this.#lookedAt = { count: 0, ms: this.#startedMs };
  }

  add(): void {
    this.#tick();
    this.#count++;
    this.#uncounted++;
  }

  /** Ends the ticks that are over. What happened was in the first of them; in the others there was nothing. */
  #tick(): void {
    const ticks = Math.floor((this.#clock.now() - this.#tickedMs) / tickMs);
    if (ticks <= 0) return;
    this.#tickedMs += ticks * tickMs;
    const rate = (this.#uncounted * 1000) / tickMs;
    this.#uncounted = 0;
    for (const [i, minute] of minutes.entries()) {
      const kept = Math.exp(-tickMs / (minute * 60_000));
      const average = this.#averages[i]!;
      const next = this.#isFirst ? rate : rate + kept * (average - rate);
      this.#averages[i] = next * kept ** (ticks - 1);
    }
    this.#isFirst = false;
  }

  /** `NAME_rcnt`; events a second: `NAME_rate` since the last look, `_rmean`, `_r1m`, `_r5m`, `_r15m`. */
  numbers(name: string): Readonly<Record<string, number>> {
    this.#tick();
    const ms = this.#clock.now();
    const perSecond = (count: number, sinceMs: number): number => (ms > sinceMs ? (count * 1000) / (ms - sinceMs) : 0);
    const rate = perSecond(this.#count - this.#lookedAt.count, this.#lookedAt.ms);
    this.#lookedAt = { count: this.#count, ms };
    return {
      [`${name}_rcnt`]: this.#count,
      [`${name}_rate`]: rate,
      [`${name}_rmean`]: perSecond(this.#count, this.#startedMs),
      ...Object.fromEntries(minutes.map((minute, i) => [`${name}_r${minute}m`, this.#averages[i]!])),
    };
  }
}
