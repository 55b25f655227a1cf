// Who sent a request: from credential to account. What the account may do, and whether the request was seen before, is asked elsewhere.
import { systemClock } from "@bk/core";
import { type Account, hasEnded } from "./account.js";
import { aclAllows } from "./acl.js";
import { canonicalText, hashOf, hostName, type SignatureVersion } from "./canonical.js";
import type { Authenticated, AuthenticateOptions, RequestFacts } from "./authenticate-options.js";
import { authenticateMessage } from "./authenticate-message.js";
import { authenticateStored } from "./authenticate-stored.js";
import { equalTexts } from "./constant-time.js";
import { isSessionHost } from "./cookie-session.js";
import { type Credential, findCredential, hasSignature, signedQuery } from "./credential.js";
import { type Hasher, webHasher } from "./digest.js";
import { formText, hasBytes, type Incoming } from "./incoming.js";
import { type Refusal, refusal, type RefusalReason, whyOf } from "./refusal.js";
import { isReservedName } from "./sign-target.js";

export type { Authenticated, AuthenticateOptions, RequestFacts } from "./authenticate-options.js";

const defaultLifetimeMs = { header: 15 * 60_000, url: 7 * 24 * 3_600_000, changes: 15 * 60_000 };
// Unknown logins are checked against this, so that they take the time and get the answer of known ones.
const dummyKey = "no account has this key, and none will";

/**
 * Authenticates a request by its signature, access token or session cookie, or by its message signature where those are set up.
 *
 * Checks, in this order: credential, expiration, version against source, account and digest, the account's end and lists, checksum. What
 * an account may do or when it ends is not told to anybody without its secret.
 */
export async function authenticate<A extends Account>(
  incoming: Incoming,
  options: AuthenticateOptions<A>,
  facts: RequestFacts = {},
): Promise<Authenticated<A> | Refusal> {
  const { hasher = webHasher, attempts, messages } = options;
  const { changes, address, onRefused } = facts;
  const now = (options.clock ?? systemClock).now();
  const signed = messages === undefined || hasSignature(incoming, options) ? undefined : messages.read(incoming);
  if (signed !== undefined) return authenticateMessage(signed, incoming, options, { ...facts, now });
  const found = findCredential(incoming, options);
  const credential = found instanceof Promise ? await found : found;
  if (typeof credential === "string") {
    onRefused?.({ login: undefined, why: whyOf(credential) });
    return refusal(credential, options.statuses);
  }
  if ("secret" in credential) return authenticateStored(credential, incoming, options, { ...facts, now });
  const { source, value } = credential;
  const refuserOf =
    (known: A | undefined) =>
    (reason: RefusalReason, message?: string, why = whyOf(reason)): Refusal => {
      onRefused?.({ login: known?.login, why });
      return refusal(reason, options.statuses, message);
    };

  const asked = address === undefined ? 0 : (attempts?.waitMs(value.login, address) ?? 0);
  const waitMs = typeof asked === "number" ? asked : await asked;
  if (waitMs > 0) return { ...refuserOf(undefined)("tooMany"), retryAfterMs: waitMs };
  // Asked for before what follows needs it: a log has the login of whoever's clock is wrong, and none that no account has.
  const account = await options.accounts.findByLogin(value.login);
  const refuse = refuserOf(account);
  const late = lifetimeProblem(credential, facts.askedMs ?? now, changes === true, options);
  if (late !== undefined) return refuse(late, late === "expired" ? expiredMessage(now, parseExpires(value.expires)) : undefined);
  const version = acceptedVersion(credential, options);
  if (typeof version === "string") return refuse(version);
  const query = coveredQuery(incoming, version, options.signatureName);
  if (typeof query === "string") return refuse(query);

  const key = account === undefined ? undefined : keyOf(account, version);
  const { tag, login, expires, checksum } = value;
  const { method, host, path, contentType } = incoming;
  const text = canonicalText({ version, tag, login, method, host, path, query: query.text, expires, contentType, checksum });
  const digest = hasher.hmac(hashOf[version], key ?? dummyKey, text);
  const fits = equalTexts(typeof digest === "string" ? digest : await digest, value.digest);
  // The login is compared too: a store may fold case, the canonical text does not.
  if (!fits || key === undefined || account === undefined || account.login !== login) {
    if (address !== undefined) await attempts?.failed(login, address);
    return refuse("notAuthenticated", undefined, whyNot(account, key, login));
  }
  if (source === "session" && !isSessionHost(hostName(incoming.host), options.legacySessions?.hosts ?? []))
    return refuse("notAuthenticated", undefined, "sessions are not taken on this host");

  if (hasEnded(account, now)) return refuse("accountExpired");
  if (!aclAllows(account, incoming.path)) return refuse("noAccess");
  const body = await bodyProblem(incoming, version, checksum, options, hasher);
  if (body !== undefined) return refuse(body);
  return { ok: true, account, source, digest: value.digest, endsMs: Number(expires) + (options.signatureAgeMs ?? 0) };
}

