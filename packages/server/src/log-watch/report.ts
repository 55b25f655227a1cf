// What is to be told on a channel: lines that are equal but for numbers are one, with a count.

import { createHash } from "node:crypto";

/** Lines that wait to be told. */
export interface Held {
  readonly lines: readonly { readonly key: string; readonly text: string; readonly count: number }[];
  /** Of lines beyond the most that are kept. */
  readonly more: number;
}

export const nothing: Held = { lines: [], more: 0 };

const mostLines = 50;

/** What makes lines one: their words, without times, numbers and ids. */
export function keyOf(text: string): string {
  const [first = ""] = text.split("\n");
  const plain = first.replaceAll(/"id":"[^"]*"/g, "").replaceAll(/\b[\w-]+/g, (word) => (/\d/.test(word) ? "#" : word));
  return createHash("sha256").update(plain).digest("base64url").slice(0, 16);
}

export function withLine(held: Held, text: string): Held {
  const key = keyOf(text);
  const at = held.lines.findIndex((line) => line.key === key);
  if (at < 0 && held.lines.length >= mostLines) return { ...held, more: held.more + 1 };
  if (at < 0) return { ...held, lines: [...held.lines, { key, text, count: 1 }] };
  return { ...held, lines: held.lines.map((line, i) => (i === at ? { ...line, count: line.count + 1 } : line)) };
}

export interface Report {
  readonly channel: string;
  readonly host: string;
  readonly app: string;
  readonly subject: string;
  readonly text: string;
  readonly count: number;
}

export function reportOf(channel: string, { lines, more }: Held, { host, app }: { readonly host: string; readonly app: string }): Report {
  const count = lines.reduce((sum, line) => sum + line.count, more);
  const shown = lines.map((line) => (line.count === 1 ? line.text : `${line.text}\n  (${line.count} times)`));
  const text = [...shown, ...(more === 0 ? [] : [`and ${more} more`])].join("\n");
  return { channel, host, app, subject: `${channel}: ${count} ${count === 1 ? "line" : "lines"} of ${app} on ${host}`, text, count };
}
