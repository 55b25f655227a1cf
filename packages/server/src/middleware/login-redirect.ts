// Where a browser goes that asks for a page and has no session.

import type { Refusal } from "@bk/auth";
import { BkError } from "@bk/core";
import type { Context } from "hono";

import { replyHeaders } from "../error-response.js";

/** The reply that sends a browser elsewhere; undefined where the refusal itself is replied. */
export type LoginRedirect = (context: Context, refused: Refusal) => Response | undefined;

/** Whether it can be redirected to: a path of this server, or a URL. */
export function isRedirect(target: string): boolean {
  return /^\/(?![/\\])[!-~]*$/.test(target) || (/^https?:\/\/[!-~]+$/.test(target) && URL.canParse(target));
}

/** @throws BkError `invalid` for what is neither path nor URL */
export function loginRedirect(target: string | undefined): LoginRedirect {
  if (target === undefined) return () => undefined;
  if (!isRedirect(target)) throw new BkError("invalid", "login.redirect is no path or URL", { detail: { field: "login" } });
  return ({ req }, { code, setCookie }) => {
    // Wrong signatures and tokens are of programs, which look at the status.
    if (code !== "NOLOGIN" || (req.method !== "GET" && req.method !== "HEAD") || !asksForPage((name) => req.header(name))) return undefined;
    // It is closed itself, by a fault of the app: a browser would go round and round.
    if (req.path === target.split(/[?#]/, 1)[0]) return undefined;
    const cookie = setCookie === undefined ? {} : { "set-cookie": setCookie };
    return new Response(null, { status: 302, headers: { ...replyHeaders, location: target, ...cookie } });
  };
}

/** Whether somebody opens a page, by an address or a link: not what a page loads, nor what programs ask for. */
function asksForPage(header: (name: string) => string | undefined): boolean {
  const mode = header("sec-fetch-mode");
  return (mode === undefined || mode === "navigate") && /\btext\/html\b/i.test(header("accept") ?? "");
}
