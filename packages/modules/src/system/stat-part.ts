// What one process tells for the statistics of all.

import { histogramNumbers, type HistogramState, mergeHistograms } from "./histogram.js";

export type StatNumbers = Readonly<Record<string, number | string>>;

/** What a process tells of itself. */
export interface StatPart {
  /** What is of this process or machine, and is not put together with that of others. */
  readonly facts: StatNumbers;
  /** What is added up: counts, and rates. */
  readonly sums: Readonly<Record<string, number>>;
  /** Of which the largest counts: what all processes see of something they share. */
  readonly most: Readonly<Record<string, number>>;
  readonly histograms: Readonly<Record<string, HistogramState>>;
}

/** How one of several processes tells, and learns what the others tell. */
export interface ProcessesOfServer {
  /** What is called when this process is asked. */
  answer(own: () => Promise<StatPart>): void;
  /** What each process tells, by its name; undefined for one that did not answer in time. */
  ask(): Promise<Readonly<Record<string, StatPart | undefined>>>;
}

/** All of it, flat. */
export function statNumbers({ facts, sums, most, histograms }: StatPart): StatNumbers {
  const named = Object.entries(histograms).map(([name, state]) => histogramNumbers(name, state));
  return { ...facts, ...sums, ...most, ...(Object.assign({}, ...named) as StatNumbers) };
}

/** Several as if they were one. Its facts are the first one's. */
export function mergeParts(first: StatPart, others: readonly StatPart[]): StatPart {
  const sums = { ...first.sums };
  const most = { ...first.most };
  const histograms = { ...first.histograms };
  for (const part of others) {
    for (const [name, value] of Object.entries(part.sums)) sums[name] = (sums[name] ?? 0) + value;
    for (const [name, value] of Object.entries(part.most)) most[name] = Math.max(most[name] ?? value, value);
    for (const [name, state] of Object.entries(part.histograms))
      histograms[name] = histograms[name] === undefined ? state : mergeHistograms(histograms[name], state);
  }
  return { facts: first.facts, sums, most, histograms };
}
