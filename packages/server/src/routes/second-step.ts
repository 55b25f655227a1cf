// One-time codes, and secrets that were forgotten.

import type { Hono } from "hono";

import { forbidden, HttpError, notFound } from "../error-response.js";
import { refusalResponse } from "../middleware/refusal-response.js";
import type { LoginContext } from "./login-context.js";
import { checkPage, jsonWithCookie, mayBegin, onlyPost, parametersOf, textOf } from "./login-parts.js";
import type { ServerContext, ServerEnv, ServerRequest } from "./server-context.js";

export function secondStepRoutes(app: Hono<ServerEnv>, server: ServerContext, on: LoginContext): void {
  const { codes, resets } = on;
  if (codes !== undefined) {
    app.all("/auth/totp/add", async (context) => {
      parametersOf(context, server, []);
      return jsonWithCookie(JSON.stringify(await codes.enroll(personOf(context))));
    });
    app.all("/auth/totp/confirm", async (context) => {
      const person = personOf(context);
      const confirmed = await codes.confirm(person, requiredText(context, server, "code"));
      if (!confirmed.ok) return refusalResponse(context, asForbidden(confirmed));
      return jsonWithCookie(JSON.stringify({ recovery_codes: confirmed.recoveryCodes }));
    });
    app.all("/auth/totp/del", async (context) => {
      const person = personOf(context);
      const refused = await codes.check(person, requiredText(context, server, "code"));
      if (refused !== undefined) return refusalResponse(context, asForbidden(refused));
      if (!(await codes.remove(person.id))) throw notFound("the account has no one-time codes");
      return jsonWithCookie("{}");
    });
  }
  if (resets === undefined) return;
  app.all("/login/reset", (context) => {
    onlyPost(context);
    checkPage(context, on);
    resets.requestReset(textOf(parametersOf(context, server, ["login"]), "login") ?? "");
    return jsonWithCookie("{}");
  });
  app.all("/login/reset/confirm", async (context) => {
    onlyPost(context);
    checkPage(context, on);
    const fields = parametersOf(context, server, ["token", "secret"]);
    await resets.resetSecret(textOf(fields, "token") ?? "", textOf(fields, "secret") ?? "");
    return jsonWithCookie("{}");
  });
}

/** Whose second step it is. A token or a key with scopes must not take it away, nor put its own in place. */
function personOf(context: ServerRequest): { readonly id: string; readonly login: string } {
  const { account, source } = context.get("allowed");
  if (account === undefined) throw new HttpError("unauthenticated", "No login provided", { code: "NOLOGIN" });
  if (!mayBegin.has(source)) throw forbidden("one-time codes are set up with signatures and sessions alone");
  return account;
}

function requiredText(context: ServerRequest, server: ServerContext, name: string): string {
  return textOf(parametersOf(context, server, [name]), name) ?? "";
}

/** Who asks is known; 401 would make clients throw their session away. */
function asForbidden<R extends { readonly status: number }>(refused: R): R {
  return refused.status === 401 ? { ...refused, status: 403 } : refused;
}
