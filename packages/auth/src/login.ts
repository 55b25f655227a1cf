// Checks what a person types into a login form. Node only.
import { type Clock, systemClock } from "@bk/core";
import { type Account, type AccountStore, hasEnded, type PublicAccount, withoutSecrets } from "./account.js";
import { equalTexts } from "./constant-time.js";
import { noPassword, verifyPassword } from "./passwords.js";
import { type Refusal, refusal, type StatusStyle } from "./refusal.js";

export interface LoginOptions<A extends Account = Account> {
  readonly accounts: AccountStore<A>;
  readonly clock?: Clock | undefined;
  readonly statuses?: StatusStyle | undefined;
}

/**
 * Checks a login with its secret: against the password's hash where the account has one, else against its signing key.
 *
 * Unknown logins take the time of known ones. Routes for it should take POST alone, so that no secret ends up in a URL.
 */
export async function verifyLogin<A extends Account & { readonly password?: string | null | undefined }>(
  given: { readonly login?: string | undefined; readonly secret?: string | undefined },
  { accounts, clock = systemClock, statuses }: LoginOptions<A>,
): Promise<{ readonly ok: true; readonly account: PublicAccount<A> } | Refusal> {
  const { login, secret } = given;
  if (typeof login !== "string" || login === "" || typeof secret !== "string" || secret === "") return refusal("noLogin", statuses);
  const account = await accounts.findByLogin(login);
  // Computed for everybody, so that the time does not tell which accounts exist or have a password.
  const byPassword = await verifyPassword(secret, account?.password || noPassword);
  const bySecret = account !== undefined && !account.password && account.secret !== "" && equalTexts(secret, account.secret);
  if (account === undefined || !(account.password ? byPassword : bySecret)) return refusal("notAuthenticated", statuses);
  if (hasEnded(account, clock.now())) return refusal("accountExpired", statuses);
  return { ok: true, account: withoutSecrets(account) };
}
