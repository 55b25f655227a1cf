// Sessions and access tokens that are asked for beside the account that asks: of /auth, and of endpoints that say so.

import type { NewSession, NewToken } from "@bk/auth";

import { forbidden, HttpError } from "../error-response.js";
import type { LoginContext } from "./login-context.js";
import { hostOf, mayBegin } from "./login-parts.js";
import type { ServerContext, ServerRequest } from "./server-context.js";

/** The parameters that ask for them, or end the session. */
export const beginNames = ["_session", "_accesstoken"] as const;

/** What is asked for: `session: false` ends the one that asks. */
export interface Begins {
  readonly session: boolean | undefined;
  readonly token: boolean | undefined;
}

/** What a reply has of it. */
export interface Begun {
  readonly members: Readonly<Record<string, unknown>>;
  readonly cookie: string | undefined;
}

/** Whether a query or body may hold one of the parameters, however it is escaped. */
export function mayAskToBegin(text: string): boolean {
  if (beginNames.some((name) => text.includes(name)) || text.includes("\\u")) return true;
  if (!text.includes("%")) return false;
  try {
    const plain = decodeURIComponent(text);
    return beginNames.some((name) => plain.includes(name));
  } catch {
    return true;
  }
}

/** @throws HttpError 401 for nobody, 403 where the request's credential does not begin others */
export async function begin(context: ServerRequest, server: ServerContext, on: LoginContext, { session, token }: Begins): Promise<Begun> {
  const { account, secrets, source } = context.get("allowed");
  if (account === undefined) throw new HttpError("unauthenticated", "No login provided", { code: "NOLOGIN" });
  const begun: { session?: NewSession; token?: NewToken } = {};
  if (session === true || token === true) {
    if (!mayBegin.has(source) || secrets === undefined)
      throw forbidden("sessions and access tokens are given for signatures and sessions alone", session ? "_session" : "_accesstoken");
    const maker = { address: server.addressOf(context), agent: context.req.header("user-agent") };
    if (session === true) begun.session = await on.sessions.create(secrets, maker);
    if (token === true) begun.token = await on.tokens.create(secrets, maker);
  }
  if (session !== false) return begunOf(context, on, begun);
  const host = hostOf(context);
  const held = on.sessions.cookie.read(context.req.header("cookie"), host);
  if (held !== undefined) await on.sessions.revokeSecret(held);
  return { ...begunOf(context, on, begun), cookie: on.sessions.cookie.clear(host) };
}

/** What a reply has of what was begun. */
export function begunOf(
  context: ServerRequest,
  { sessions }: LoginContext,
  { session, token }: { readonly session?: NewSession; readonly token?: NewToken },
): Begun {
  return {
    members: token === undefined ? {} : { "bk-access-token": token.token, "bk-access-token-age": token.ttlMs },
    cookie: session && sessions.cookie.set(hostOf(context), session.secret, session.ttlMs),
  };
}
