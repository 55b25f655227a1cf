// Accounts in the table `bk_auth` of any database that has these calls, such as a `Db` of `@bk/db`. Node only.
import type { Account, AccountStore } from "./account.js";
import { AuthError } from "./errors.js";
import { type DecryptedSecret, type Keyring, type MasterKey, openKeyring, seal, type SecretPlace, unseal } from "./secrets.js";

/** What accounts need of a database. */
export interface AccountDb {
  get(table: "bk_auth", key: { login: string }): Promise<object | undefined>;
  select(
    table: "bk_auth",
    filter: Record<string, never>,
    options?: { count?: number; start?: string },
  ): Promise<{ rows: object[]; next?: string }>;
  add(table: "bk_auth", row: { login: string; id: string }): Promise<unknown>;
  update(
    table: "bk_auth",
    row: { login: string },
    options?: { where?: { readonly [column in (typeof encryptedColumns)[number] | "password"]?: string | null } },
  ): Promise<{ affected: number }>;
  del(table: "bk_auth", key: { login: string }): Promise<{ affected: number }>;
}

/** A row of `bk_auth` as far as verification reads it. */
export interface AccountRow extends Account {
  readonly email?: string | null | undefined;
  readonly status?: string | null | undefined;
  /** What `hashPassword` gave. */
  readonly password?: string | null | undefined;
}

export interface AccountsOptions {
  /** The server's own secret; it encrypts those of the accounts. */
  readonly masterKey: MasterKey;
}

/** The columns that are kept encrypted. */
export const encryptedColumns = ["secret", "auth_secret", "token_secret", "session_key"] as const;

type Row = Record<string, unknown> & { readonly login: string };

/**
 * Gives the accounts of a database to `createAuth`.
 *
 * Secrets that are stored in clear, or with an older master key, work, and are encrypted anew when they are first read.
 *
 * @throws AuthError `invalid` when the master key is too short; from `findByLogin` `internal`, when a stored secret cannot be decrypted
 */
export function accountsOf(db: AccountDb, { masterKey }: AccountsOptions): AccountStore<AccountRow> {
  const keys = openKeyring(masterKey);
  const decoy = { login: "", secret: seal("", keys, { login: "" }) };
  return {
    async findByLogin(login) {
      if (login === "") return undefined;
      const row = (await db.get("bk_auth", { login })) as Row | undefined;
      if (row === undefined) {
        // Takes the time that an account takes.
        openRow(decoy, keys);
        return undefined;
      }
      const opened = openRow(row, keys);
      if (opened.renewed.length > 0) await storeAgain(db, row, opened.renewed);
      return opened.account;
    },
    async replacePassword(login, before, after) {
      const row = { login, password: after };
      await db.update("bk_auth", row, { where: { password: before } });
    },
  };
}

interface Renewed {
  readonly column: string;
  readonly before: string;
  readonly after: string;
}

function openRow(row: Row, keys: Keyring): { account: AccountRow; renewed: Renewed[] } {
  const account: Record<string, unknown> = { ...row };
  const renewed: Renewed[] = [];
  for (const column of encryptedColumns) {
    const stored = row[column];
    if (typeof stored !== "string" || stored === "") continue;
    const place = { login: row.login, column };
    const { secret, current } = unsealStored(stored, keys, place);
    account[column] = secret;
    if (!current) renewed.push({ column, before: stored, after: seal(secret, keys, place) });
  }
  return { account: account as unknown as AccountRow, renewed };
}

/** It is no fault of whoever signed that the server has another key than its accounts were made with. */
function unsealStored(stored: string, keys: Keyring, place: SecretPlace): DecryptedSecret {
  try {
    return unseal(stored, keys, place);
  } catch (cause) {
    if (!(cause instanceof AuthError)) throw cause;
    throw new AuthError("internal", `bk_auth: the stored secret of an account cannot be read: ${cause.message}`, {
      outcome: "none",
      cause,
    });
  }
}

/** Each column is guarded by what was read: a secret that was changed meanwhile stays as it is. */
async function storeAgain(db: AccountDb, { login }: Row, renewed: readonly Renewed[]): Promise<void> {
  for (const { column, before, after } of renewed) await db.update("bk_auth", { login, [column]: after }, { where: { [column]: before } });
}
