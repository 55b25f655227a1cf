// Access tokens that may do less than their account, or hold for another time. They are listed and revoked with the sessions.

import type { Hono } from "hono";

import { badRequest, forbidden, HttpError } from "../error-response.js";
import type { Fields } from "../request/fields.js";
import type { LoginContext } from "./login-context.js";
import { jsonWithCookie, mayBegin, parametersOf, textOf, valueOf } from "./login-parts.js";
import type { ServerContext, ServerEnv, ServerRequest } from "./server-context.js";

/** What a token may be. Scopes are read with every request of it. */
export const tokenLimits = { longestName: 140, mostScopes: 50, longestScope: 200, shortestMs: 1000 } as const;
const { longestName, mostScopes, longestScope, shortestMs } = tokenLimits;

export function tokenRoutes(app: Hono<ServerEnv>, server: ServerContext, on: LoginContext): void {
  app.all("/auth/tokens/add", (context) => addToken(context, server, on));
}

async function addToken(context: ServerRequest, server: ServerContext, on: LoginContext): Promise<Response> {
  const fields = parametersOf(context, server, ["name", "scopes", "age"]);
  const name = textOf(fields, "name");
  if (name === undefined || name === "" || name.length > longestName)
    throw badRequest(`name is required: what the token is for, in at most ${longestName} characters`, "name");
  const [scopes, ttlMs] = [scopesOf(fields), ageOf(fields, on.longestTokenMs)];
  const { account, secrets, source } = context.get("allowed");
  if (account === undefined) throw new HttpError("unauthenticated", "No login provided", { code: "NOLOGIN" });
  if (!mayBegin.has(source) || secrets === undefined) throw forbidden("access tokens are given for signatures and sessions alone");
  const {
    id,
    token,
    expires,
    ttlMs: age,
  } = await on.tokens.create(secrets, {
    name,
    address: server.addressOf(context),
    agent: context.req.header("user-agent"),
    ...(scopes === undefined ? {} : { scopes }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  });
  return jsonWithCookie(
    JSON.stringify({ id, name, scopes: scopes ?? null, expires, "bk-access-token": token, "bk-access-token-age": age }),
  );
}

/** A JSON list; in a form or a query, text between semicolons, for a scope may have commas. */
function scopesOf(fields: Fields): readonly string[] | undefined {
  const given = valueOf(fields, "scopes");
  if (given === undefined) return undefined;
  const list: unknown = typeof given === "string" ? given.split(";").map((scope) => scope.trim()) : given;
  if (!Array.isArray(list) || list.length > mostScopes || !list.every((scope) => typeof scope === "string" && scope.length <= longestScope))
    throw badRequest(
      `scopes must be a list of at most ${mostScopes} texts such as "GET /data/*", of at most ${longestScope} characters each`,
      "scopes",
    );
  return list as string[];
}

function ageOf(fields: Fields, longestMs: number): number | undefined {
  const given = valueOf(fields, "age");
  if (given === undefined) return undefined;
  const age = typeof given === "string" && /^\d{1,15}$/.test(given) ? Number(given) : given;
  if (!(typeof age === "number" && Number.isInteger(age) && age >= shortestMs && age <= longestMs))
    throw badRequest(`age must be milliseconds from ${shortestMs} to ${longestMs}`, "age");
  return age;
}
