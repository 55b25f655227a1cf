// Tables of results, as text.

import { goals, startGoalMs } from "./goals.js";
import type { EngineResult } from "./measure.js";

/** The ratios of an engine beside the goals; a ratio over its goal has an exclamation mark. */
export function engineTable({ engine, rows, contestants }: EngineResult): string {
  const raw = contestants.find(({ name }) => name === "raw")!;
  const names = Object.keys(raw.cells);
  const own = goals[engine];
  const lines = [
    ["", ...names, "start ms", "RSS MB"],
    ["raw, µs", ...names.map((cell) => short(raw.cells[cell]!.us)), "", ""],
    ["goal of bk", ...names.map((cell) => (own[cell] === undefined ? "" : `≤ ${own[cell]}`)), `≤ ${startGoalMs}`, "raw + 10"],
    ...contestants.map(({ name, cells, startMs, rssMb }) => [
      name,
      ...names.map((cell) => marked(cells[cell]!.ratio, name === "bk" ? own[cell] : undefined)),
      short(startMs),
      short(rssMb),
    ]),
    ...contestants.map(({ name, cells }) => [`${name}, CPU µs`, ...names.map((cell) => short(cells[cell]!.cpuUs)), "", ""]),
  ];
  return `\n## ${engine}, ${rows} rows: time as a ratio to raw\n\n${markdown(lines)}\n`;
}

function marked(ratio: number, goal: number | undefined): string {
  return `${ratio.toFixed(2)}${goal !== undefined && ratio > goal ? "!" : ""}`;
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function markdown([head, ...lines]: readonly (readonly string[])[]): string {
  const widths = head!.map((_, i) => Math.max(...[head!, ...lines].map((line) => line[i]!.length)));
  const row = (line: readonly string[]): string =>
    `| ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [row(head!), rule, ...lines.map(row)].join("\n");
}
