// `@bk/auth/hono`: the gate as middleware, for Hono apps of one's own. No Node modules behind it: it runs in workers too.

import { type BkError, httpStatuses } from "@bk/core";
import type { Context, MiddlewareHandler } from "hono";

import type { Account, PublicAccount } from "./account.js";
import { type Allowed, type Auth, type AuthOptions, type CheckOptions, createAuth } from "./auth.js";
import { AuthError } from "./errors.js";
import type { RefusalNote } from "./refusal.js";

/** What the middleware leaves for handlers: `new Hono<{ Variables: AuthVariables }>()`. */
export interface AuthVariables<A extends Account = Account> {
  /** The account, without its secrets; undefined on paths that are open to everybody. */
  account: PublicAccount<A> | undefined;
  /** The whole verdict: how the request was proven, the query that is left, `giveBack`. */
  auth: Allowed<A>;
}

/** What the middleware takes beside the gate. */
export interface AuthMiddlewareOptions {
  /** Whether a request changes something. Default: what `rules.changes` says, and without it every method but GET and HEAD. */
  readonly changes?: ((context: Context) => boolean | undefined) | undefined;
  /**
   * Where a request comes from, for counting failed attempts. Default: the other end of the connection, on `@hono/node-server`; elsewhere nothing.
   * Behind a proxy it is the proxy's: then give the address from a header that the proxy sets.
   */
  readonly addressOf?: ((context: Context) => string | undefined) | undefined;
  /** Told why a request is refused, for a log: more than the client may know. */
  readonly onRefused?: ((note: RefusalNote, context: Context) => void) | undefined;
}

/** What `@hono/node-server` gives along with a request. */
interface NodeRequest {
  readonly url?: unknown;
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

/** As of every reply about who somebody is: nobody else's to keep. */
const replyHeaders = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/**
 * Middleware that lets requests through that `auth.check` allows, and answers the others with JSON `{ status, message, code }` and, where the
 * client is to wait, `retry-after`.
 *
 * The body is read from a clone, up to `maxBodyBytes`: handlers read it as ever. Put the middleware before others that change the request, and
 * after those that answer without an account, such as CORS.
 *
 * A store that cannot go on (`AuthError` `unavailable`, `limited`) is answered likewise, with 503 or 429; whatever else a store throws goes to `app.onError`.
 *
 * @param gate  what `createAuth` gave, or options for one. On Node pass `createAuth(…)` of `@bk/auth`, whose hashes are Node's own and faster
 * @throws AuthError `invalid` when an option cannot be used
 */
export function auth<A extends Account = Account>(
  gate: Auth<A> | AuthOptions<A>,
  options: AuthMiddlewareOptions = {},
): MiddlewareHandler<{ Variables: AuthVariables<A> }> {
  const { check } = "check" in gate ? gate : createAuth(gate);
  const { changes, addressOf, onRefused } = options;
  return async (context, next) => {
    // An app may run without any environment, or with one that is not Node's.
    const incoming = (context.env as { incoming?: NodeRequest } | undefined)?.incoming;
    const settings: CheckOptions = {
      body: context.req.raw.bodyUsed ? new Uint8Array(await context.req.arrayBuffer()) : undefined,
      // Node has the target as it was sent, the request's own URL is normalized.
      target: typeof incoming?.url === "string" ? incoming.url : undefined,
      changes: changes?.(context),
      address: addressOf === undefined ? incoming?.socket?.remoteAddress : addressOf(context),
      onRefused: onRefused && ((note) => onRefused(note, context)),
    };
    const verdict = await check(context.req.raw, settings).catch(refusalOfStore);
    if (!verdict.ok) return refuse(verdict);
    context.set("account", verdict.account);
    context.set("auth", verdict);
    await next();
    return undefined;
  };
}

interface Refused {
  readonly ok: false;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

function refuse({ status, message, code, retryAfterMs }: Refused): Response {
  const wait = retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) };
  return Response.json({ status, message, code }, { status, headers: { ...replyHeaders, ...wait } });
}

/** What a client is told of a store that cannot go on. Messages of `AuthError` are made for clients. */
function refusalOfStore(error: unknown): Refused {
  if (!(error instanceof AuthError) || (error.code !== "unavailable" && error.code !== "limited")) throw error;
  const { code, message, detail }: BkError = error;
  const afterMs = detail?.["retryAfterMs"];
  return { ok: false, status: httpStatuses[code], code, message, retryAfterMs: typeof afterMs === "number" ? afterMs : undefined };
}
