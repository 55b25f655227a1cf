// Families as Prometheus reads them: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.

import { bucketBounds, type Family, type Series } from "./family.js";

export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

export function exposition(families: readonly Family[]): string {
  return families
    .filter(({ series }) => series.length > 0)
    .map(({ name, help, type, series }) => {
      const head = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
      return (
        head + series.map((one) => (type === "histogram" ? histogramLines(name, one) : line(name, one.labels, one.values[0]!))).join("")
      );
    })
    .join("");
}

function histogramLines(name: string, { labels, values }: Series): string {
  let [text, count] = ["", 0];
  for (const [i, bound] of [...bucketBounds, "+Inf"].entries()) {
    count += values[i]!;
    text += line(`${name}_bucket`, { ...labels, le: String(bound) }, count);
  }
  return text + line(`${name}_sum`, labels, values.at(-1)!) + line(`${name}_count`, labels, count);
}

function line(name: string, labels: Series["labels"], value: number): string {
  const shown = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${shown.length === 0 ? "" : `{${shown.join(",")}}`} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
