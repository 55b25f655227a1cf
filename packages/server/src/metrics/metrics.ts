// What a process measures: counters, histograms, and gauges that are read when somebody asks.

import { BkError } from "@bk/core";

import { bucketBounds, type Family, mergeFamilies, type Series } from "./family.js";

/** Series of one name. What would be more is one series, whose labels are all `other`. */
const mostSeries = 1000;

export interface Counter {
  /** @param labels  in the order of the names that it was made with */
  add(labels: readonly string[], by?: number): void;
}

export interface Histogram {
  /** @param labels  in the order of the names that it was made with */
  observe(labels: readonly string[], seconds: number): void;
}

/** A value with the texts of its labels. */
export type Reading = readonly [labels: readonly string[], value: number];

export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  /** Names of labels. Default none. */
  readonly labels?: readonly string[];
}

export interface ReadOptions extends MetricOptions {
  /** A counter that is kept elsewhere. Default `gauge`. */
  readonly type?: "counter" | "gauge";
  /** A gauge of what all processes share and each sees, such as the length of a queue. Default false. */
  readonly shared?: boolean;
  /** Reads the values. One that fails is left out; a counter then has what was read last. */
  readonly read: () => readonly Reading[] | Promise<readonly Reading[]>;
}

interface Kept {
  readonly options: MetricOptions;
  readonly series: Map<string, { readonly labels: readonly string[]; readonly values: number[] }>;
}

/**
 * Counters, histograms and gauges of one process, for `/metrics`. An app may add some of its own.
 *
 * Names and labels are those of Prometheus. Texts of labels must come from a small set, such as the names of tables; never from callers.
 */
export class Metrics {
  readonly #sources = new Map<string, () => Promise<Family>>();

  /** @throws BkError `invalid` for a name that is taken or is none */
  counter(options: MetricOptions): Counter {
    const kept = this.#keep(options, "counter");
    return { add: (labels, by = 1) => void (seriesOf(kept, labels, 1)[0]! += by) };
  }

  /** Of durations. @throws BkError `invalid` for a name that is taken or is none */
  histogram(options: MetricOptions): Histogram {
    const kept = this.#keep(options, "histogram");
    return {
      observe(labels, seconds) {
        const values = seriesOf(kept, labels, bucketBounds.length + 2);
        let bucket = 0;
        while (bucket < bucketBounds.length && seconds > bucketBounds[bucket]!) bucket++;
        values[bucket]!++;
        values[bucketBounds.length + 1]! += seconds;
      },
    };
  }

  /** What is read when somebody asks. @throws BkError `invalid` for a name that is taken or is none */
  read(options: ReadOptions): void {
    const { type = "gauge", shared = false, read } = options;
    let last: readonly Series[] = [];
    this.#add(options, async () => {
      try {
        last = (await read()).map(([labels, value]) => ({ labels: labelled(options, labels), values: [value] }));
      } catch {
        // What cannot be reached has no value now. That it cannot is told by whoever needs it.
        if (type === "gauge") last = [];
      }
      return { name: options.name, help: options.help, type, ...(shared ? { shared } : {}), series: last };
    });
  }

  /** All of it as it is now. */
  collect(): Promise<Family[]> {
    return Promise.all([...this.#sources.values()].map((source) => source()));
  }

  #keep(options: MetricOptions, type: "counter" | "histogram"): Kept {
    const kept: Kept = { options, series: new Map() };
    this.#add(options, () => {
      const series = [...kept.series.values()].map(({ labels, values }) => ({ labels: labelled(options, labels), values: [...values] }));
      return Promise.resolve({ name: options.name, help: options.help, type, series });
    });
    return kept;
  }

  #add({ name, labels = [] }: MetricOptions, source: () => Promise<Family>): void {
    const wrong = [name, ...labels].find((text) => !/^[A-Za-z_]\w*$/.test(text));
    if (wrong !== undefined) throw new BkError("invalid", `${JSON.stringify(wrong.slice(0, 60))} is no name of a metric or label`);
    if (this.#sources.has(name)) throw new BkError("invalid", `there is a metric ${name} already`);
    this.#sources.set(name, source);
  }
}

/** What a process that serves alone has measured. */
export const familiesOf = async (metrics: Metrics): Promise<Family[]> =>
  mergeFamilies([{ worker: "server", families: await metrics.collect() }]);

function seriesOf({ series }: Kept, labels: readonly string[], length: number): number[] {
  const key = labels.length === 1 ? labels[0]! : labels.join("\0");
  const found = series.get(key);
  if (found !== undefined) return found.values;
  const others = labels.map(() => "other");
  if (series.size >= mostSeries && labels.some((text) => text !== "other")) return seriesOf({ series } as Kept, others, length);
  const values = Array.from({ length }, () => 0);
  series.set(key, { labels: [...labels], values });
  return values;
}

function labelled({ labels = [] }: MetricOptions, texts: readonly string[]): Series["labels"] {
  return Object.fromEntries(labels.map((label, i) => [label, texts[i] ?? ""]));
}
