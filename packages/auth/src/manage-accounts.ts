// Adding, listing and deleting accounts, as the command line does it. Node only.
import { randomBytes } from "node:crypto";
import { type AccountDb, type AccountsOptions } from "./account-db.js";
import { invalid } from "./errors.js";
import { checkPassword, type PasswordPolicy } from "./password-policy.js";
import { hashPassword } from "./passwords.js";
import { scrambleSecret } from "./scramble.js";
import { openKeyring, seal } from "./secrets.js";
import { isPlainText, maxLoginLength } from "./signature-value.js";

export interface NewAccount {
  /** At most 140 characters, without `|`, control characters, or space around it. */
  readonly login: string;
  /** The secret to sign with; default a random one of 256 bits. */
  readonly secret?: string | undefined;
  /** Whether the key is `scrambleSecret(login, secret)`, as clients make it that ask a person for the secret. Default false. */
  readonly scramble?: boolean | undefined;
  /** A password for logging in; kept as a hash. */
  readonly password?: string | undefined;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  /** Roles in a comma list, such as `admin`. */
  readonly type?: string | undefined;
  readonly expires?: Date | undefined;
}

export interface AddAccountOptions extends AccountsOptions {
  /** What a password that is given must be like, or where there is none the secret. Default anything; machines have random ones. */
  readonly policy?: PasswordPolicy | undefined;
}

export interface AddedAccount {
  readonly id: string;
  readonly login: string;
  /** The key that signs, when the caller does not have it: it was made here, or scrambled. Shown once; it is stored encrypted. */
  readonly secret?: string;
}

/** An account as a list shows it. */
export interface AccountInfo {
  readonly id: string;
  readonly login: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly type: string | null;
  /** Milliseconds since 1970. */
  readonly expires: number | null;
  readonly ctime: number | null;
}

/**
 * Adds an account with a new id, its secret encrypted.
 *
 * @throws AuthError `invalid` for a field that cannot be used, with `detail.policy` for a password that the policy refuses; the database's `already-exists` when there is such a login
 */
export async function addAccount(db: AccountDb, account: NewAccount, { masterKey, policy }: AddAccountOptions): Promise<AddedAccount> {
  const keys = openKeyring(masterKey);
  const { login, scramble = false, password, name, email, type, expires } = account;
  checkLogin(login);
  if (account.secret === "") throw invalid("secret", "is empty");
  if (expires !== undefined && !(expires.getTime() > 0)) throw invalid("expires", "is not a date");
  const typed = password ?? account.secret;
  // A secret that is made here is random.
  if (typed !== undefined) checkPassword(policy, typed, account, password === undefined ? "secret" : "password");
  const chosen = account.secret ?? randomText();
  const secret = scramble ? await scrambleSecret(login, chosen) : chosen;
  const hidden = (column: string, text: string): Record<string, string> => ({ [column]: seal(text, keys, { login, column }) });
  const row = {
    login,
    id: `u_${randomBytes(16).toString("hex")}`,
    ...hidden("secret", secret),
    ...hidden("token_secret", randomText()),
    ...hidden("session_key", randomText()),
    ...(password === undefined ? {} : { password: await hashPassword(password) }),
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
    ...(type === undefined ? {} : { type }),
    ...(expires === undefined ? {} : { expires: expires.getTime() }),
  };
  await db.add("bk_auth", row);
  return { id: row.id, login, ...(account.secret === secret ? {} : { secret }) };
}

/** Gives every account, page by page, in the database's own order, without anything secret. */
export async function* listAccounts(db: AccountDb): AsyncGenerator<AccountInfo, void, undefined> {
  let start: string | undefined;
  do {
    const page = await db.select("bk_auth", {}, { count: 100, ...(start === undefined ? {} : { start }) });
    for (const row of page.rows as (Pick<AccountInfo, "id" | "login"> & Partial<AccountInfo>)[]) {
      const { id, login, name = null, email = null, type = null, expires = null, ctime = null } = row;
      yield { id, login, name, email, type, expires, ctime };
    }
    start = page.next;
  } while (start !== undefined);
}

/** Deletes the row of the account with this login; `removeAccount` takes along what is kept beside it. False when there was none. */
export async function deleteAccount(db: AccountDb, login: string): Promise<boolean> {
  checkLogin(login);
  return (await db.del("bk_auth", { login })).affected > 0;
}

function checkLogin(login: string): void {
  if (typeof login !== "string" || login === "") throw invalid("login", "is empty");
  if (login.length > maxLoginLength) throw invalid("login", `has more than ${maxLoginLength} characters`);
  if (login.trim() !== login) throw invalid("login", "has space around it");
  if (login.includes("|") || !isPlainText(login)) {
    throw invalid("login", 'has "|", a control character or a lone surrogate');
  }
}

function randomText(): string {
  return randomBytes(32).toString("base64url");
}
