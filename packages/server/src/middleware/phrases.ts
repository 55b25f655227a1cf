// The language of a request: what is said to it finds its phrases by that.

import type { MiddlewareHandler } from "hono";

import type { Locales } from "../locales/locales.js";
import { rawTarget } from "../request/check-frame.js";
import { askedLanguage } from "../request/version.js";
import type { ServerEnv } from "../routes/server-context.js";

export function phrases(locales: Pick<Locales, "translate">): MiddlewareHandler<ServerEnv> {
  return async (context, next) => {
    const asked = askedLanguage(rawTarget(context), context.req.raw.headers);
    context.set("phrase", (text, args) => locales.translate(asked, text, args));
    await next();
  };
}
