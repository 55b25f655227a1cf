// A request of the app out of an upgrade, or out of a message of the socket that it opened.

import type { IncomingMessage } from "node:http";

import type { Fetch } from "../request/fetch.js";
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

/** The upgrade itself as a request for a stream of events. `onRefused` is called when its credentials count no more. */
export async function askForStream(fetch: Fetch, upgrade: IncomingMessage, signal: AbortSignal, onRefused: () => void): Promise<Response> {
  const headers = headersOf(upgrade);
  headers.set("accept", "text/event-stream");
  const request = new Request(`http://${upgrade.headers.host}${upgrade.url}`, { headers, signal });
  return fetch(request, { incoming: upgrade, fromSocket: { onRefused } } as ServerEnv["Bindings"]);
}

/** Whether the app's reply to an upgrade opens a socket: it is a stream of events. Any other refuses it. */
export function opensSocket({ ok, body, headers }: Response): boolean {
  return ok && body !== null && /^text\/event-stream\b/.test(headers.get("content-type") ?? "");
}

/**
 * A request with the headers and the address of the upgrade.
 *
 * @param openedBy  the id that the upgrade has in the log
 */
export async function ask(
  fetch: Fetch,
  upgrade: IncomingMessage,
  openedBy: string,
  { method, target, body, signature }: Asked,
  signal: AbortSignal,
): Promise<Response> {
  const host = upgrade.headers.host!;
  const headers = headersOf(upgrade, ofUpgradeAlone);
  if (signature !== undefined) headers.set("bk-signature", signature);
  if (body !== undefined) headers.set("content-type", "application/json");
  const request = new Request(`http://${host}${target}`, { method, headers, signal, ...(body === undefined ? {} : { body }) });
  const { headers: sent, socket } = upgrade;
  // What the app reads of Node's request: the target as it was sent, and where it comes from.
  const incoming = { url: target, method, headers: sent, rawHeaders: ["host", host], socket };
  return fetch(request, { incoming, fromSocket: { openedBy } } as unknown as ServerEnv["Bindings"]);
}

function headersOf({ rawHeaders }: IncomingMessage, without?: RegExp): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (without?.test(rawHeaders[i]!.toLowerCase()) !== true) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  return headers;
}
