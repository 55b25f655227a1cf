// From a message signature to an account: the steps of `authenticate`, in its order.
import { type Account, hasEnded } from "./account.js";
import { aclAllows } from "./acl.js";
import type { Authenticated, AuthenticateOptions, RequestFacts } from "./authenticate-options.js";
import type { Incoming } from "./incoming.js";
import { type Refusal, refusal, type RefusalReason, whyOf } from "./refusal.js";
import type { ProofRefused, ReadSignature } from "./request-verifier.js";

/** Authenticates a request by a signature that was read from it. What an account or a key may do is told after the signature fits. */
export async function authenticateMessage<A extends Account>(
  read: ReadSignature | ProofRefused,
  incoming: Incoming,
  options: AuthenticateOptions<A>,
  { now, askedMs, changes, address, onRefused }: RequestFacts & { readonly now: number },
): Promise<Authenticated<A> | Refusal> {
  const refuserOf =
    (login: string | undefined) =>
    (reason: RefusalReason, message?: string, why = message ?? whyOf(reason)): Refusal => {
      onRefused?.({ login, why });
      return refusal(reason, options.statuses, message);
    };
  const refuseUnknown = refuserOf(undefined);
  if ("reason" in read) return refuseUnknown(read.reason, read.message, read.why);

  // No login has this character, so keys and logins are counted apart.
  const attempt = `|${read.keyid}`;
  const waitMs = address === undefined ? 0 : await (options.attempts?.waitMs(attempt, address) ?? 0);
  if (waitMs > 0) return { ...refuseUnknown("tooMany"), retryAfterMs: waitMs };
  const proof = await read.prove({ now, askedMs: askedMs ?? now, changes: changes === true });
  if ("reason" in proof) {
    if (proof.reason === "notAuthenticated" && address !== undefined) await options.attempts?.failed(attempt, address);
    return refuseUnknown(proof.reason, proof.message, proof.why);
  }
  const { login } = proof;
  const refuse = refuserOf(login);
  const account = await options.accounts.findByLogin(login);
  if (account === undefined || account.login !== login) return refuse("notAuthenticated", undefined, "the key belongs to no account");
  if (typeof proof.account === "string" && proof.account !== account.id)
    return refuse("notAuthenticated", undefined, "the key is of an account that had this login before");
  if (hasEnded(account, now)) return refuse("accountExpired");
  if (!aclAllows(account, incoming.path)) return refuse("noAccess");
  if (!proof.isInScope) return refuse("outOfScope");
  const body = await proof.checkBody();
  if (body !== undefined) return refuse(body);
  if (askedMs === undefined) proof.used();
  return { ok: true, account, source: "message", digest: proof.digest, endsMs: proof.endsMs };
}
