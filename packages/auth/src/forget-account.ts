// What is kept of an account beside its row. Node only.
import type { CodeDb } from "./one-time-codes.js";
import { dbSessions, type SessionDb } from "./sessions/session-db.js";
import type { SessionStore } from "./sessions/session-store.js";

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

/** What removing an account needs of a database: the tables of `authTables`. */
export type RemoveDb = SessionDb &
  Pick<CodeDb, "del"> &
  ForgetKeysDb & {
    del(table: "bk_auth", key: { login: string }, options: { where: { id: string } }): Promise<{ affected: number }>;
  };

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

/**
 * Removes an account: its keys, its row in `bk_auth` if it is still this account's, its sessions, access tokens and one-time codes. Given again, it goes on
 * where it was interrupted.
 *
 * @param store  where its sessions are; default `bk_session` of the database
 * @returns  whether the row was there
 */
export async function removeAccount(db: RemoveDb, account: ForgottenAccount, store: SessionStore = dbSessions(db)): Promise<boolean> {
  const { id, login } = account;
  // While the row is there, nobody else can have the login, whom its keys would sign for.
  await forgetKeys(db, account);
  const { affected } = await db.del("bk_auth", { login }, { where: { id } });
  for (const row of await store.listOf(id)) await store.remove(row.id);
  await db.del("bk_totp", { account: id });
  return affected > 0;
}