function whyNot(account: Account | undefined, key: string | undefined, login: string): string {
  if (account === undefined) return "there is no account with this login";
  if (account.login !== login) return "the login is written differently than the account's";
  if (key === undefined) return "the account may not sign with this version, or has no secret";
  return "wrong signature: another secret, or the request is not the one that was signed (method, host, path, query or content type)";
}

function lifetimeProblem(
  { source, value }: Credential,
  now: number,
  changes: boolean,
  options: AuthenticateOptions,
): "expired" | "tooLong" | undefined {
  const expires = parseExpires(value.expires);
  if (expires === undefined || expires < now - (options.signatureAgeMs ?? 0)) return "expired";
  // Sessions and tokens were made by the server, which chose their end.
  if (source !== "header" && source !== "url") return undefined;
  const { maxLifetimeMs = {} } = options;
  const limitOf = (kind: "header" | "url" | "changes"): number =>
    typeof maxLifetimeMs === "number" ? maxLifetimeMs : (maxLifetimeMs[kind] ?? defaultLifetimeMs[kind]);
  const longest = changes ? Math.min(limitOf(source), limitOf("changes")) : limitOf(source);
  return expires > now + longest ? "tooLong" : undefined;
}

function parseExpires(text: string): number | undefined {
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined;
}

function expiredMessage(now: number, expires: number | undefined): string {
  const theirs = expires === undefined ? "" : `, your clock is ${formatTime(expires)}`;
  return `Expired request, check your clock, the server time is ${formatTime(now)}${theirs}`;
}

function formatTime(ms: number): string {
  const [, year, month, day, time] = /^(.+)-(..)-(..)T(.{8})/.exec(new Date(ms).toISOString())!;
  return `${month}/${day}/${year} ${time} GMT`;
}

/** The version of a credential, if it is one that its source may have. */
function acceptedVersion({ source, value }: Credential, options: AuthenticateOptions): SignatureVersion | RefusalReason {
  switch (value.version) {
    case "1":
      if (source !== "header" && source !== "url") return "noSource";
      return options.allowVersion1 ? 1 : "notAuthenticated";
    case "2":
      return source === "session" ? 2 : "noSource";
    case "3":
      return source === "token" ? 3 : "noSource";
    case "4":
      return source === "header" || source === "url" ? 4 : "noSource";
    case "5":
      // Once carried passwords in clear. No source is right for it.
      return "noSource";
    default:
      return "notAuthenticated";
  }
}

function coveredQuery(incoming: Incoming, version: SignatureVersion, signatureName = "bk-signature"): { text: string } | RefusalReason {
  if (version === 2 || version === 3) return { text: "" };
  const query = signedQuery(incoming.query, signatureName);
  if (typeof query === "string" || !incoming.form) return query;
  const form = formText(incoming);
  if (form === undefined) return "badForm";
  return form.split("&").some((piece) => isReservedName(piece, signatureName)) ? "reservedName" : { text: form };
}

/** The key that an account signs with; undefined when it must not sign with this version. */
function keyOf({ secret, auth_secret, token_secret }: Account, version: SignatureVersion): string | undefined {
  if (typeof secret !== "string" || secret === "") return undefined;
  switch (version) {
    case 1:
      // Its key has no room for the second factor, which would be bypassed.
      return auth_secret ? undefined : secret;
    case 2:
      return secret;
    case 3:
      return `${secret}:${token_secret ?? ""}`;
    case 4:
      return auth_secret ? `${secret}:${auth_secret}` : secret;
  }
}

async function bodyProblem(
  incoming: Incoming,
  version: SignatureVersion,
  checksum: string,
  { allowUncoveredBody }: Pick<AuthenticateOptions, "allowUncoveredBody">,
  hasher: Hasher,
): Promise<"wrongChecksum" | "noChecksum" | undefined> {
  // Sessions and tokens sign no request, so they cover no body either.
  if (version === 2 || version === 3) return undefined;
  const { body, form } = incoming;
  const own = async (): Promise<string> => (body instanceof Uint8Array ? hasher.checksum(body) : body.hash("SHA-1"));
  if (checksum !== "") return equalTexts(await own(), checksum) ? undefined : "wrongChecksum";
  return hasBytes(incoming) && !form && !allowUncoveredBody ? "noChecksum" : undefined;
}
