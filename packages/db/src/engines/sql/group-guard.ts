// A condition that many gets of one statement have in common.

import type { GetShape, Values } from "../../driver.js";
import type { Slot } from "../../reference/condition.js";
import { type ColumnWriter, writeConjunct } from "./condition.js";
import type { SqlDialect } from "./dialect.js";
import { sqlWriter } from "./writer.js";

export interface GroupGuard {
  /** ` AND …`; empty text where the rows have no condition. */
  readonly text: string;
  /** The slots of its values, in order of their placeholders. */
  readonly slots: readonly Slot[];
}

/** @param before  numbered placeholders that stand before those of the condition */
export function groupGuard({ guard }: GetShape, dialect: SqlDialect, name: ColumnWriter, before = 0): GroupGuard {
  if (guard === undefined) return { text: "", slots: [] };
  const writer = sqlWriter(dialect);
  // Slots that no call has: they hold the places of what stands before.
  for (let i = 1; i <= before; i++) writer.bind(-i, undefined);
  const text = writeConjunct(writer, guard, name);
  return { text: text === "" ? "" : ` AND ${text}`, slots: writer.finish(text).slots.slice(before) };
}

/** The members by the values of the guard, which one statement has once, with their places in the group. */
export function byGuard({ slots }: GroupGuard, group: readonly Values[]): { members: Values[]; places: number[] }[] {
  if (slots.length === 0) return [{ members: [...group], places: group.map((_, i) => i) }];
  const parts = new Map<string, { members: Values[]; places: number[] }>();
  group.forEach((values, i) => {
    const key = slots.map((slot) => `${typeof values[slot]}${String(values[slot])}`).join("\0");
    let part = parts.get(key);
    if (part === undefined) parts.set(key, (part = { members: [], places: [] }));
    part.members.push(values);
    part.places.push(i);
  });
  return [...parts.values()];
}
