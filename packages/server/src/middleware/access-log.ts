// One line for each request: method, path, status, duration. Queries are left out but for their names: values may be secret.

import { type Clock, type Log, systemClock } from "@bk/core";
import type { MiddlewareHandler } from "hono";

import type { ServerEnv } from "../routes/server-context.js";

export function accessLog(log: Log, clock: Clock = systemClock): MiddlewareHandler<ServerEnv> {
  return async (context, next) => {
    const startMs = clock.now();
    await next();
    const login = context.get("allowed")?.account?.login;
    log.info(`${context.req.method} ${context.req.path} ${context.res.status}`, {
      ms: clock.now() - startMs,
      ...(login === undefined ? {} : { login }),
    });
  };
}
