// People who log in: /login, /logout, /auth, /auth/sessions.

import type { Hono } from "hono";

import { badRequest, notFound } from "../error-response.js";
import { refusalResponse } from "../middleware/refusal-response.js";
import { begin, beginNames, type Begun, begunOf } from "./begin.js";
import type { LoginContext } from "./login-context.js";
import { checkPage, flagOf, hostOf, jsonWithCookie, onlyPost, parametersOf, textOf } from "./login-parts.js";
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
  return accountReply(result.account, begunOf(context, on, result));
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
  const fields = parametersOf(context, server, beginNames);
  const begun = await begin(context, server, on, { session: flagOf(fields, "_session"), token: flagOf(fields, "_accesstoken") });
  return accountReply(context.get("allowed").account!, begun);
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
function accountReply(account: object, { members, cookie }: Begun): Response {
  return jsonWithCookie(JSON.stringify({ ...visibleAccount(account), ...members }), cookie);
}
