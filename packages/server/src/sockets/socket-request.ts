// A request of the app out of an upgrade, or out of a message of the socket that it opened.

import type { IncomingMessage } from "node:http";

import type { EventStream } from "@bk/modules";

import type { Fetch } from "../request/fetch.js";
import { isEncrypted } from "../request/scheme.js";
import type { ServerEnv } from "../routes/server-context.js";

/** What a message asks for. */
export interface Asked {
  readonly method: string;
  /** Path and query, as they are signed. */
  readonly target: string;
  /** JSON. */
  readonly body?: string | undefined;
  /** A signature as the header `bk-signature` has it. */
  readonly signature?: string | undefined;
}

/** Headers of the upgrade that say nothing of the requests of its messages: they are about the connection, or prove one request alone. */
const ofUpgradeAlone =
  /^(?:accept|bk-signature|signature|signature-input|content-.*|connection|upgrade|sec-websocket-.*|last-event-id|range|if-.*|expect|te|trailer|transfer-encoding)$/;

/** What is kept of the request that opened a socket. */
export interface Opening extends Pick<IncomingMessage, "headers" | "rawHeaders" | "socket"> {
  readonly host: string;
  /** The id that it has in the log. */
  readonly id: string;
  /** Its credentials count no more. */
  readonly isRefused: boolean;
}

/** What is noted while a socket is opened. */
export type Upgrading = { -readonly [Name in keyof Opening]: Opening[Name] } & { events?: EventStream };

/** Takes out of an upgrade what requests of its messages have of it. */
export function upgradingBy({ headers, rawHeaders, socket }: IncomingMessage): Upgrading {
  const [kept, raw]: [IncomingMessage["headers"], string[]] = [{}, []];
  for (const [name, value] of Object.entries(headers)) if (!ofUpgradeAlone.test(name)) kept[name] = value;
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (!ofUpgradeAlone.test(rawHeaders[i]!.toLowerCase())) raw.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  return { headers: kept, rawHeaders: raw, socket, host: headers.host!, id: "", isRefused: false };
}

/** The upgrade itself as a request for a stream of events. What the app would stream, and that its credentials count no more, goes into `upgrading`. */
export async function askForStream(fetch: Fetch, upgrade: IncomingMessage, upgrading: Upgrading, signal: AbortSignal): Promise<Response> {
  const headers = headersOf(upgrade);
  headers.set("accept", "text/event-stream");
  const request = new Request(`${schemeOf(upgrade)}://${upgrade.headers.host}${upgrade.url}`, { headers, signal });
  const env: ServerEnv["Bindings"] = {
    incoming: upgrade,
    fromSocket: { onRefused: refusing(upgrading) },
    sendEvents(events, reply) {
      upgrading.events = events;
      return reply;
    },
  };
  return fetch(request, env);
}

/** It is kept as long as the socket is open, and so holds nothing else. */
const refusing = (upgrading: Upgrading) => () => void (upgrading.isRefused = true);

/** A request with the headers and the address of the upgrade. */
export async function ask(
  fetch: Fetch,
  { headers: sent, rawHeaders, socket, host, id }: Opening,
  { method, target, body, signature }: Asked,
  signal: AbortSignal,
): Promise<Response> {
  const headers = headersOf({ rawHeaders });
  // A message is JSON, and so is what answers it.
  headers.set("accept", "application/json");
  if (signature !== undefined) headers.set("bk-signature", signature);
  if (body !== undefined) headers.set("content-type", "application/json");
  const request = new Request(`${schemeOf({ socket })}://${host}${target}`, {
    method,
    headers,
    signal,
    ...(body === undefined ? {} : { body }),
  });
  // What the app reads of Node's request: the target as it was sent, and where it comes from.
  const incoming = { url: target, method, headers: sent, rawHeaders: ["host", host], socket };
  return fetch(request, { incoming, fromSocket: { openedBy: id } } as unknown as ServerEnv["Bindings"]);
}

const schemeOf = ({ socket }: Pick<IncomingMessage, "socket">): string => (isEncrypted(socket) ? "https" : "http");

function headersOf({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  return headers;
}
