// Requests for files of the server's folders.

import type { Hono } from "hono";

import { errorResponse, notFound } from "../error-response.js";
import { rawTarget } from "../request/check-frame.js";
import type { FoundFile } from "../static/file-reply.js";
import type { ServerContext, ServerEnv, ServerRequest } from "./server-context.js";

/** The server's own paths, with all below them. A file has no way into them. */
const ownPaths = /^\/(data|auth|login|logout|ping|health|openapi\.json)(\/|$)/;

/** The file that a request is for. Endpoints of modules come first, and so does what the server has itself. */
export async function fileFor(context: ServerRequest, { files, endpoints }: ServerContext): Promise<FoundFile | "folder" | undefined> {
  if (files === undefined || context.env?.fromSocket !== undefined) return undefined;
  const [path] = pathOf(context);
  if (ownPaths.test(path) || endpoints.find(context.req.path, undefined) !== undefined) return undefined;
  return files.find(context.req.raw, path, hostOf(context));
}

/** Serves what `fileFor` has found. */
export function fileRoutes(app: Hono<ServerEnv>, { files }: ServerContext): void {
  if (files === undefined) return;
  app.use(async (context, next) => {
    const found = context.get("file");
    if (found === undefined) return next();
    const [path, query] = pathOf(context);
    if (found === "folder")
      return new Response(null, { status: 308, headers: { location: `${path}/${query}`, "cache-control": "no-cache" } });
    // Nobody was asked who they are, so that it goes to no other route.
    return (await files.reply(context.req.raw, found)) ?? errorResponse(context, notFound("the file has gone"));
  });
}

/** The path as it was sent, and the query with its `?`. */
function pathOf(context: ServerRequest): readonly [string, string] {
  const target = rawTarget(context);
  const at = target.indexOf("?");
  return at < 0 ? [target, ""] : [target.slice(0, at), target.slice(at)];
}

function hostOf({ env, req }: ServerRequest): string {
  const host = env?.incoming?.headers.host ?? new URL(req.raw.url).host;
  // A dot at its end is DNS's way to say that the name is whole.
  return host.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "");
}
