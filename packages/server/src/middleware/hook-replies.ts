// Hooks at the end of a request: what an error reply says, and what comes behind any reply.

import { systemClock } from "@bk/core";
import type { Hono } from "hono";

import { hookRequest } from "../hooks/hook-request.js";
import { moduleCaller } from "../modules/caller.js";
import type { ServerContext, ServerEnv, ServerRequest } from "../routes/server-context.js";
import type { ErrorBody } from "../error-response.js";

/** Serves the hooks `sendStatus` and `cleanup`, where there are any. */
export function hookReplies(app: Hono<ServerEnv>, server: ServerContext): void {
  const { hooks } = server;
  if (!hooks.has("sendStatus") && !hooks.has("cleanup")) return;
  app.use(async (context, next) => {
    const { method, path } = context.req;
    const behind = hooks.find("cleanup", method, path);
    const startMs = systemClock.now();
    await next();
    const { status } = context.res;
    const onError = status >= 400 ? hooks.find("sendStatus", method, path) : undefined;
    const error = onError === undefined ? undefined : await errorOf(context.res);
    if (error !== undefined) {
      const body = await hooks.sendStatus(onError!, hookRequest(context, server), error);
      context.res = new Response(JSON.stringify(body), { status, headers: context.res.headers });
    }
    if (behind === undefined) return;
    const allowed = context.get("allowed");
    const outcome = { status, ms: systemClock.now() - startMs, caller: allowed === undefined ? undefined : moduleCaller(allowed.account) };
    hooks.cleanup(behind, hookRequest(context, server), outcome, sent(context));
  });
}

/** The error that a reply tells; undefined for one that is told otherwise, such as in bytes of a module's own. */
async function errorOf(reply: Response): Promise<ErrorBody | undefined> {
  if (!/^application\/json\b/.test(reply.headers.get("content-type") ?? "")) return undefined;
  const body = (await reply.clone().json()) as Partial<ErrorBody> | null;
  const isError = typeof body?.status === "number" && typeof body.message === "string" && typeof body.code === "string";
  return isError ? (body as ErrorBody) : undefined;
}

/** Resolves when the reply has left, or its client has; without a socket of Node's, in the next turn. */
function sent({ env }: ServerRequest): Promise<void> {
  const outgoing = env?.outgoing;
  return new Promise((resolve) => {
    if (outgoing === undefined || outgoing.closed) setImmediate(resolve);
    else outgoing.once("close", () => resolve());
  });
}
