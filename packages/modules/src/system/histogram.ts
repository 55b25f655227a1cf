// Values in buckets that each reach 2% further than the one before, so that those of several processes can be put together. Newer values
// count for more (Cormode et al., "Forward decay", 2009): alpha 0.015 a second.

import type { Clock } from "@bk/core";

const perDoubling = 32;
const lowest = -10 * perDoubling;
const highest = 60 * perDoubling;
const alpha = 0.015;
/** Weights are counted from a new beginning now and then: they grow without end. */
const rescaleMs = 3_600_000;

/** Numbers of a histogram by the names that statistics have. */
export type HistogramNumbers = Readonly<Record<string, number>>;

/** What a histogram holds, as it travels between processes of one machine. */
export interface HistogramState {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** The sum of squared differences from the mean. */
  readonly squares: number;
  /** When a value weighs 1, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** What the values weigh, by bucket. */
  readonly weights: readonly (readonly [bucket: number, weight: number])[];
}

export class Histogram {
  readonly #clock: Clock;
  #weights = new Map<number, number>();
  #sinceMs: number;
  #count = 0;
  #sum = 0;
  #min = Number.MAX_VALUE;
  #max = -Number.MAX_VALUE;
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
    const bucket = bucketOf(value);
    this.#weights.set(bucket, (this.#weights.get(bucket) ?? 0) + Math.exp((alpha * (now - this.#sinceMs)) / 1000));
  }

  #rescale(now: number): void {
    this.#weights = new Map(weightsAt({ sinceMs: this.#sinceMs, weights: [...this.#weights] }, now));
    this.#sinceMs = now;
  }

  get state(): HistogramState {
    return {
      count: this.#count,
      sum: this.#sum,
      min: this.#min,
      max: this.#max,
      mean: this.#mean,
      squares: this.#squares,
      sinceMs: this.#sinceMs,
      weights: [...this.#weights],
    };
  }
}

function bucketOf(value: number): number {
  return value <= 0 ? lowest : Math.min(highest, Math.max(lowest, Math.floor(Math.log2(value) * perDoubling)));
}

/** The weights as they are by another beginning. What weighs next to nothing is left out. */
function weightsAt({ sinceMs, weights }: Pick<HistogramState, "sinceMs" | "weights">, atMs: number): [number, number][] {
  const factor = Math.exp((alpha * (sinceMs - atMs)) / 1000);
  return weights.flatMap(([bucket, weight]): [number, number][] => (weight * factor > 1e-12 ? [[bucket, weight * factor]] : []));
}

/** One histogram of the values of two. */
export function mergeHistograms(one: HistogramState, other: HistogramState): HistogramState {
  const count = one.count + other.count;
  const sinceMs = Math.max(one.sinceMs, other.sinceMs);
  const weights = new Map(weightsAt(one, sinceMs));
  for (const [bucket, weight] of weightsAt(other, sinceMs)) weights.set(bucket, (weights.get(bucket) ?? 0) + weight);
  const apart = other.mean - one.mean;
  return {
    count,
    sum: one.sum + other.sum,
    min: Math.min(one.min, other.min),
    max: Math.max(one.max, other.max),
    // Chan et al., "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    mean: count === 0 ? 0 : one.mean + (apart * other.count) / count,
    squares: count === 0 ? 0 : one.squares + other.squares + (apart * apart * one.count * other.count) / count,
    sinceMs,
    weights: [...weights],
  };
}

/** `NAME_hmin`, `_hmax`, `_hsum`, `_hvar`, `_hmean`, `_hdev`, `_hcnt`, `_hmed`, `_h75p`, `_h95p`, `_h99p`, `_h999p`; what needs more values is left out. */
export function histogramNumbers(name: string, state: HistogramState): HistogramNumbers {
  const { count, sum, min, max, mean, squares } = state;
  const found: Record<string, number> = { [`${name}_hcnt`]: count };
  if (count === 0) return found;
  const add = (suffix: string, value: number): void => void (found[`${name}_${suffix}`] = value);
  add("hmin", min);
  add("hmax", max);
  add("hsum", sum);
  add("hmean", mean);
  if (count > 1) {
    const variance = squares / (count - 1);
    add("hvar", variance);
    add("hdev", Math.sqrt(variance));
  }
  const sorted = state.weights.toSorted(([a], [b]) => a - b);
  for (const [suffix, part] of percentiles) add(suffix, Math.min(max, Math.max(min, percentile(sorted, part))));
  return found;
}

const percentiles = [
  ["hmed", 0.5],
  ["h75p", 0.75],
  ["h95p", 0.95],
  ["h99p", 0.99],
  ["h999p", 0.999],
] as const;

/** The value up to which that part of the weight lies; within a bucket as if its values were spread evenly. */
function percentile(sorted: HistogramState["weights"], part: number): number {
  let left = part * sorted.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [bucket, weight] of sorted) {
    if (left <= weight) return bucket === lowest ? 0 : 2 ** ((bucket + left / weight) / perDoubling);
    left -= weight;
  }
  return Number.MAX_VALUE;
}
