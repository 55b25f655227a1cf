// Accounts with their secrets decrypted, kept while their rows stay as they are: decrypting costs more than reading the row.

import type { Account, AccountStore } from "@bk/auth";

import type { Row, ServedDb } from "./data/served-db.js";

interface Kept {
  readonly row: Row | undefined;
  readonly account: Account | undefined;
}

const maxKept = 10_000;

/**
 * Gives the accounts of `store`, which decrypts the rows of the table `bk_auth`. The row is read each time, so that a changed, ended
 * or deleted account is one at once; what it decrypts to is kept.
 *
 * Logins that do not exist are kept too: they take as long as others do, the first time and after.
 */
export function cachedAccounts(db: Pick<ServedDb, "get">, store: AccountStore): AccountStore {
  const kept = new Map<string, Kept>();
  return {
    ...(store.replacePassword === undefined ? {} : { replacePassword: store.replacePassword.bind(store) }),
    async findByLogin(login) {
      const known = kept.get(login);
      if (known !== undefined) {
        const row = await db.get("bk_auth", { login });
        if (isSame(row, known.row)) return known.account;
      }
      const row = login === "" ? undefined : await db.get("bk_auth", { login });
      const account = await store.findByLogin(login);
      // Begins again, rather than keep an order of use: whoever asks for many logins must not cost the others more than that.
      if (kept.size >= maxKept) kept.clear();
      kept.set(login, { row, account });
      return account;
    },
  };
}

function isSame(one: Row | undefined, other: Row | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  for (const name in one) {
    const [a, b] = [one[name], other[name]];
    if (a !== b && JSON.stringify(a) !== JSON.stringify(b)) return false;
  }
  return true;
}
