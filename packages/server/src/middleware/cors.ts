// Lets pages of other origins call the server. Off unless origins are given.

import { BkError } from "@bk/core";
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";

import type { ServerEnv } from "../routes/server-context.js";
import { nextTokenHeader } from "../data/row-forms.js";
import { appName, versionName } from "../request/version.js";
import { requestIdHeader } from "./access-log.js";

export interface CorsOptions {
  /** Who may call: origins such as `https://app.example.com`, exactly; `"*"` lets every page call. */
  readonly origins: "*" | readonly string[];
  /** Whether pages may send cookies; only with origins that are named. Default false. */
  readonly credentials?: boolean;
  /** Request headers beside `content-type`, `bk-signature`, `bk-access-token`, `bk-version` and `bk-app`. */
  readonly headers?: readonly string[];
}

const usualHeaders = ["content-type", "bk-signature", "bk-access-token", versionName, appName];
const preflightSeconds = 600;

/** @throws BkError `invalid` for an origin that is none, or credentials for everybody */
export function allowOrigins({ origins, credentials = false, headers = [] }: CorsOptions): MiddlewareHandler<ServerEnv> {
  if (origins === "*") {
    if (credentials) throw invalid("credentials need origins by name, not *");
  } else
    for (const origin of origins)
      if (!isOrigin(origin)) throw invalid(`${JSON.stringify(origin)} is no origin such as https://app.example.com`);
  for (const header of headers)
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header)) throw invalid(`${JSON.stringify(header)} is no name of a header`);
  return cors({
    origin: origins === "*" ? "*" : [...origins],
    credentials,
    allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: [...usualHeaders, ...headers],
    exposeHeaders: [requestIdHeader, "retry-after", nextTokenHeader, versionName],
    maxAge: preflightSeconds,
  });
}

/** As browsers write it: scheme and host, no path, in lower case, without the usual port. */
export function isOrigin(text: string): boolean {
  return (
    URL.canParse(text) &&
    (new URL(text).origin === text || (/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/.test(text) && new URL(text).origin === "null"))
  );
}

function invalid(what: string): BkError {
  return new BkError("invalid", `cors: ${what}`, { detail: { field: "cors" } });
}

/** Pages that may send cookies are trusted with what they are for. */
export function originsWithCookies(cors: CorsOptions | undefined): readonly string[] {
  return cors?.credentials === true && cors.origins !== "*" ? cors.origins : [];
}
