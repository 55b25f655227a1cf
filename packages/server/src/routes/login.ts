// People who log in: /login, /logout, /auth, /auth/sessions.

import type { NewSession, NewToken } from "@bk/auth";
import type { Hono } from "hono";

import { badRequest, forbidden, HttpError, notFound } from "../error-response.js";
import { refusalResponse } from "../middleware/refusal-response.js";
import type { LoginContext } from "./login-context.js";
import { checkPage, flagOf, hostOf, jsonWithCookie, mayBegin, onlyPost, parametersOf, textOf } from "./login-parts.js";
import { secondStepRoutes } from "./second-step.js";
import { tokenRoutes } from "./tokens.js";
import type { ServerContext, ServerEnv, ServerRequest } from "./server-context.js";
import { visibleAccount } from "./visible-account.js";

export function loginRoutes(app: Hono<ServerEnv>, server: ServerContext, on: LoginContext): void {
  app.all("/login", (context) => logIn(context, server, on));
  app.all("/logout", (context) => logOut(context, on));
  app.all("/auth", (context) => ownAccount(context, server, on));
  app.all("/auth/sessions", (context) => listSessions(context, server, on));
  app.all("/auth/sessions/revoke", (context) => revokeSessions(context, server, on));
  tokenRoutes(app, server, on);
  secondStepRoutes(app, server, on);
}

async function logIn(context: ServerRequest, server: ServerContext, on: LoginContext): Promise<Response> {
  onlyPost(context);
  checkPage(context, on);
  const fields = parametersOf(context, server, ["login", "secret", "code", "_session", "_accesstoken"]);
  const query = context.get("allowed").query;
  // A URL ends up in logs and histories.
  if (/(?:^|&)(?:login|secret|code)=/.test(query)) throw badRequest("login and secret belong into the body", "secret");
  const result = await on.logins.logIn(
    { login: textOf(fields, "login"), secret: textOf(fields, "secret") },
    {
      address: server.addressOf(context),
      agent: context.req.header("user-agent"),
      session: flagOf(fields, "_session"),
      token: flagOf(fields, "_accesstoken"),
      code: textOf(fields, "code"),
      onRefused: (note) => context.set("refused", note),
    },
  );
  if (!result.ok) return refusalResponse(context, result);
  return accountReply(context, on, result.account, result);
}

/** Ends what the request shows, be it a session or a token. There is nothing to tell: who has none is logged out too. */
async function logOut(context: ServerRequest, on: LoginContext): Promise<Response> {
  onlyPost(context);
  checkPage(context, on);
  const { req } = context;
  const host = hostOf(context);
  const session = on.sessions.cookie.read(req.header("cookie"), host);
  if (session !== undefined) await on.sessions.revokeSecret(session);
  const token = /^Bearer +(\S+)$/i.exec(req.header("authorization") ?? "")?.[1] ?? req.header("bk-access-token");
  if (token !== undefined) await on.tokens.revokeSecret(token);
  return jsonWithCookie("{}", on.sessions.cookie.clear(host));
}

/** The account that asks; on request a session or a token for it. */
async function ownAccount(context: ServerRequest, server: ServerContext, on: LoginContext): Promise<Response> {
  const fields = parametersOf(context, server, ["_session", "_accesstoken"]);
  const [session, token] = [flagOf(fields, "_session"), flagOf(fields, "_accesstoken")];
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
  if (session === false) return endOwn(context, on, account);
  return accountReply(context, on, account, begun);
}

/** `_session=0` ends the session that asks. */
async function endOwn(context: ServerRequest, on: LoginContext, account: object): Promise<Response> {
  const held = on.sessions.cookie.read(context.req.header("cookie"), hostOf(context));
  if (held !== undefined) await on.sessions.revokeSecret(held);
  return jsonWithCookie(JSON.stringify(visibleAccount(account)), on.sessions.cookie.clear(hostOf(context)));
}

async function listSessions(context: ServerRequest, server: ServerContext, on: LoginContext): Promise<Response> {
  parametersOf(context, server, []);
  const { account, credentialId } = context.get("allowed");
  if (account === undefined) throw notFound("nobody is logged in");
  const rows = [...(await on.sessions.list(account.id)), ...(await on.tokens.list(account.id))];
  const data = rows.map((row) => ({ ...row, current: row.id === credentialId }));
  return jsonWithCookie(JSON.stringify({ count: data.length, data, next_token: "" }));
}

async function revokeSessions(context: ServerRequest, server: ServerContext, on: LoginContext): Promise<Response> {
  const fields = parametersOf(context, server, ["id", "all"]);
  const { account, credentialId } = context.get("allowed");
  if (account === undefined) throw notFound("nobody is logged in");
  const id = textOf(fields, "id");
  if (flagOf(fields, "all") === true) {
    if (id !== undefined) throw badRequest("give either id or all", "id");
    const revoked = (await on.sessions.revokeAll(account.id, { except: credentialId })) + (await on.tokens.revokeAll(account.id));
    return jsonWithCookie(JSON.stringify({ revoked }));
  }
  if (id === undefined) throw badRequest("id is required: that of a session or token in /auth/sessions; or all=1", "id");
  const found = (await on.sessions.revoke(account.id, id)) || (await on.tokens.revoke(account.id, id));
  if (!found) throw notFound("the account has no session or access token with this id");
  const isOwn = id === credentialId && context.get("allowed").source === "session";
  return jsonWithCookie('{"revoked":1}', isOwn ? on.sessions.cookie.clear(hostOf(context)) : undefined);
}

/** The account, without what nobody may see, with what was begun for it. */
function accountReply(
  context: ServerRequest,
  { sessions }: LoginContext,
  account: object,
  { session, token }: { readonly session?: NewSession; readonly token?: NewToken },
): Response {
  const shown = {
    ...visibleAccount(account),
    ...(token === undefined ? {} : { "bk-access-token": token.token, "bk-access-token-age": token.ttlMs }),
  };
  const cookie = session && sessions.cookie.set(hostOf(context), session.secret, session.ttlMs);
  return jsonWithCookie(JSON.stringify(shown), cookie);
}
