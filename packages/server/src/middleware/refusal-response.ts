// The reply to whoever may not go on.

import type { Refusal } from "@bk/auth";
import type { Context } from "hono";

import { bodyResponse } from "../error-response.js";

/** The reply to a refusal: when to come back, and which cookie to forget. */
export function refusalResponse(context: Context, refused: Refusal): Response {
  const { retryAfterMs, setCookie } = refused;
  return bodyResponse(context, refused, {
    ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
    ...(setCookie === undefined ? {} : { "set-cookie": setCookie }),
  });
}
