// What is different in a snapshot from the one before.

import type { Parameter } from "@bk/core";

import { type Settled, shown, shownDefault, type Snapshot } from "./layers.js";

export interface Change {
  readonly parameter: Parameter;
  /** What it was and is, without secrets. */
  readonly text: string;
}

export function changesOf(before: Snapshot, after: Snapshot): Map<string, Change> {
  const changes = new Map<string, Change>();
  for (const name of new Set([...before.settled.keys(), ...after.settled.keys()])) {
    const [old, now] = [before.settled.get(name), after.settled.get(name)];
    if (old?.text === now?.text) continue;
    const { parameter } = (now ?? old)!;
    const text = (own: Settled | undefined): string => (own === undefined ? (shownDefault(parameter) ?? "(none)") : shown(own));
    changes.set(name, { parameter, text: `${text(old)} → ${text(now)}` });
  }
  return changes;
}
