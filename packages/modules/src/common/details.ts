// What everybody may know of the accounts that rows speak of.

import type { TableDefinitions } from "@bk/db";

import type { CallerDb } from "../contract/caller-db.js";
import type { Row } from "../contract/database.js";
import { visible } from "./visible.js";

/**
 * Rows with the public columns of accounts, which stand back where a row has a column of that name.
 *
 * @param own  the database as whoever gets them may use it
 * @param tables  those of all modules: without accounts there is nothing to add
 * @param column  where a row has the account's id
 */
export async function withDetails(own: CallerDb, tables: TableDefinitions, rows: readonly Row[], column: string): Promise<Row[]> {
  const accounts = tables["bk_account"];
  if (accounts === undefined || rows.length === 0 || !own.reads("bk_account")) return [...rows];
  const ids = [...new Set(rows.map((row) => row[column]))];
  const found = await own.list(
    "bk_account",
    ids.map((id) => ({ id })),
  );
  const byId = new Map(found.map((account) => [account["id"], visible(accounts, account, "other")]));
  return rows.map((row) => ({ ...byId.get(row[column]), ...row }));
}
