// From a session or an access token that the server keeps to an account: the steps of `authenticate`, in its order.
import { type Account, hasEnded } from "./account.js";
import { aclAllows } from "./acl.js";
import type { Authenticated, AuthenticateOptions, RequestFacts } from "./authenticate-options.js";
import type { StoredCredential } from "./credential.js";
import type { Incoming } from "./incoming.js";
import { type Refusal, refusal, type RefusalReason, whyOf } from "./refusal.js";

/**
 * Authenticates a request by a text that only its client holds.
 *
 * A cookie that counts no more is as good as none, and is taken back: browsers send it until they are told otherwise.
 */
export async function authenticateStored<A extends Account>(
  { source, secret }: StoredCredential,
  incoming: Incoming,
  options: AuthenticateOptions<A>,
  { now, askedMs, renews = true, onRefused }: RequestFacts & { readonly now: number },
): Promise<Authenticated<A> | Refusal> {
  const { accounts, sessions, tokens, statuses } = options;
  const refuse = (reason: RefusalReason, login: string | undefined, why = whyOf(reason)): Refusal => {
    onRefused?.({ login, why });
    return refusal(reason, statuses);
  };
  const cookie = source === "session" ? sessions?.cookie : undefined;
  const refuseEnded = (reason: RefusalReason, login: string | undefined, why: string): Refusal => {
    if (cookie === undefined) return refuse(reason, login, why);
    return { ...refuse("noLogin", login, why), setCookie: cookie.clear(incoming.host) };
  };

  const opened = await (source === "session" ? sessions : tokens)?.open(secret);
  if (opened === undefined) return refuseEnded("notAuthenticated", undefined, `there is no such ${source}`);
  const { login } = opened;
  const account = await accounts.findByLogin(login);
  if (account === undefined || !opened.belongsTo(account))
    return refuseEnded("notAuthenticated", login, `the account of the ${source} is gone, or has other secrets`);
  if (opened.hasEnded) return refuseEnded("expired", login, `the ${source} has ended`);
  if (hasEnded(account, now)) return refuse("accountExpired", login);
  if (!aclAllows(account, incoming.path)) return refuse("noAccess", login);
  if (!opened.allows(incoming.method, incoming.path)) return refuse("tokenScope", login);
  const expires = askedMs === undefined ? await opened.noteUse(renews) : undefined;
  const renewed = expires !== undefined && cookie !== undefined ? { setCookie: cookie.set(incoming.host, secret, expires - now) } : {};
  return { ok: true, account, source, digest: "", endsMs: 0, credentialId: opened.id, ...renewed };
}
