// The headers that go on: what is about one connection alone stays behind, and what is said of the client is said by who knows it.

import type { IncomingMessage } from "node:http";

import { requestIdHeader } from "../middleware/access-log.js";

/** About one connection (RFC 9110, 7.6.1), and about credentials for proxies. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** What a Connection header cannot take away: where a body ends, and whom it is for, is said here. */
const kept: ReadonlySet<string> = new Set(["content-length", "host"]);

/** Said of the client by proxies; from others they are nothing but claims, and to many servers `_` is `-`. */
const ofProxies = /^(forwarded|x[-_]forwarded[-_].*|x[-_](real|client)[-_]ip)$/;

/** Written anew. `Expect` was answered when the request came. */
const written: ReadonlySet<string> = new Set(["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "expect"]);

/** The client as this server sees it. */
export interface Sender {
  /** Of the connection. */
  readonly peer: string;
  /** The peer is a proxy whose word counts. */
  readonly isTrusted: boolean;
  /** It came over TLS. */
  readonly isTls: boolean;
  /** The request's id in the log. */
  readonly id: string;
}

type Raw = readonly string[];

/** Names in lower case with their values, without those of the connection. */
function* endToEnd(raw: Raw): Generator<readonly [string, string, string]> {
  const named = new Set<string>();
  for (let i = 0; i < raw.length; i += 2)
    if (raw[i]!.toLowerCase() === "connection") for (const name of raw[i + 1]!.split(",")) named.add(name.trim().toLowerCase());
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (!hopByHop.has(name) && (kept.has(name) || !named.has(name))) yield [name, raw[i]!, raw[i + 1]!];
  }
}

/** The headers of the request to an upstream, names and values in turn. */
export function requestHeaders(request: IncomingMessage, { peer, isTrusted, isTls, id }: Sender, isUpgrade: boolean): string[] {
  const { headers, rawHeaders, method } = request;
  const result: string[] = [];
  for (const [name, written_, value] of endToEnd(rawHeaders)) {
    if (written.has(name) || name === requestIdHeader || (!isTrusted && ofProxies.test(name))) continue;
    result.push(written_, value);
  }
  const before = (name: string): string[] => {
    const value = isTrusted ? headers[name] : undefined;
    return value === undefined ? [] : [(value as string | string[]).toString()];
  };
  const host = headers.host ?? "";
  const scheme = isTls ? "https" : "http";
  result.push(
    "X-Forwarded-For",
    [...before("x-forwarded-for"), plainAddress(peer)].join(", "),
    "X-Forwarded-Host",
    before("x-forwarded-host")[0] ?? host,
    "X-Forwarded-Proto",
    before("x-forwarded-proto")[0] ?? scheme,
    "Forwarded",
    [...before("forwarded"), `for=${quotedNode(peer)};host="${host}";proto=${scheme}`].join(", "),
    requestIdHeader,
    id,
  );
  if (isUpgrade) result.push("Connection", "Upgrade", "Upgrade", "websocket");
  else if (headers["transfer-encoding"] !== undefined) result.push("Transfer-Encoding", "chunked");
  // Without this Node would say that a body follows.
  else if (headers["content-length"] === undefined && !hasNoBody.has(method!)) result.push("Content-Length", "0");
  return result;
}

const hasNoBody: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE"]);

const plainAddress = (address: string): string => address.replace(/^::ffff:/i, "");

/** A node as `Forwarded` has it (RFC 7239, 6). */
function quotedNode(address: string): string {
  const plain = plainAddress(address);
  return plain.includes(":") ? `"[${plain}]"` : plain;
}

/** The headers of the reply to the client, names and values in turn. */
export function replyHeaders({ rawHeaders }: IncomingMessage, id: string, cookie: string | undefined): string[] {
  const result: string[] = [];
  for (const [name, written_, value] of endToEnd(rawHeaders)) if (name !== requestIdHeader) result.push(written_, value);
  result.push(requestIdHeader, id);
  if (cookie !== undefined) result.push("Set-Cookie", cookie);
  return result;
}
