// The app on a socket: Node's server with its limits, errors of its parser as JSON, and an end that loses nothing.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

import { BkError, type Log } from "@bk/core";
import { getRequestListener, RequestError } from "@hono/node-server";

import { faultFields } from "./fault-fields.js";
import type { WebSockets } from "./sockets/web-sockets.js";
import type { Fetch } from "./request/fetch.js";
import { badRequest, parserErrorReply, plainResponse } from "./error-response.js";

export interface ListenOptions {
  /** Default 8000; 0 takes a free one. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined;
}

export interface SocketLimits {
  /** Longest time in which a whole request arrives. */
  readonly requestTimeoutMs: number;
  /** Longest time in which the headers arrive. */
  readonly headersTimeoutMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** Connections beyond this are closed at once. */
  readonly maxConnections: number;
}

export interface Listener {
  readonly url: string;
  readonly port: number;
  setLimits(limits: SocketLimits): void;
  /** Takes no new requests, waits for the running ones, at most `timeoutMs`; then cuts what is left. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * @param sockets  serves upgrades to WebSockets; without it an Upgrade header is not looked at
 * @throws BkError `unavailable`, naming the port, when it is taken or may not be used
 */
export async function listen(
  fetch: Fetch,
  { port = 8000, host = "127.0.0.1" }: ListenOptions,
  limits: SocketLimits,
  log: Log,
  sockets?: WebSockets,
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
  const answer = getRequestListener(fetch as (request: Request) => Response | Promise<Response>, { errorHandler });
  const server = createServer(settings, (request, response) => void answer(request, response));
  const setLimits = ({ requestTimeoutMs, headersTimeoutMs, keepAliveMs, maxConnections }: SocketLimits): void => {
    server.requestTimeout = requestTimeoutMs;
    server.headersTimeout = Math.min(headersTimeoutMs, requestTimeoutMs);
    server.keepAliveTimeout = keepAliveMs;
    server.maxConnections = maxConnections;
  };
  setLimits(limits);
  server.on("clientError", answerClientError);
  let stopping = false;
  /** Requests in progress of each open connection. */
  const running = new Map<Socket, number>();
  /** Upgrades that were sent before earlier requests of their connection are answered. */
  const upgrades = new Map<Socket, () => void>();
  server.on("connection", (socket: Socket) => {
    // It is an old one, which asked for another protocol.
    if (running.has(socket)) return;
    running.set(socket, 0);
    socket.once("close", () => {
      running.delete(socket);
      upgrades.delete(socket);
    });
  });
  server.prependListener("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (stopping) response.setHeader("connection", "close");
    running.set(socket, (running.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const left = (running.get(socket) ?? 1) - 1;
      if (running.has(socket)) running.set(socket, left);
      // Its reply may have begun before the end was asked for.
      if (stopping && left === 0) socket.end();
      else if (left === 0) upgrades.get(socket)?.();
    });
  });
  if (sockets !== undefined)
    server.on("upgrade", (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
      const socket = duplex as Socket;
      // Node has taken its own listener away; without one an error would end the process.
      const ignore = (error: Error): void => log.debug("a client left that had asked for an upgrade", faultFields(error));
      const serve = (): void => {
        upgrades.delete(socket);
        if (socket.destroyed) return;
        if (stopping || !sockets.takes(request)) {
          serveWithoutUpgrade(server, request, socket, head);
          socket.off("error", ignore);
          return;
        }
        running.set(socket, 1);
        void sockets
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
      if ((running.get(socket) ?? 0) === 0) serve();
      else upgrades.set(socket, serve);
    });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port, host)));
    server.listen(port, host, resolve);
  });
  server.on("error", (error) => log.error("server socket", faultFields(error)));
  const address = server.address() as AddressInfo;
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;

  async function close(timeoutMs: number): Promise<void> {
    stopping = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // Also those that have sent nothing, or no whole head of a request: Node takes them for busy ones.
    for (const [socket, requests] of running) if (requests === 0) socket.destroy();
    sockets?.drain();
    const timer = setTimeout(() => {
      log.warn(`requests were still running after ${timeoutMs} ms; their connections are cut`);
      server.closeAllConnections();
      sockets?.cut();
      for (const socket of running.keys()) socket.destroy();
    }, timeoutMs);
    await closed;
    clearTimeout(timer);
  }
  return { url: `http://${shown}:${address.port}`, port: address.port, setLimits, close };
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

function listenError(error: NodeJS.ErrnoException, port: number, host: string): BkError {
  const why =
    error.code === "EADDRINUSE"
      ? `port ${port} of ${host} is in use: is another bk-server running? Choose another one with --port`
      : error.code === "EACCES"
        ? `port ${port} of ${host} needs rights that this user has not; choose one above 1023 with --port`
        : `cannot listen on port ${port} of ${host} (${error.code ?? error.message})`;
  return new BkError("unavailable", why, { cause: error });
}
