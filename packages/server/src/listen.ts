// The app on a socket: Node's server with its limits, errors of its parser as JSON, and an end that loses nothing.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import type { Log } from "@bk/core";
import { getRequestListener, RequestError } from "@hono/node-server";

import { Accepted, type ConnectionSource } from "./accepted.js";
import { sendByNode } from "./events/send-events.js";
import { faultFields } from "./fault-fields.js";
import { listenAt } from "./processes/listen-at.js";
import type { Proxy } from "./proxy/proxy.js";
import { refuseUpgrade } from "./sockets/refuse-upgrade.js";
import { SocketGate, type SocketGateLimits } from "./sockets/socket-gate.js";
import type { WebSockets } from "./sockets/web-sockets.js";
import type { TlsEnd } from "./tls/tls-end.js";
import type { Fetch } from "./request/fetch.js";
import { isEncrypted } from "./request/scheme.js";
import { badRequest, busy, parserErrorReply, plainResponse } from "./error-response.js";

export interface ListenOptions {
  /** Default 8000; 0 takes a free one. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined;
  /** Connections that were accepted elsewhere, in place of a port of its own. */
  readonly from?: ConnectionSource | undefined;
  /** Ends TLS on those of them that have it. */
  readonly tls?: TlsEnd | undefined;
}

export interface SocketLimits extends SocketGateLimits {
  /** Longest time in which a whole request arrives. */
  readonly requestTimeoutMs: number;
  /** Longest time in which the headers arrive. */
  readonly headersTimeoutMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** Connections beyond this are closed at once. */
  readonly maxConnections: number;
  /** Bytes of events that may wait for a client that does not read. */
  readonly maxSocketUnreadBytes: number;
}

interface Connection {
  /** Those in progress. */
  requests: number;
}

/** What is open now. */
export interface OpenCounts {
  readonly connections: number;
  readonly sockets: number;
  readonly streams: number;
}

export interface Listener {
  readonly url: string;
  readonly port: number;
  /** What is open now. */
  counts(): OpenCounts;
  setLimits(limits: SocketLimits): void;
  /**
   * Takes no new connections, waits for the running requests, at most `timeoutMs`; then cuts what is left.
   *
   * @param idleMs  how long idle connections are kept for one more request, whose client may have sent it already. Default 0
   */
  close(timeoutMs: number, idleMs?: number): Promise<void>;
}

/**
 * @param served.sockets  serves upgrades to WebSockets; where neither it nor the proxy does, an Upgrade header is not looked at
 * @param served.proxy  passes on what is for other servers
 * @throws BkError `unavailable`, naming the port, when it is taken or may not be used
 */
