// Checks what a person types into a login form. Node only.
import { type Clock, systemClock } from "@bk/core";
import { type Account, type AccountStore, hasEnded, type PublicAccount, withoutSecrets } from "./account.js";
import { equalTexts } from "./constant-time.js";
import { noPassword, verifyPassword } from "./passwords.js";
import { type Refusal, refusal, type RefusalNote, type RefusalReason, type StatusStyle, whyOf } from "./refusal.js";
import { isPlainText, maxLoginLength } from "./signature-value.js";

/** An account that may have a password. */
export type LoginAccount = Account & { readonly password?: string | null | undefined };

export interface LoginOptions<A extends LoginAccount = LoginAccount> {
  readonly accounts: AccountStore<A>;
  readonly clock?: Clock | undefined;
  readonly statuses?: StatusStyle | undefined;
}

/** What a person typed. */
export interface TypedLogin {
  readonly login?: string | undefined;
  readonly secret?: string | undefined;
}

/**
 * Checks a login with its secret: against the password's hash where the account has one, else against its signing key.
 *
 * Unknown logins take the time of known ones. Routes for it should take POST alone, so that no secret ends up in a URL.
 */
export async function verifyLogin<A extends LoginAccount>(
  given: TypedLogin,
  options: LoginOptions<A>,
): Promise<{ readonly ok: true; readonly account: PublicAccount<A> } | Refusal> {
  const result = await checkTyped(given, options);
  return result.ok ? { ok: true, account: withoutSecrets(result.account) } : result;
}

/** The same, with the account as it was when its secret was checked, and what a log may know: for this package alone. */
export async function checkTyped<A extends LoginAccount>(
  { login, secret }: TypedLogin,
  { accounts, clock = systemClock, statuses }: LoginOptions<A>,
  onRefused?: (note: RefusalNote) => void,
): Promise<{ readonly ok: true; readonly account: A } | Refusal> {
  if (typeof login !== "string" || login === "" || typeof secret !== "string" || secret === "") return refusal("noLogin", statuses);
  const canExist = login.length <= maxLoginLength && isPlainText(login);
  const account = canExist ? await accounts.findByLogin(login) : undefined;
  // Computed for everybody, so that the time does not tell which accounts exist or have a password.
  const byPassword = await verifyPassword(secret, account?.password || noPassword);
  const bySecret = account !== undefined && !account.password && account.secret !== "" && equalTexts(secret, account.secret);
  // A store may fold case; sessions and counts of attempts are by the login as it is.
  const refuse = (reason: RefusalReason, why = whyOf(reason)): Refusal => {
    onRefused?.({ login: account?.login, why });
    return refusal(reason, statuses);
  };
  if (account === undefined) return refuse("notAuthenticated", "there is no account with this login");
  if (account.login !== login || !(account.password ? byPassword : bySecret)) return refuse("notAuthenticated", "wrong secret");
  if (hasEnded(account, clock.now())) return refuse("accountExpired");
  return { ok: true, account };
}
