// Joins, for `advanced.database.joins`: the rows of the other table are read by requests of their own.

import type { JoinConfig } from "better-auth/adapters";

import type { Row } from "./calls.js";

/** Reads rows of the other table whose column has one of the values. */
export type JoinReader = (table: string, column: string, values: readonly unknown[], limit: number) => Promise<readonly Row[]>;

/** How many requests of one join are under way at a time. */
const width = 8;

/** The columns that joins need of the rows themselves. */
export function joinColumns(join: JoinConfig | undefined): string[] {
  return Object.values(join ?? {}).map(({ on }) => on.from);
}

/** The rows, each with those of the other tables under the names of their tables. */
export async function joined(rows: readonly Row[], join: JoinConfig | undefined, read: JoinReader): Promise<readonly Row[]> {
  let result = rows;
  for (const [table, { on, relation, limit = 100 }] of Object.entries(join ?? {})) {
    const values = rows.map((row) => row[on.from] ?? null);
    const found =
      relation === "one-to-one" ? await readOnes(table, on.to, values, read) : await readLists(table, on.to, values, limit, read);
    result = result.map((row, i) => ({ ...row, [table]: found[i] }));
  }
  return result;
}

/** For each value the row that has it, or null. */
async function readOnes(table: string, column: string, values: readonly unknown[], read: JoinReader): Promise<(Row | null)[]> {
  const wanted = [...new Set(values.filter((value) => value !== null))];
  const rows = wanted.length === 0 ? [] : await read(table, column, wanted, wanted.length);
  const byValue = new Map(rows.map((row) => [row[column], row]));
  return values.map((value) => byValue.get(value) ?? null);
}

/** For each value at most `limit` rows that have it. */
async function readLists(
  table: string,
  column: string,
  values: readonly unknown[],
  limit: number,
  read: JoinReader,
): Promise<(readonly Row[])[]> {
  const lists: (readonly Row[])[] = [];
  for (let at = 0; at < values.length; at += width) {
    const some = values.slice(at, at + width);
    lists.push(...(await Promise.all(some.map(async (value) => (value === null ? [] : read(table, column, [value], limit))))));
  }
  return lists;
}
