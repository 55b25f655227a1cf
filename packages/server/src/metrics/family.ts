// What is measured, as plain data that travels between processes, and how several processes are put together.

/** The upper bounds of the buckets of histograms, in seconds; one more takes the rest. */
export const bucketBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** The value; of a histogram how many values each bucket has, and their sum. */
  readonly values: readonly number[];
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** A gauge of something that all processes share, and that each sees. */
  readonly shared?: boolean;
  readonly series: readonly Series[];
}

/** What one process measured. */
export interface Measured {
  /** Names the process. */
  readonly worker: string;
  readonly families: readonly Family[];
}

/** Counters and histograms are added up; gauges get a label that says whose they are, but for those of what is shared. */
export function mergeFamilies(measured: readonly Measured[]): Family[] {
  const merged = new Map<string, { readonly family: Family; readonly series: Map<string, Series> }>();
  for (const { worker, families } of measured)
    for (const family of families) {
      const own = merged.get(family.name) ?? { family, series: new Map<string, Series>() };
      merged.set(family.name, own);
      for (const { labels: given, values } of family.series) {
        const labels = family.type === "gauge" && family.shared !== true ? { ...given, worker } : given;
        const key = JSON.stringify(Object.entries(labels));
        const before = family.type === "gauge" ? undefined : own.series.get(key);
        own.series.set(key, { labels, values: before === undefined ? values : values.map((value, i) => value + before.values[i]!) });
      }
    }
  return [...merged.values()].map(({ family, series }) => ({ ...family, series: [...series.values()] }));
}

/** Those that count what has happened: they stay when their process is gone. */
export const isCumulative = ({ type }: Family): boolean => type !== "gauge";
