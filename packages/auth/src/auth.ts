import { systemClock } from "@bk/core";
import { type Account, type PublicAccount, withoutSecrets } from "./account.js";
import { authenticate, type Authenticated, type AuthenticateOptions, type RequestFacts } from "./authenticate.js";
import type { CredentialSource } from "./credential.js";
import { invalid } from "./errors.js";
import { type HashedBody, type Incoming, type IncomingRequest, readIncoming } from "./incoming.js";
import { memoryNonces, type Nonces } from "./nonces.js";
import { type Refusal, refusal, type RefusalNote, type RefusalReason, whyOf } from "./refusal.js";
import { type AccessRules, compileRules } from "./rules.js";
import { mayChange } from "./same-site.js";
import { changesByMethod, takeOnce, visibleQuery } from "./verify-request.js";

export interface AuthOptions<A extends Account = Account> extends AuthenticateOptions<A> {
  /** Who may use which paths. By default all but `/`, `/ping`, `/login` and `/logout` need an account. */
  readonly rules?: AccessRules | undefined;
  /** Remembers signatures that were used; default `memoryNonces()`, which holds for one process. `false` lets requests be replayed. */
  readonly nonces?: Nonces | false | undefined;
  /**
   * Origins such as `https://app.example.com` whose pages may change something with a session cookie, beside those of the server's own
   * host. Browsers send the cookie from other sites only where it is set otherwise than here. Default none.
   */
  readonly trustedOrigins?: readonly string[] | undefined;
  /** The most bytes of a body that `check` reads by itself; default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
}

export interface CheckOptions {
  /** The raw body, where it was read already. Default: it is read from a clone of the request. */
  readonly body?: Uint8Array | string | HashedBody | null | undefined;
  /** The raw request target. Default that of `request.url`, which is normalized, so that paths with dot segments do not verify. */
  readonly target?: string | undefined;
  /** The Host header. Default that of the request, else of its URL. */
  readonly host?: string | undefined;
  /** `http` or `https`, which message signatures may cover. Default that of the request's URL. */
  readonly scheme?: string | undefined;
  /** Whether the request changes something. Default: what `rules.changes` says. */
  readonly changes?: boolean | undefined;
  /** Whether the request goes on without credentials, as one of `allowPaths` does; `denyPaths` stay closed. Default false. */
  readonly open?: boolean | undefined;
  /** Where the request comes from, for counting failed attempts and for `rules.networks`. */
  readonly address?: string | undefined;
  /** Whether the verdict has `stillCounts` too, for a reply that goes on, such as a stream. Default false. */
  readonly goesOn?: boolean | undefined;
  /** Whether a session may begin its time anew: not where the reply cannot tell the client, as a message of a WebSocket. Default true. */
  readonly renews?: boolean | undefined;
  /** Whether the verdict has the account's secrets too, for a route that begins sessions. Default false. */
  readonly withSecrets?: boolean | undefined;
  /** Told why a request is refused, for a log: more than the client may know. */
  readonly onRefused?: ((note: RefusalNote) => void) | undefined;
}

export interface Allowed<A extends Account = Account> {
  readonly ok: true;
  /** The account, without its secrets; undefined on paths that are open to everybody. */
  readonly account: PublicAccount<A> | undefined;
  readonly source: CredentialSource | "none";
  /** The raw URL query that handlers may use: without credentials, and empty for a signed form, which is signed in its place. */
  readonly query: string;
  /**
   * Gives the signature back, so that the request can be sent again: for one that was refused later and did nothing. Absent where no
   * signature was taken, or the store cannot give back.
   */
  readonly giveBack?: () => Promise<void>;
  /** Of a session or token that the server keeps: what `revoke` and lists call it. */
  readonly credentialId?: string;
  /** A Set-Cookie header for the reply: the session was renewed. */
  readonly setCookie?: string;
  /**
   * With `goesOn`, of a request that has credentials: whether they let it through still. They do not after a logout, when session, token, key or
   * account have ended or are gone, after a new secret, and when the account may not do this any more. That a signature holds for a short time
   * only is about when the request comes.
   *
   * @throws whatever the stores throw
   */
  readonly stillCounts?: () => Promise<boolean>;
  /** With `withSecrets`: the account with its secrets, as they were when the request was checked. */
  readonly secrets?: A;
}

export interface Auth<A extends Account = Account> {
  /**
   * Says whether a request may go on, and for which account.
   *
   * Checks closed and open paths, then who asks, then what the account may do, and takes the signature of a request that changes
   * something as the last step: one that is refused can be sent again.
   *
   * @throws whatever the stores throw; never for what the request holds
   */
  check(request: Request, options?: CheckOptions): Promise<Allowed<A> | Refusal>;
}

/**
 * Makes the gate of a server.
 *
 * @throws AuthError `invalid` when an option cannot be used
 */
