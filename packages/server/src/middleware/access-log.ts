// An id for each request, the version that it asks for in its reply, and one line: method, path, status, duration, who. Queries are left out: values may be secret.

import { randomBytes } from "node:crypto";

import { type Clock, type Log, plainText, silentLog, systemClock } from "@bk/core";
import type { MiddlewareHandler } from "hono";

import { rawTarget } from "../request/check-frame.js";
import { versionName } from "../request/version.js";
import type { ServerEnv, ServerRequest } from "../routes/server-context.js";

/** The reply's header with the id that the log has. */
export const requestIdHeader = "x-request-id";

const longestPath = 300;

/** The path of a request as a log may have it: as it was sent, without its query, printable and not too long. */
export const loggedPath = (context: ServerRequest): string => pathOfTarget(rawTarget(context));

/** The same of a raw target. */
export function pathOfTarget(target: string): string {
  const end = target.indexOf("?");
  return plainText(end < 0 ? target : target.slice(0, end), longestPath);
}

export function accessLog(log: Log, clock: Clock = systemClock): MiddlewareHandler<ServerEnv> {
  const nextId = requestIds();
  return async (context, next) => {
    const startMs = clock.now();
    const id = nextId();
    context.set("requestId", id);
    // On a socket it goes straight to Node's reply, which costs less than another kind of header would.
    const outgoing = context.env?.outgoing;
    outgoing?.setHeader(requestIdHeader, id);
    await next();
    // Behind the reply that a route made: what is set before goes into those of the context alone.
    if (outgoing === undefined) context.header(requestIdHeader, id);
    const version = context.get("version");
    if (version !== undefined) context.header(versionName, version.text);
    if (log === silentLog) return;
    const login = context.get("allowed")?.account?.login;
    const refused = context.get("refused");
    const socket = context.env?.fromSocket;
    const status =
      socket?.openedBy === undefined && socket !== undefined && context.get("events") !== undefined && context.res.ok
        ? 101
        : context.res.status;
    log.info(`${context.req.method} ${loggedPath(context)} ${status}`, {
      id,
      ms: clock.now() - startMs,
      ...(socket?.openedBy === undefined ? {} : { socket: socket.openedBy }),
      ...(login === undefined ? {} : { login }),
      ...(refused?.login === undefined ? {} : { claims: plainText(refused.login, 140) }),
      ...(refused === undefined ? {} : { refused: refused.why }),
    });
  };
}

/** Ids that no two requests share, of servers that share a log neither: a random start and a count. */
function requestIds(): () => string {
  const start = randomBytes(6).toString("base64url").replaceAll(/[-_]/g, "0");
  let count = 0;
  return () => `${start}-${(++count).toString(36)}`;
}
