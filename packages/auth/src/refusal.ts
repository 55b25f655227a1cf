// Every way to be turned away, as data.

/** Why a request was refused, for programs; one code may have several messages. */
export type RefusalCode =
  | "NOMETHOD"
  | "NOLOGIN"
  | "EXPIRED"
  | "NOSRC"
  | "NOAUTH"
  | "NOCODE"
  | "BADQUERY"
  | "BADBODY"
  | "BADHOST"
  | "BADREQUEST"
  | "CHECKSUM"
  | "REPLAYED"
  | "NOACCESS"
  | "DENY"
  | "ADMIN"
  | "ALLOW"
  | "CSRF"
  | "DISABLED"
  | "TOOLARGE"
  | "BADSIGNATURE"
  | "KEYENDED"
  | "SCOPE"
  | "LIMITED";

/**
 * Which status numbers are answered: by default 401 for whoever cannot be authenticated and 403 for who may not; `reference` gives each
 * reason the number that the original server had for it.
 */
export type StatusStyle = "default" | "reference";

export interface Refusal {
  readonly ok: false;
  /** The HTTP status to answer with. */
  readonly status: number;
  readonly code: RefusalCode;
  /** For people. Holds no secret and nothing that tells whether the login exists. */
  readonly message: string;
  /** With status 429: how long to wait. */
  readonly retryAfterMs?: number;
  /** A Set-Cookie header for the reply: a session that counts no more is taken back. */
  readonly setCookie?: string;
}

/** What a log may say of a refusal. Not for the client: it tells which logins there are. */
export interface RefusalNote {
  /**
   * The login that the request claims, as the account has it; nothing is proven about it. Undefined where it was not looked up, or no account
   * has it: people type passwords into the field of the login.
   */
  readonly login: string | undefined;
  /** Why, in words. */
  readonly why: string;
}

interface Reason {
  readonly code: RefusalCode;
  readonly status: number;
  /** The original server's status, where it had another. */
  readonly reference?: number;
  readonly message: string;
}

const reasons = {
  noMethod: { code: "NOMETHOD", status: 401, reference: 415, message: "Invalid request: no method or no host" },
  badHost: { code: "BADHOST", status: 400, message: "Invalid request: more than one host, or not a host" },
  badText: { code: "BADREQUEST", status: 400, message: "Invalid request: space or control characters in its first line or content type" },
  noLogin: { code: "NOLOGIN", status: 401, reference: 417, message: "No login provided" },
  expired: { code: "EXPIRED", status: 401, reference: 406, message: "Expired request" },
  tooLong: { code: "EXPIRED", status: 401, reference: 406, message: "The signature is valid for longer than this server accepts" },
  noSource: { code: "NOSRC", status: 401, reference: 416, message: "Invalid request: a signature of this version does not belong here" },
  notAuthenticated: { code: "NOAUTH", status: 401, message: "Not authenticated" },
  codeNeeded: { code: "NOCODE", status: 401, message: "A one-time code is needed" },
  secondQuery: { code: "BADQUERY", status: 401, message: 'The query holds a second "?", which no signature covers; send it as %3F' },
  reservedName: { code: "BADQUERY", status: 401, message: "A parameter's name begins with that of the signature" },
  badForm: { code: "BADBODY", status: 400, message: "The form is not UTF-8" },
  accountExpired: { code: "EXPIRED", status: 401, reference: 412, message: "This account has expired" },
  badSignature: { code: "BADSIGNATURE", status: 401, message: "The signature cannot be used" },
  keyEnded: { code: "KEYENDED", status: 401, message: "The key of the signature does not count yet, or counts no more" },
  outOfScope: { code: "SCOPE", status: 403, message: "The key of the signature may not be used for this" },
  tokenScope: { code: "SCOPE", status: 403, message: "The access token may not be used for this" },
  wrongDigest: { code: "CHECKSUM", status: 400, message: "The body does not fit its Content-Digest" },
  noAccess: { code: "NOACCESS", status: 403, message: "Access denied" },
  wrongChecksum: { code: "CHECKSUM", status: 400, message: "The body does not fit the checksum of its signature" },
  noChecksum: { code: "CHECKSUM", status: 400, message: "The body is not covered by the signature; sign it with its checksum" },
  replayed: { code: "REPLAYED", status: 401, message: "This signature was used before; sign each request anew" },
  denied: { code: "DENY", status: 403, message: "Access denied" },
  adminOnly: { code: "ADMIN", status: 403, message: "Restricted access" },
  crossSite: {
    code: "CSRF",
    status: 403,
    message: "A session cookie may change something only by a request other than GET from the same site",
  },
  notForType: { code: "ALLOW", status: 403, message: "Access is not allowed" },
  noSessions: { code: "DISABLED", status: 403, message: "Sessions are not taken here; sign the request, or send an access token" },
  tooMany: { code: "LIMITED", status: 429, message: "Too many failed attempts, please try again later" },
  tooLarge: { code: "TOOLARGE", status: 413, message: "The body is too large" },
} as const satisfies Record<string, Reason>;

export type RefusalReason = keyof typeof reasons;

/** Makes the answer to a reason. `message` replaces the general one. */
export function refusal(reason: RefusalReason, style: StatusStyle = "default", message?: string): Refusal {
  const { code, status, reference, message: general }: Reason = reasons[reason];
  return { ok: false, status: style === "reference" ? (reference ?? status) : status, code, message: message ?? general };
}

/** A reason in words, for a log. */
export function whyOf(reason: RefusalReason): string {
  return reasons[reason].message;
}
