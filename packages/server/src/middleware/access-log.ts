// An id for each request, the version that it asks for in its reply, and one line for the access log. Queries are left out: values may be secret.

import { randomBytes } from "node:crypto";

import { type Clock, plainText, systemClock } from "@bk/core";
import type { MiddlewareHandler } from "hono";

import type { AccessRecord } from "../logging/access-line.js";
import { rawTarget } from "../request/check-frame.js";
import { versionName } from "../request/version.js";
import type { ServerContext, ServerEnv, ServerRequest } from "../routes/server-context.js";

/** The reply's header with the id that the log has. */
export const requestIdHeader = "x-request-id";

const longestPath = 300;

/** The path of a request as a log may have it: as it was sent, without its query, printable and not too long. */
export const loggedPath = (context: ServerRequest): string => pathOfTarget(rawTarget(context));

/** The same of a raw target. */
export function pathOfTarget(target: string): string {
  return plainText(withoutQuery(target), longestPath);
}

export function withoutQuery(target: string): string {
  const end = target.indexOf("?");
  return end < 0 ? target : target.slice(0, end);
}

/** Where a page was that asked: without the query of it, whose values may be secret. */
export const refererOf = (header: string | undefined): string | undefined => (header === undefined ? undefined : withoutQuery(header));

export function accessLog(
  { accessLog: access, addressOf, takesRequestIds }: Pick<ServerContext, "accessLog" | "addressOf" | "takesRequestIds">,
  clock: Clock = systemClock,
): MiddlewareHandler<ServerEnv> {
  const nextId = requestIds();
  return async (context, next) => {
    const at = clock.now();
    const id = (takesRequestIds ? context.req.header(requestIdHeader) : undefined) ?? nextId();
    context.set("requestId", id);
    // On a socket it goes straight to Node's reply, which costs less than another kind of header would.
    const outgoing = context.env?.outgoing;
    outgoing?.setHeader(requestIdHeader, id);
    const bytes = access?.isTold === true && outgoing !== undefined ? countBytes(outgoing) : undefined;
    await next();
    // Behind the reply that a route made: what is set before goes into those of the context alone.
    if (outgoing === undefined) context.header(requestIdHeader, id);
    const version = context.get("version");
    if (version !== undefined) context.header(versionName, version.text);
    if (access === undefined) return;
    const record = recordOf(context, { id, at, ms: clock.now() - at, address: addressOf(context), fields: access.fields(context) });
    if (bytes === undefined || record.socket !== undefined) access.write(record);
    else outgoing!.once("close", () => access.write({ ...record, ms: clock.now() - at, bytes: bytes() }));
  };
}

type Outgoing = NonNullable<ServerRequest["env"]["outgoing"]>;

/** From Node's own headers: to make others of them takes longer. */
function header({ env, req }: ServerRequest, name: "referer" | "user-agent"): string | undefined {
  const incoming = env?.incoming;
  return incoming === undefined ? req.header(name) : incoming.headers[name];
}

function recordOf(context: ServerRequest, known: Pick<AccessRecord, "id" | "at" | "ms" | "address" | "fields">): AccessRecord {
  const refused = context.get("refused");
  const socket = context.env?.fromSocket;
  const opens = socket?.openedBy === undefined && socket !== undefined && context.get("events") !== undefined && context.res.ok;
  return {
    ...known,
    method: context.req.method,
    path: withoutQuery(rawTarget(context)),
    httpVersion: context.env?.incoming?.httpVersion ?? "1.1",
    status: opens ? 101 : context.res.status,
    bytes: undefined,
    login: context.get("allowed")?.account?.login,
    claims: refused?.login,
    refused: refused?.why,
    socket: socket?.openedBy,
    referer: refererOf(header(context, "referer")),
    userAgent: header(context, "user-agent"),
  };
}

/** Gives how many bytes of a body were written; undefined for none. Node tells of heads and bodies together. */
function countBytes(outgoing: Outgoing): () => number | undefined {
  let bytes = 0;
  const count = (chunk: unknown): void => {
    if (typeof chunk === "string") bytes += Buffer.byteLength(chunk);
    else if (chunk instanceof Uint8Array) bytes += chunk.byteLength;
  };
  const { write, end } = outgoing;
  outgoing.write = ((chunk: unknown, ...others: unknown[]) => {
    count(chunk);
    return write.apply(outgoing, [chunk, ...others] as unknown as Parameters<typeof write>);
  }) as typeof write;
  outgoing.end = ((chunk: unknown, ...others: unknown[]) => {
    count(chunk);
    return end.apply(outgoing, [chunk, ...others] as unknown as Parameters<typeof end>);
  }) as typeof end;
  return () => (bytes === 0 || outgoing.req.method === "HEAD" ? undefined : bytes);
}

/** Ids that no two requests share, of servers that share a log neither: a random start and a count. */
export function requestIds(): () => string {
  const start = randomBytes(6).toString("base64url").replaceAll(/[-_]/g, "0");
  let count = 0;
  return () => `${start}-${(++count).toString(36)}`;
}
