// HTTP messages as signatures see them: the texts that were on the wire.
import type { IncomingHeaders } from "../incoming.js";

export interface RequestMessage {
  readonly method: string;
  /** The absolute URL with the raw request target, not decoded or normalized: `https://example.com/path?query`. */
  readonly url: string;
  /** Header fields. A list keeps the lines of a field that was sent several times apart, which `bs` needs. */
  readonly headers: IncomingHeaders;
}

export interface ResponseMessage {
  readonly status: number;
  readonly headers: IncomingHeaders;
  /** The request that is answered, for components with `req`. */
  readonly request?: RequestMessage | undefined;
}

export type HttpMessage = RequestMessage | ResponseMessage;

/** A URL taken apart, nothing decoded. */
export interface TargetParts {
  readonly scheme: string;
  /** In lower case, without the port that the scheme has anyway. */
  readonly authority: string;
  /** `/` when it is empty. */
  readonly path: string;
  /** With its `?`; empty when there is none. */
  readonly query: string;
}

const defaultPorts: Readonly<Record<string, string>> = { http: ":80", ws: ":80", https: ":443", wss: ":443" };

/** Takes a URL apart; undefined when it is not absolute, or holds a fragment, a user, space or control characters. */
export function targetOf(url: string): TargetParts | undefined {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#@\s]+)(\/[^?#\s]*)?(\?[^#\s]*)?$/i.exec(url);
  if (match === null || !/^[\x21-\x7e]+$/.test(url)) return undefined;
  const [, scheme, authority, path = "/", query = ""] = match as unknown as [string, string, string, string?, string?];
  const lower = scheme.toLowerCase();
  const port = defaultPorts[lower] ?? "";
  const host = authority.toLowerCase();
  return { scheme: lower, authority: port !== "" && host.endsWith(port) ? host.slice(0, -port.length) : host, path, query };
}

/** The lines of a field, in order, each without space around it and without line folding; undefined when it was not sent. */
export function fieldLines(headers: IncomingHeaders, name: string): readonly string[] | undefined {
  const lines = rawLines(headers, name);
  return lines?.map((line) => line.replaceAll(/[ \t]*\r?\n[ \t]+/g, " ").replaceAll(/^[ \t]+|[ \t]+$/g, ""));
}

function rawLines(headers: IncomingHeaders, name: string): readonly string[] | undefined {
  if (typeof headers.get === "function") {
    const value = (headers as Headers).get(name);
    return value === null ? undefined : [value];
  }
  const lines = Object.entries(headers as Readonly<Record<string, string | readonly string[] | undefined>>)
    .filter(([key, value]) => value !== undefined && key.toLowerCase() === name)
    .flatMap(([, value]) => value as string | readonly string[]);
  return lines.length === 0 ? undefined : lines;
}
