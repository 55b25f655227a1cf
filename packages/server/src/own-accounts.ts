// The accounts of the server's own table.

import { type AccountStore, accountsOf, listAccounts, type MasterKey } from "@bk/auth";
import { BkError, type Log } from "@bk/core";
import type { Db } from "@bk/db";

import { cachedAccounts } from "./account-cache.js";
import type { ServedDb } from "./data/served-db.js";

/** How many accounts are tried at start. */
const triedAccounts = 20;

/** The accounts of the database; says so when the master key is not theirs, which they would otherwise learn one by one. */
export async function ownAccounts(db: Db, served: ServedDb, key: MasterKey, log: Log): Promise<AccountStore> {
  const stored = accountsOf(db, { masterKey: key });
  let [tried, unreadable] = [0, 0];
  for await (const { login } of listAccounts(db)) {
    await stored.findByLogin(login).catch((error: unknown) => {
      if (!(error instanceof BkError) || error.code !== "internal") throw error;
      unreadable++;
    });
    if (++tried === triedAccounts) break;
  }
  if (unreadable > 0)
    log.error(
      `the master key is not the one that ${unreadable === tried ? "the accounts" : `${unreadable} of ${tried} accounts`} were made with: their requests are answered with 500; give the key as BK_MASTER_KEY, or put the old var/master.key back`,
    );
  return cachedAccounts(served, stored);
}