export async function listen(
  fetch: Fetch,
  { port = 8000, host = "127.0.0.1", from, tls }: ListenOptions,
  limits: SocketLimits,
  log: Log,
  { sockets, proxy }: { readonly sockets?: WebSockets | undefined; readonly proxy?: Proxy | undefined } = {},
): Promise<Listener> {
  const settings = {
    // Node's own is 30 s: what takes too long would be noticed that much later.
    connectionsCheckingInterval: Math.min(2000, Math.max(50, Math.floor(limits.headersTimeoutMs / 10))),
    // The app answers requests without a host itself, in JSON.
    requireHostHeader: false,
  };
  const errorHandler = (error: unknown): Response => {
    if (!(error instanceof RequestError)) log.error("request failed outside of the app", faultFields(error));
    return plainResponse(error instanceof RequestError ? badRequest(`the request cannot be read: ${error.message}`) : error);
  };
  const streams = new Set<ServerResponse>();
  const sendEvents = sendByNode(limits.maxSocketUnreadBytes, streams);
  const answer = getRequestListener((request, { incoming, outgoing }) => fetch(request, { incoming, outgoing, sendEvents }), {
    errorHandler,
  });
  const server = createServer(settings, (request, response) => {
    if (proxy?.serve(request, response) !== true) void answer(request, response);
  });
  const gate = new SocketGate(limits);
  const setLimits = (changed: SocketLimits): void => {
    const { requestTimeoutMs, headersTimeoutMs, keepAliveMs, maxConnections } = changed;
    gate.setLimits(changed);
    server.requestTimeout = requestTimeoutMs;
    server.headersTimeout = Math.min(headersTimeoutMs, requestTimeoutMs);
    server.keepAliveTimeout = keepAliveMs;
    server.maxConnections = maxConnections;
  };
  setLimits(limits);
  server.on("clientError", answerClientError);
  let stopping = false;
  /** While it stops: idle connections are still kept. */
  let keepsIdle = false;
  /** Requests in progress of each open connection. */
  const running = new Map<Socket, Connection>();
  /** Upgrades that were sent before earlier requests of their connection are answered. */
  const upgrades = new Map<Socket, () => void>();
  server.on("connection", (socket: Socket) => {
    // It is an old one, which asked for another protocol.
    if (running.has(socket)) return;
    running.set(socket, { requests: 0 });
    socket.on("close", () => {
      running.delete(socket);
      upgrades.delete(socket);
    });
  });
  server.prependListener("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (stopping) response.setHeader("connection", "close");
    if (tls?.hsts !== undefined && isEncrypted(socket)) response.setHeader("strict-transport-security", tls.hsts);
    const connection = running.get(socket) ?? { requests: 0 };
    connection.requests++;
    response.on("close", () => {
      const left = --connection.requests;
      // Its reply may have begun before the end was asked for, and said that the connection is kept.
      if (stopping && left === 0 && !keepsIdle) socket.end();
      else if (left === 0) upgrades.get(socket)?.();
    });
  });
  if (sockets !== undefined || proxy !== undefined)
    server.on("upgrade", (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
      const socket = duplex as Socket;
      // Node has taken its own listener away; without one an error would end the process.
      const ignore = (error: Error): void => log.debug("a client left that had asked for an upgrade", faultFields(error));
      const serve = (): void => {
        upgrades.delete(socket);
        if (socket.destroyed) return;
        const isPassedOn = proxy?.takes(request) === true;
        if (stopping || !(isPassedOn || sockets?.takes(request) === true)) {
          serveWithoutUpgrade(server, request, socket, head);
          socket.off("error", ignore);
          return;
        }
        const leave = gate.enter();
        if (leave === undefined) {
          void refuseUpgrade(socket, plainResponse(busy()));
          return;
        }
        socket.once("close", leave);
        running.set(socket, { requests: 1 });
        if (isPassedOn) {
          proxy.upgrade(request, socket, head);
          return;
        }
        void sockets!
          .open(request, socket, head)
          .catch((error: unknown) => {
            log.error("a socket was not opened", faultFields(error));
            socket.destroy();
          })
          .finally(() => {
            // It is no connection for requests any more.
            running.delete(socket);
            socket.off("error", ignore);
          });
      };
      socket.on("error", ignore);
      if ((running.get(socket)?.requests ?? 0) === 0) serve();
      else upgrades.set(socket, serve);
    });
  const accepted = from === undefined ? undefined : new Accepted(server, from, tls, () => server.maxConnections);
  const url = from?.url ?? (await listenAt(server, port, host)).url;
  server.on("error", (error) => log.error("server socket", faultFields(error)));

  async function close(timeoutMs: number, idleMs = 0): Promise<void> {
    stopping = true;
    sockets?.drain();
    proxy?.drain();
    // That of http would end idle connections now.
    const closed = accepted?.close() ?? new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()));
    keepsIdle = idleMs > 0;
    if (keepsIdle) await Promise.race([closed, sleep(idleMs, undefined, { ref: false })]);
    keepsIdle = false;
    // Also those that have sent nothing, or no whole head of a request: Node takes them for busy ones.
    for (const [socket, { requests }] of running) if (requests === 0) socket.destroySoon();
    tls?.cut();
    const timer = setTimeout(() => {
      log.warn(`requests were still running after ${timeoutMs} ms; their connections are cut`);
      server.closeAllConnections();
      sockets?.cut();
      proxy?.cut();
      tls?.cut();
      for (const socket of running.keys()) socket.destroy();
    }, timeoutMs);
    await closed;
    clearTimeout(timer);
  }
  const counts = (): OpenCounts => ({
    connections: running.size + (tls?.shaking ?? 0),
    sockets: (sockets?.size() ?? 0) + (proxy?.size() ?? 0),
    streams: streams.size,
  });
  return { url, port: Number(new URL(url).port || (url.startsWith("https:") ? 443 : 80)), counts, setLimits, close };
}

/**
 * Serves a request whose upgrade is not taken, as servers may: as if it had not asked for it. Node hands over all such requests or none,
 * and clients ask for `h2c` with every kind of request; so its parser gets this one again, without the header.
 */
function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.toLowerCase() !== "upgrade") lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}

function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // The peer is gone, or a reply has begun: nothing can be said.
  if (
    error.code === "ECONNRESET" ||
    !socket.writable ||
    (socket as { _httpMessage?: { headersSent?: boolean } })._httpMessage?.headersSent
  ) {
    socket.destroy();
    return;
  }
  const reply = parserErrorReply(error.code);
  // The reply to HEAD has no body, whatever is wrong with the request.
  const isHead = (error as { rawPacket?: Buffer }).rawPacket?.subarray(0, 5).toString("latin1") === "HEAD ";
  socket.end(isHead ? reply.slice(0, reply.indexOf("\r\n\r\n") + 4) : reply);
}
