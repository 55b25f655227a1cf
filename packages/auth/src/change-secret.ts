// A new secret or password for an account, which ends what the old one began. Node only.
import { randomBytes } from "node:crypto";
import type { AccountDb, AccountsOptions } from "./account-db.js";
import { equalTexts } from "./constant-time.js";
import { AuthError, invalid } from "./errors.js";
import { checkPassword, type PasswordOwner, type PasswordPolicy } from "./password-policy.js";
import { hashPassword, verifyPassword } from "./passwords.js";
import { scrambleSecret } from "./scramble.js";
import { type Keyring, openKeyring, seal, unseal } from "./secrets.js";
import type { SessionStore } from "./sessions/session-store.js";

export interface SecretChange {
  readonly login: string;
  /**
   * The new secret. It becomes the key that signs, and where the account has a password, and none is given beside it, that too.
   */
  readonly secret?: string | undefined;
  /** The new password alone; with `secret` the password beside it. */
  readonly password?: string | undefined;
  /** Whether the key that signs is `scrambleSecret(login, secret)`. Default false. What clients have scrambled already stays as it is. */
  readonly scramble?: boolean | undefined;
  /** Whether access tokens end, also where no secret changes. Default: with a secret or password they end. */
  readonly tokenSecret?: boolean | undefined;
  /** What the person typed as the present secret or password. Where it is given and wrong nothing is changed. */
  readonly oldSecret?: string | undefined;
}

export interface ChangeSecretOptions extends AccountsOptions {
  /** What a new secret or password must be like. Default anything. */
  readonly policy?: PasswordPolicy | undefined;
  /** Where sessions and tokens are: rows of those that ended are removed. Without it they stay until their time is over, and open nothing. */
  readonly store?: SessionStore | undefined;
}

export interface ChangedSecret {
  readonly id: string;
  readonly login: string;
  /** The key that signs, when the caller does not have it: it was scrambled. */
  readonly secret?: string;
}

/**
 * Changes the secret or the password of an account, in one write that also ends its sessions and access tokens.
 *
 * The write is guarded by what was checked: with `oldSecret`, of two changes at once one counts, and the other finds it wrong.
 *
 * @throws AuthError `not-found` for an unknown login; `invalid` when nothing is to be changed, or the policy says no (`detail.policy`);
 *   `denied` when `oldSecret` is wrong; `condition-failed` when the account was changed meanwhile
 */
export async function changeSecret(db: AccountDb, change: SecretChange, options: ChangeSecretOptions): Promise<ChangedSecret> {
  // What callers hand over is theirs to change.
  const own = { ...change };
  for (let attempt = 1; ; attempt++) {
    const changed = await changeOnce(db, own, options);
    if (changed !== undefined) return changed;
    // A login that makes the hash anew, or a new master key, changes the row too.
    if (attempt === attempts) throw new AuthError("condition-failed", "the account was changed meanwhile; try again");
  }
}

const attempts = 3;

interface Stored extends PasswordOwner {
  readonly id: string;
  readonly login: string;
  readonly secret?: string | null;
  readonly password?: string | null;
  readonly session_key?: string | null;
}

/** Undefined when the row was not any more as it was read: all that is checked is checked on what is written over. */
async function changeOnce(db: AccountDb, change: SecretChange, options: ChangeSecretOptions): Promise<ChangedSecret | undefined> {
  const { login, secret, password, scramble = false, tokenSecret = false, oldSecret } = change;
  const { masterKey, policy, store } = options;
  if (secret === undefined && password === undefined && !tokenSecret) throw invalid("secret", "is missing");
  for (const [field, text] of Object.entries({ secret, password })) if (text === "") throw invalid(field, "is empty");
  const stored = login === "" ? undefined : ((await db.get("bk_auth", { login })) as Stored | undefined);
  if (stored === undefined || stored.login !== login) throw new AuthError("not-found", "there is no account with this login");
  const keys = openKeyring(masterKey);
  if (oldSecret !== undefined && !(await isPresent(oldSecret, stored, keys)))
    throw new AuthError("denied", "the old secret is wrong", { detail: { field: "old_secret" } });
  const typed = password ?? secret;
  if (typed !== undefined) checkPassword(policy, typed, stored, password === undefined ? "secret" : "password");

  const key = secret !== undefined && scramble ? await scrambleSecret(login, secret) : secret;
  // An account that logs in with its key needs no hash of it; one that has a hash would keep the old password.
  const newPassword = password ?? (stored.password ? secret : undefined);
  const hidden = (column: string, text: string): Record<string, string> => ({ [column]: seal(text, keys, { login, column }) });
  const isNew = typed !== undefined;
  const row = {
    login,
    ...(key === undefined ? {} : hidden("secret", key)),
    ...(newPassword === undefined ? {} : { password: await hashPassword(newPassword) }),
    ...hidden("token_secret", randomText()),
    ...(isNew ? hidden("session_key", randomText()) : {}),
  };
  const where = { secret: stored.secret ?? null, password: stored.password ?? null, session_key: stored.session_key ?? null };
  const { affected } = await db.update("bk_auth", row, { where });
  if (affected === 0) return undefined;
  if (store !== undefined) await removeEnded(store, stored.id, isNew);
  return { id: stored.id, login, ...(key === secret || key === undefined ? {} : { secret: key }) };
}

async function isPresent(typed: string, { login, password, secret }: Stored, keys: Keyring): Promise<boolean> {
  if (password) return verifyPassword(typed, password);
  return Boolean(secret) && equalTexts(typed, unseal(secret!, keys, { login, column: "secret" }).secret);
}

/** They count no more whether this comes to its end or not. */
async function removeEnded(store: SessionStore, accountId: string, isNew: boolean): Promise<void> {
  for (const { id, kind } of await store.listOf(accountId)) if (isNew || kind === "token") await store.remove(id);
}

function randomText(): string {
  return randomBytes(32).toString("base64url");
}
