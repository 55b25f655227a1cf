// WebSockets to the endpoints that stream: the upgrade is asked of the app as a request for the stream, with all of its checks, and the
// socket opens when the app would send it.

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

import { type Log, systemClock } from "@bk/core";
import { type WebSocket, WebSocketServer } from "ws";

import { badRequest, plainResponse } from "../error-response.js";
import { pathOfTarget, requestIdHeader } from "../middleware/access-log.js";
import { faultFields } from "../fault-fields.js";
import type { EndpointMap } from "../modules/endpoint-map.js";
import { OpenSocket, type OpenSocketOptions } from "./open-socket.js";
import { refuseUpgrade } from "./refuse-upgrade.js";
import { askForStream, upgradingBy } from "./socket-request.js";

export interface WebSocketOptions extends OpenSocketOptions {
  readonly endpoints: EndpointMap;
  /** Most bytes of a message. */
  readonly maxSocketMessageBytes: number;
  /** How often a client is asked whether it is there. One that does not say so until the next time is let go. */
  readonly socketBeatMs: number;
}

export interface WebSockets {
  /** Whether a request with an Upgrade header asks for a socket that there is. Others are requests as any. */
  takes(request: IncomingMessage): boolean;
  /** Opens a socket, or sends the reply that refuses it. The caller listens for errors of the connection until then. */
  open(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void>;
  /** Closes the sockets when what they asked for is answered, and opens no more. */
  drain(): void;
  /** Cuts those that are left. */
  cut(): void;
  /** How many are open. */
  size(): number;
}

export function webSockets(options: WebSocketOptions): WebSockets {
  const { fetch, endpoints, maxSocketMessageBytes, socketBeatMs, log } = options;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxSocketMessageBytes,
    // There are none to agree on; otherwise the first one that is offered would be taken.
    handleProtocols: () => false,
  });
  const open = new Set<OpenSocket>();
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;

  function add(socket: WebSocket, opened: OpenSocket): void {
    open.add(opened);
    timer ??= setInterval(() => {
      for (const each of open) each.look();
    }, socketBeatMs).unref();
    socket.on("close", () => {
      open.delete(opened);
      if (open.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    });
    // The end may have been asked for while the app was asked.
    if (isStopping) opened.drain();
  }

  return {
    takes({ method, url = "", headers: { upgrade, host } }) {
      if (method !== "GET" || upgrade?.toLowerCase() !== "websocket" || !URL.canParse(`http://${host}${url}`)) return false;
      const at = url.indexOf("?");
      return endpoints.streams(at < 0 ? url : url.slice(0, at));
    },

    async open(request, socket, head) {
      const gone = new AbortController();
      const leave = (): void => gone.abort();
      socket.once("close", leave);
      const upgrading = upgradingBy(request);
      const startMs = systemClock.now();
      const reply = await askForStream(fetch, request, upgrading, gone.signal).catch((error: unknown) => {
        log.error("a socket was not opened, by a fault outside of the app", faultFields(error));
        return plainResponse(error);
      });
      socket.off("close", leave);
      const { events } = upgrading;
      if (events === undefined) {
        await refuseUpgrade(socket, await finite(reply));
        return;
      }
      delete upgrading.events;
      upgrading.id = reply.headers.get(requestIdHeader) ?? "";
      const logEnd = endLog(log, request.url!, upgrading.id, startMs);
      const addHeaders = (headers: string[]): void => void headers.push(...headersOf101(reply.headers));
      server.once("headers", addHeaders);
      let isOpen = false;
      server.handleUpgrade(request, socket, head, (webSocket) => {
        isOpen = true;
        webSocket.on("close", logEnd);
        add(webSocket, new OpenSocket(webSocket, upgrading, events, options));
      });
      server.off("headers", addHeaders);
      if (isOpen) return;
      // The client is gone, or its upgrade was malformed and is answered.
      logEnd();
      events.cancel();
    },

    drain() {
      isStopping = true;
      for (const each of open) each.drain();
    },
    cut() {
      for (const each of open) each.cut();
    },
    size: () => open.size,
  };
}

/** Logs the end of a socket. It is kept as long as that is open, and so holds nothing else. */
function endLog(log: Log, target: string, id: string, startMs: number): (code?: number) => void {
  return (code) =>
    log.info(`GET ${pathOfTarget(target)} closed`, { id, ms: systemClock.now() - startMs, ...(code === undefined ? {} : { code }) });
}

/** What the reply that opens a socket says beside the handshake: the request's id, and a session that begins its time anew. */
function headersOf101(headers: Headers): string[] {
  return [requestIdHeader, "set-cookie"].flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [`${name}: ${value}`];
  });
}

/** The reply, unless it is a stream that an endpoint has made itself, which may never end. */
async function finite(reply: Response): Promise<Response> {
  if (!/^text\/event-stream\b/.test(reply.headers.get("content-type") ?? "")) return reply;
  await reply.body?.cancel();
  return plainResponse(badRequest("this stream is not sent to a socket; ask for it by HTTP"));
}
