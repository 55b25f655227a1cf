// People who log in: /login, /logout, /auth, /auth/sessions.

import { cameFrom, type CredentialSource, type Logins, type NewSession, type NewToken, type Sessions, type Tokens } from "@bk/auth";
import type { Hono } from "hono";

import { badRequest, forbidden, HttpError, notFound, replyHeaders, wrongMethod } from "../error-response.js";
import { refusalResponse } from "../middleware/refusal-response.js";
import type { Fields } from "../request/fields.js";
import { readInput } from "../request/fields.js";
import type { ServerContext, ServerEnv, ServerRequest } from "./server-context.js";
import { visibleAccount } from "./visible-account.js";

/** What the routes of people who log in need. */
export interface LoginContext {
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  /** Origins whose pages may log in and out, beside those of the server's own host. */
  readonly trustedOrigins: readonly string[];
}

/** The most bytes of a body that logs in. */
export const maxLoginBytes = 4096;

export function loginRoutes(app: Hono<ServerEnv>, server: ServerContext, on: LoginContext): void {
  app.all("/login", (context) => logIn(context, server, on));
  app.all("/logout", (context) => logOut(context, on));
  app.all("/auth", (context) => ownAccount(context, server, on));
  app.all("/auth/sessions", (context) => listSessions(context, server, on));
  app.all("/auth/sessions/revoke", (context) => revokeSessions(context, server, on));
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

/** What may hand out more than it is: a token or a key with scopes would give itself all that its account may do. */
const mayBegin: ReadonlySet<CredentialSource | "none"> = new Set(["header", "url", "session"] as const);

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

function jsonWithCookie(text: string, cookie?: string): Response {
  const headers = { ...replyHeaders, "content-type": "application/json", ...(cookie === undefined ? {} : { "set-cookie": cookie }) };
  return new Response(text, { status: 200, headers });
}

function onlyPost({ req }: ServerRequest): void {
  if (req.method !== "POST") throw wrongMethod(req.method, ["POST"]);
}

/** A page of somebody else must not log people in, as another account than they believe, or out. Programs say nothing of a page. */
function checkPage(context: ServerRequest, { trustedOrigins }: LoginContext): void {
  const page = { host: hostOf(context), header: (name: string): string | undefined => context.req.header(name) };
  if (cameFrom(page, trustedOrigins) === "elsewhere")
    throw new HttpError("denied", "only pages of the same site log in and out", { code: "CSRF" });
}

function hostOf({ env, req }: ServerRequest): string {
  return env?.incoming?.headers.host ?? req.header("host") ?? new URL(req.url).host;
}

function parametersOf(context: ServerRequest, { limits }: ServerContext, names: readonly string[]): Fields {
  const { query } = context.get("allowed");
  const { fields, array } = readInput(query, context.req.header("content-type") ?? "", context.get("body"), limits);
  if (array !== undefined) throw badRequest("the body must be a JSON object");
  for (const name of fields.keys())
    if (!names.includes(name))
      throw badRequest(
        `unknown parameter ${JSON.stringify(name.slice(0, 50))}; ${names.length === 0 ? "there are none" : `there are ${names.join(", ")}`}`,
        name,
      );
  return fields;
}

function textOf(fields: Fields, name: string): string | undefined {
  const field = fields.get(name);
  if (field === undefined) return undefined;
  const value = "json" in field ? field.json : field.text;
  if (typeof value !== "string") throw badRequest(`${name} must be one text`, name);
  return value;
}

function flagOf(fields: Fields, name: string): boolean | undefined {
  const field = fields.get(name);
  if (field === undefined) return undefined;
  const value = "json" in field ? field.json : field.text;
  if (value === true || value === 1 || value === "1" || value === "true") return true;
  if (value === false || value === 0 || value === "0" || value === "false") return false;
  throw badRequest(`${name} must be 1 or 0`, name);
}
