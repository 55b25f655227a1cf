// Ids that are numbers (`generateId: "serial"`): counted in a table, since not every database counts by itself.

import type { Calls } from "./calls.js";

const name = "better_auth_serial";

/** The last id of each table. */
export const serialTable = { [name]: { table_name: { primary: 1 }, last: { type: "counter" } } } as const;

/** The next id of a table: one that no other caller is given. */
export async function nextSerial(calls: Calls, table: string, pool: string | undefined): Promise<number> {
  const { row } = await calls.incr(name, { table_name: table, last: 1 }, { pool, returning: "new" });
  return row!["last"] as number;
}

/** Counts on after an id that was given. */
export async function noteSerial(calls: Calls, table: string, id: number, pool: string | undefined): Promise<void> {
  await calls.update(name, { table_name: table, last: id }, { pool, where: { last: { $lt: id } }, upsert: true });
}