export function createAuth<A extends Account>(options: AuthOptions<A>): Auth<A> {
  if (typeof options.accounts?.findByLogin !== "function") throw invalid("accounts", "has no findByLogin");
  const { legacySessions, trustedOrigins = [] } = options;
  if (legacySessions !== undefined && !legacySessions.keys.some((key) => key !== "")) throw invalid("legacySessions.keys", "holds no key");
  const compiled = compileRules(options.rules ?? {});
  const changesBy = options.rules?.changes ?? changesByMethod;
  const nonces = options.nonces === false ? undefined : (options.nonces ?? memoryNonces({ clock: options.clock }));
  const { statuses, maxBodyBytes = 1024 * 1024 } = options;
  const refuse = (reason: RefusalReason, { onRefused }: CheckOptions, login?: string): Refusal => {
    onRefused?.({ login, why: whyOf(reason) });
    return refusal(reason, statuses);
  };

  async function check(request: Request, given: CheckOptions = {}): Promise<Allowed<A> | Refusal> {
    const incoming = readIncoming(describe(request, given));
    if (typeof incoming === "string") return refuse(incoming, given);
    const { method, path } = incoming;
    const query = (from?: CredentialSource): string => visibleQuery(incoming, options, from);
    if (compiled.isDenied(method, path) || compiled.isClosedFrom(given.address, method, path)) return refuse("denied", given);
    if (given.open === true || compiled.isAllowed(method, path)) return { ok: true, account: undefined, source: "none", query: query() };

    const body = given.body === undefined ? await readBody(request, maxBodyBytes) : incoming.body;
    if (body === undefined) return refuse("tooLarge", given);
    const changes = given.changes ?? changesBy(method, path);
    const { address, renews, onRefused } = given;
    const asked = body === incoming.body ? incoming : { ...incoming, body };
    const result = await authenticate(asked, options, { changes, address, renews, onRefused });
    if (!result.ok) {
      const anonymous = result.code === "NOLOGIN" && compiled.isAnonymous(method, path);
      return anonymous ? { ok: true, account: undefined, source: "none", query: query() } : result;
    }
    const { account, source } = result;
    const { login } = account;
    const closed = closedTo(result, incoming, address);
    if (closed !== undefined) return refuse(closed, given, login);
    if (source === "session") {
      if (changes && !mayChange(incoming, trustedOrigins)) return refuse("crossSite", given, login);
    }
    const once = await takeOnce(result, changes, { nonces, statuses });
    if (once !== undefined && "ok" in once) return refuse("replayed", given, login);
    const allowed = { ok: true, account: withoutSecrets(account), source, query: query(source) } as const;
    const isMore = given.withSecrets === true || given.goesOn === true;
    if (once?.giveBack === undefined && result.credentialId === undefined && !isMore) return allowed;
    return {
      ...allowed,
      ...(once?.giveBack === undefined ? {} : { giveBack: once.giveBack }),
      ...(result.credentialId === undefined ? {} : { credentialId: result.credentialId }),
      ...(result.setCookie === undefined ? {} : { setCookie: result.setCookie }),
      ...(given.goesOn === true ? { stillCounts: stillCounts(asked, account.id, { changes, address }) } : {}),
      ...(given.withSecrets === true ? { secrets: account } : {}),
    };
  }

  /** What closes a path to somebody who was authenticated. */
  function closedTo(
    { account, source }: Authenticated<A>,
    { method, path }: Incoming,
    address: string | undefined,
  ): RefusalReason | undefined {
    const closed = compiled.refuses(account, method, path, address);
    return closed ?? (source === "session" && compiled.isWithoutSessions(method, path) ? "noSessions" : undefined);
  }

  function stillCounts(asked: Incoming, accountId: string, { changes, address }: RequestFacts): () => Promise<boolean> {
    const askedMs = (options.clock ?? systemClock).now();
    return async () => {
      const again = await authenticate(asked, options, { changes, askedMs });
      return again.ok && again.account.id === accountId && closedTo(again, asked, address) === undefined;
    };
  }

  return { check };
}

function describe(request: Request, { body, target, host, scheme }: CheckOptions): IncomingRequest {
  const { method, url, headers } = request;
  return {
    method,
    scheme: scheme ?? url.slice(0, url.indexOf(":")),
    url: target ?? url,
    host: host ?? headers.get("host") ?? new URL(url).host,
    headers,
    body,
  };
}

/** The whole body, from a clone so that handlers can still read it; undefined when it is longer than `maxBytes`. */
async function readBody(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  if (request.body === null) return new Uint8Array();
  if (request.bodyUsed) throw invalid("body", "was read before the check; give its bytes in the options");
  if (Number(request.headers.get("content-length")) > maxBytes) return undefined;
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = (request.clone().body as ReadableStream<Uint8Array>).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.length;
    if (length > maxBytes) {
      // The other branch of the clone belongs to the caller; only this one ends.
      void reader.cancel().catch(() => undefined);
      return undefined;
    }
    chunks.push(part.value);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
