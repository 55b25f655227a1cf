import { type Account, type PublicAccount, withoutSecrets } from "./account.js";
import { authenticate, type Authenticated, type AuthenticateOptions } from "./authenticate.js";
import { type CredentialOptions, type CredentialSource, queryWithoutCredentials } from "./credential.js";
import { type Incoming, type IncomingRequest, readIncoming } from "./incoming.js";
import type { Nonces } from "./nonces.js";
import { type Refusal, refusal, type StatusStyle } from "./refusal.js";

export interface VerifyOptions<A extends Account = Account> extends AuthenticateOptions<A> {
  /** Remembers the signatures of requests that change something. Without it they can be replayed until they expire. */
  readonly nonces?: Nonces | undefined;
  /** Whether this request changes something: then its signature counts once. Default: by the method, GET, HEAD and OPTIONS do not. */
  readonly changes?: boolean | undefined;
}

export interface Verified<A extends Account = Account> {
  readonly ok: true;
  /** The account, without its secrets. */
  readonly account: PublicAccount<A>;
  readonly source: CredentialSource;
  /**
   * The raw URL query that handlers may use: credentials are taken out, and that of a posted form is empty, since its body was signed
   * in place of the query.
   */
  readonly query: string;
}

/**
 * Verifies the signature, access token or session cookie of a request.
 *
 * Never throws for what the request holds: whatever is wrong with it comes back as a refusal with status, code and message.
 *
 * @param request  with the raw target and the raw body; a body that was parsed and written again has another checksum
 * @throws whatever `accounts`, `tokens` or `nonces` throw
 */
export async function verifyRequest<A extends Account>(
  request: IncomingRequest,
  options: VerifyOptions<A>,
): Promise<Verified<A> | Refusal> {
  const incoming = readIncoming(request);
  if (typeof incoming === "string") return refusal(incoming, options.statuses);
  const changes = options.changes ?? changesByMethod(incoming.method);
  const result = await authenticate(incoming, options, { changes });
  if (!result.ok) return result;
  const once = await takeOnce(result, changes, options);
  if (once !== undefined && "ok" in once) return once;
  return {
    ok: true,
    account: withoutSecrets(result.account),
    source: result.source,
    query: visibleQuery(incoming, options, result.source),
  };
}

/** A signature that was taken, and can be given back when its request did nothing. */
export interface Taken {
  readonly giveBack: (() => Promise<void>) | undefined;
}

/** Takes the signature of a request that changes something; a refusal when it was taken before. Undefined where none needs to be taken. */
export async function takeOnce<A extends Account>(
  { account: { login }, source, digest, endsMs }: Authenticated<A>,
  changes: boolean,
  { nonces, statuses }: { readonly nonces?: Nonces | undefined; readonly statuses?: StatusStyle | undefined },
): Promise<Refusal | Taken | undefined> {
  const once = changes && (source === "header" || source === "url" || source === "message");
  if (!once || nonces === undefined) return undefined;
  // The digest alone: it stands for all that was signed, and in version 1 neither login nor tag are.
  if (!(await nonces.take(digest, endsMs, login))) return refusal("replayed", statuses);
  return { giveBack: nonces.giveBack && (() => nonces.giveBack!(digest, endsMs, login)) };
}

/** The methods that only read change nothing. */
export function changesByMethod(method: string): boolean {
  return !["GET", "HEAD", "OPTIONS"].includes(method);
}

/** What handlers may see of a query: what was signed. A message signature covers the query of a form too. */
export function visibleQuery(incoming: Incoming, options: CredentialOptions, source?: CredentialSource): string {
  return incoming.form && source !== "message" ? "" : queryWithoutCredentials(incoming.query, options);
}
