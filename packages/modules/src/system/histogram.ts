// A sample of values in which newer ones count for more (Cormode et al., "Forward decay", 2009): 1,028 values, alpha 0.015 a second.

import type { Clock } from "@bk/core";

const size = 1028;
const alpha = 0.015;
/** Weights are counted from a new beginning now and then: they grow without end. */
const rescaleMs = 3_600_000;

interface Sampled {
  readonly value: number;
  priority: number;
}

/** Numbers of a histogram by the names that statistics have. */
export type HistogramNumbers = Readonly<Record<string, number>>;

export class Histogram {
  readonly #clock: Clock;
  #values: Sampled[] = [];
  #sinceMs: number;
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  // Welford's running mean and sum of squared differences.
  #mean = 0;
  #squares = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.now();
  }

  add(value: number): void {
    this.#count++;
    this.#sum += value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    const from = value - this.#mean;
    this.#mean += from / this.#count;
    this.#squares += from * (value - this.#mean);
    const now = this.#clock.now();
    if (now - this.#sinceMs > rescaleMs) this.#rescale(now);
    const weight = Math.exp((alpha * (now - this.#sinceMs)) / 1000);
    const sampled = { value, priority: weight / (1 - this.#clock.random()) };
    if (this.#values.length < size) this.#values.push(sampled);
    else {
      const least = this.#values.reduce((at, { priority }, i) => (priority < this.#values[at]!.priority ? i : at), 0);
      if (this.#values[least]!.priority < sampled.priority) this.#values[least] = sampled;
    }
  }

  #rescale(now: number): void {
    const factor = Math.exp((-alpha * (now - this.#sinceMs)) / 1000);
    for (const each of this.#values) each.priority *= factor;
    this.#sinceMs = now;
  }

  /** `NAME_hmin`, `_hmax`, `_hsum`, `_hvar`, `_hmean`, `_hdev`, `_hcnt`, `_hmed`, `_h75p`, `_h95p`, `_h99p`, `_h999p`; what needs more values is left out. */
  numbers(name: string): HistogramNumbers {
    const found: Record<string, number> = { [`${name}_hcnt`]: this.#count };
    if (this.#count === 0) return found;
    const sorted = this.#values.map(({ value }) => value).sort((a, b) => a - b);
    const add = (suffix: string, value: number): void => void (found[`${name}_${suffix}`] = value);
    add("hmin", this.#min);
    add("hmax", this.#max);
    add("hsum", this.#sum);
    add("hmean", this.#mean);
    if (this.#count > 1) {
      const variance = this.#squares / (this.#count - 1);
      add("hvar", variance);
      add("hdev", Math.sqrt(variance));
    }
    for (const [suffix, part] of percentiles) add(suffix, percentile(sorted, part));
    return found;
  }
}

const percentiles = [
  ["hmed", 0.5],
  ["h75p", 0.75],
  ["h95p", 0.95],
  ["h99p", 0.99],
  ["h999p", 0.999],
] as const;

/** At p·(n+1), between its neighbours. */
function percentile(sorted: readonly number[], part: number): number {
  const at = part * (sorted.length + 1);
  if (at < 1) return sorted[0]!;
  if (at >= sorted.length) return sorted.at(-1)!;
  const [below, above] = [sorted[Math.floor(at) - 1]!, sorted[Math.floor(at)]!];
  return below + (at - Math.floor(at)) * (above - below);
}
