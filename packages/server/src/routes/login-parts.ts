// What the routes of people who log in have in common.

import { cameFrom, type CredentialSource } from "@bk/auth";

import { badRequest, HttpError, replyHeaders, wrongMethod } from "../error-response.js";
import { type Fields, readInput } from "../request/fields.js";
import type { ServerContext, ServerRequest } from "./server-context.js";

/** What may hand out more than it is: a token or a key with scopes would give itself all that its account may do. */
export const mayBegin: ReadonlySet<CredentialSource | "none"> = new Set(["header", "url", "session"] as const);

export function jsonWithCookie(text: string, cookie?: string): Response {
  const headers = { ...replyHeaders, "content-type": "application/json", ...(cookie === undefined ? {} : { "set-cookie": cookie }) };
  return new Response(text, { status: 200, headers });
}

export function onlyPost({ req }: ServerRequest): void {
  if (req.method !== "POST") throw wrongMethod(req.method, ["POST"]);
}

/** A page of somebody else must not log people in, as another account than they believe, or out. Programs say nothing of a page. */
export function checkPage(context: ServerRequest, { trustedOrigins }: { readonly trustedOrigins: readonly string[] }): void {
  const page = { host: hostOf(context), header: (name: string): string | undefined => context.req.header(name) };
  if (cameFrom(page, trustedOrigins) === "elsewhere")
    throw new HttpError("denied", "only pages of the same site log in and out", { code: "CSRF" });
}

export function hostOf({ env, req }: ServerRequest): string {
  return env?.incoming?.headers.host ?? req.header("host") ?? new URL(req.url).host;
}

export function parametersOf(context: ServerRequest, { limits }: ServerContext, names: readonly string[]): Fields {
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

/** What was given, as JSON or as text; undefined when nothing was. */
export function valueOf(fields: Fields, name: string): unknown {
  const field = fields.get(name);
  if (field === undefined) return undefined;
  return "json" in field ? field.json : field.text;
}

export function textOf(fields: Fields, name: string): string | undefined {
  const value = valueOf(fields, name);
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw badRequest(`${name} must be one text`, name);
  return value;
}

export function flagOf(fields: Fields, name: string): boolean | undefined {
  const value = valueOf(fields, name);
  if (value === undefined) return undefined;
  if (value === true || value === 1 || value === "1" || value === "true") return true;
  if (value === false || value === 0 || value === "0" || value === "false") return false;
  throw badRequest(`${name} must be 1 or 0`, name);
}
