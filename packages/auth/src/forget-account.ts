// What is kept of an account beside its row. Node only.
import type { CodeDb } from "./one-time-codes.js";
import { dbSessions, type SessionDb } from "./sessions/session-db.js";

/** What forgetting needs of a database: the tables of `authTables`. */
export type ForgetDb = SessionDb & Pick<CodeDb, "del">;

/** Removes the sessions, access tokens and one-time codes of an account. None of them counts once its row in `bk_auth` is gone. */
export async function forgetAccount(db: ForgetDb, accountId: string): Promise<void> {
  const store = dbSessions(db);
  for (const { id } of await store.listOf(accountId)) await store.remove(id);
  await db.del("bk_totp", { account: accountId });
}
