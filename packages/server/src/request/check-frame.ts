// What is wrong with a request before anything in it is read: hosts, paths that could be read in two ways.

import { badRequest } from "../error-response.js";
import type { ServerRequest } from "../routes/server-context.js";

/** The request target as it was on the wire; where there is no socket, that of the URL. */
export function rawTarget({ env, req }: ServerRequest): string {
  const { url } = req.raw;
  return env?.incoming?.url ?? url.slice(new URL(url).origin.length);
}

/**
 * Refuses requests whose path would mean one thing to the rules and another to the router.
 *
 * @param target      the raw request target
 * @param rawHeaders  names and values in turn, as Node has them; absent where there is no socket
 */
export function checkFrame(target: string, rawHeaders: readonly string[] | undefined): void {
  checkTarget(target, rawHeaders);
  const at = target.indexOf("?");
  const path = at < 0 ? target : target.slice(0, at);
  if (ambiguousPath.test(path)) throw badRequest("the path has empty or dot segments, a backslash or an encoded slash");
}

/** Refuses requests whose target is no path, or that are for no host or for two. */
export function checkTarget(target: string, rawHeaders: readonly string[] | undefined): void {
  if (!target.startsWith("/")) throw badRequest("the request target must be a path");
  if (rawHeaders === undefined) return;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === "host") hosts++;
  if (hosts !== 1) throw badRequest(`the request must have one Host header, not ${hosts}`);
}

/** A host by name or address, with a port or not. */
export const hostForm = /^([\w.-]+|\[[\da-f:.]+\])(:\d+)?$/i;

const ambiguousPath = /\/\/|\/(?:\.|%2e){1,2}(?:\/|$)|\\|%2f|%5c/i;
