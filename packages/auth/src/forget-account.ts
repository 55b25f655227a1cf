// What is kept of an account beside its row. Node only.
import type { CodeDb } from "./one-time-codes.js";
import { dbSessions, type SessionDb } from "./sessions/session-db.js";

/** An account that is removed. */
export interface ForgottenAccount {
  readonly id: string;
  readonly login: string;
}

/** What forgetting keys needs of a database: the tables of `authTables`. */
export interface ForgetKeysDb {
  get(table: "bk_auth", key: { login: string }): Promise<object | undefined>;
  select(
    table: "bk_key",
    filter: { login: string },
    options: { count: number; start?: string },
  ): Promise<{ rows: object[]; next?: string }>;
  del(table: "bk_key", key: { keyid: string }): Promise<{ affected: number }>;
}

/** What forgetting needs of a database: the tables of `authTables`. */
export type ForgetDb = SessionDb & Pick<CodeDb, "del"> & ForgetKeysDb;

/**
 * Removes the keys that sign for an account by RFC 9421. Call it before its row in `bk_auth` goes, so that whoever is interrupted finds the
 * account again and goes on. Keys of another account that has the login by now stay.
 */
export async function forgetKeys(db: ForgetKeysDb, { id, login }: ForgottenAccount): Promise<void> {
  const holder = (await db.get("bk_auth", { login })) as { readonly id: string } | undefined;
  const keyids: string[] = [];
  let start: string | undefined;
  do {
    const page = await db.select("bk_key", { login }, { count: 100, ...(start === undefined ? {} : { start }) });
    for (const { keyid, account } of page.rows as { keyid: string; account?: string | null }[])
      // A key that names no account is of whoever has the login.
      if ((account ?? holder?.id ?? id) === id) keyids.push(keyid);
    start = page.next;
  } while (start !== undefined);
  for (const keyid of keyids) await db.del("bk_key", { keyid });
}

/** Removes the keys, sessions, access tokens and one-time codes of an account. None of them counts once its row in `bk_auth` is gone. */
export async function forgetAccount(db: ForgetDb, account: ForgottenAccount): Promise<void> {
  await forgetKeys(db, account);
  const store = dbSessions(db);
  for (const { id } of await store.listOf(account.id)) await store.remove(id);
  await db.del("bk_totp", { account: account.id });
}
