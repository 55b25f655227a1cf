// Rows that are checked already: to check twice would multiply, generate and default twice.

import { isJoinedText } from "../schema/is-joined-text.js";
import { joinText } from "../schema/join.js";
import type { Table } from "../schema/table.js";

/** A whole row of logical values by `column.index`, which `writeRow` takes as it is. */
export class CheckedRow {
  readonly values: unknown[];

  constructor(values: unknown[]) {
    this.values = values;
  }
}

/** The logical values of a row as a read gave it, with all its columns. */
export function readBack(table: Table, row: Readonly<Record<string, unknown>>): CheckedRow {
  const values = table.columns.map((column) => {
    if (column.isRest) return undeclaredOf(table, row);
    const value = row[column.name] ?? null;
    // A column that is a part of itself is shown as that part.
    const join = table.joins.find((candidate) => candidate.column === column && candidate.parts.includes(column));
    if (join === undefined) return value;
    const parts = join.parts.map((part) => row[part.name] ?? null);
    return isJoinedText(join, value, parts) ? value : (joinText(join, parts) ?? value);
  });
  return new CheckedRow(values);
}

function undeclaredOf(table: Table, row: Readonly<Record<string, unknown>>): Record<string, unknown> | null {
  const members = Object.entries(row).filter(([name]) => !table.byName.has(name));
  return members.length === 0 ? null : Object.fromEntries(members);
}
