// Reads the text format of Prometheus by its rules, and refuses what breaks them.
// https://prometheus.io/docs/instrumenting/exposition_formats/

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadFamily {
  readonly type: string;
  readonly samples: readonly Sample[];
}

/** @throws Error, with the line, for text that Prometheus would not take */
export function readExposition(text: string): ReadonlyMap<string, ReadFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, { type: string; samples: Sample[] }>();
  const helped = new Set<string>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const wrong = (what: string): Error => new Error(`${what}: ${JSON.stringify(line)}`);
    const [, help, typed, type] =
      /^# (?:HELP ([A-Za-z_:][\w:]*) (?:[^\\]|\\[\\n])*|TYPE ([A-Za-z_:][\w:]*) (counter|gauge|histogram))$/.exec(line) ?? [];
    if (help !== undefined) {
      if (helped.has(help)) throw wrong("HELP twice");
      helped.add(help);
    } else if (typed !== undefined) {
      if (families.has(typed) || !helped.has(typed)) throw wrong("TYPE twice, or before HELP");
      families.set(typed, { type: type!, samples: [] });
      current = typed;
    } else {
      const sample = readSample(line);
      if (sample === undefined) throw wrong("no sample");
      const family = families.get(current);
      const suffix = sample.name.slice(current.length);
      const suffixes = family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (family === undefined || !sample.name.startsWith(current) || !suffixes.includes(suffix)) throw wrong("not among its family");
      const { name, labels } = sample;
      const key = JSON.stringify([name, Object.entries(labels).sort()]);
      if (seen.has(key)) throw wrong("twice");
      seen.add(key);
      family.samples.push(sample);
    }
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function readSample(line: string): Sample | undefined {
  const [, name, , inside = "", value] = /^([A-Za-z_:][\w:]*)(\{((?:[A-Za-z_]\w*="(?:[^"\\]|\\[\\n"])*",?)*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || !/^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/.test(value!)) return undefined;
  const labels: Record<string, string> = {};
  for (const [, label, text] of inside.matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\[\\n"])*)"/g))
    labels[label!] = text!.replaceAll(/\\(.)/g, (_all, letter: string) => (letter === "n" ? "\n" : letter));
  return { name, labels, value: Number(value!.replace("Inf", "Infinity")) };
}

/** Buckets of each series grow, end at +Inf, and agree with `_count`; there is a `_sum`. */
function checkHistogram(name: string, { samples }: ReadFamily): void {
  const series = new Map<string, { buckets: [number, number][]; sum?: number; count?: number }>();
  for (const {
    name: full,
    labels: { le, ...labels },
    value,
  } of samples) {
    const key = JSON.stringify(Object.entries(labels).sort());
    const own = series.get(key) ?? { buckets: [] };
    series.set(key, own);
    if (full.endsWith("_bucket")) own.buckets.push([Number(le!.replace("+Inf", "Infinity")), value]);
    else if (full.endsWith("_sum")) own.sum = value;
    else own.count = value;
  }
  for (const [key, { buckets, sum, count }] of series) {
    const grows = buckets.every(([bound, value], i) => i === 0 || (bound > buckets[i - 1]![0] && value >= buckets[i - 1]![1]));
    const [bound, value] = buckets.at(-1) ?? [];
    if (!grows || bound !== Number.POSITIVE_INFINITY || value !== count || sum === undefined)
      throw new Error(`${name} ${key} is no histogram`);
  }
}

/** The sum of the samples of a name that have these labels. */
export function valueOf(families: ReadonlyMap<string, ReadFamily>, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
  const fitting = (family?.samples ?? []).filter(
    (sample) => sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
  );
  return fitting.reduce((sum, { value }) => sum + value, 0);
}
