// Who asks, and whether they may go on: verifies the signature of every request that is not to an open path.

import type { MiddlewareHandler } from "hono";

import { bodyResponse, wrongMethod } from "../error-response.js";
import { changesData } from "../routes/data-paths.js";
import { checkFrame, rawTarget } from "../request/check-frame.js";
import { methods } from "../request/methods.js";
import { readBody } from "../request/read-body.js";
import type { ServerContext, ServerEnv } from "../routes/server-context.js";

export function gate({ auth, limits }: ServerContext): MiddlewareHandler<ServerEnv> {
  return async (context, next) => {
    const request = context.req.raw;
    const { incoming } = context.env ?? {};
    const target = rawTarget(context);
    checkFrame(target, incoming?.rawHeaders);
    if (!(methods as readonly string[]).includes(request.method)) throw wrongMethod(request.method, methods);
    const body = await readBody(request, limits.maxBodyBytes);
    const host = incoming?.headers.host;
    const verdict = await auth.check(request, {
      body,
      target,
      changes: changesData(context.req.path),
      ...(host === undefined ? {} : { host }),
    });
    if (!verdict.ok) return bodyResponse(context, verdict);
    context.set("allowed", verdict);
    context.set("body", body);
    await next();
    return undefined;
  };
}
