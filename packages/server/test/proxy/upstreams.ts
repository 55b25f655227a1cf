// Servers to pass requests on to, a server that does, and clients that see bytes, for the tests of proxies.

import { createServer as createHttpServer, type IncomingHttpHeaders, request, type RequestListener, type Server } from "node:http";
import { request as requestTls, type RequestOptions } from "node:https";
import { type AddressInfo, connect, createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";

import { startServer } from "../start-server.js";
import type { ServerOptions } from "../../src/index.js";

export interface TestUpstream extends AsyncDisposable {
  readonly url: string;
  readonly server: Server;
}

/** An HTTP server on a free port, or at a place. */
export async function upstream(
  listener: RequestListener,
  place: { readonly port?: number; readonly path?: string } = {},
): Promise<TestUpstream> {
  const server = createHttpServer(listener);
  // Also those that are upgraded, which Node forgets.
  const open = new Set<Socket>();
  server.on("connection", (socket) => void open.add(socket));
  await new Promise<void>((resolve) => {
    if (place.path === undefined) server.listen(place.port ?? 0, "127.0.0.1", resolve);
    else server.listen(place.path, resolve);
  });
  const url = place.path === undefined ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${place.path}`;
  return { url, server, [Symbol.asyncDispose]: () => closed(server, open) };
}

/** One that answers with bytes. */
export async function rawUpstream(take: (socket: Socket) => void): Promise<{ readonly url: string } & AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createNetServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    take(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const dispose = (): Promise<void> => closed(server, open);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: dispose };
}

function closed(server: NetServer, open: ReadonlySet<Socket>): Promise<void> {
  for (const socket of open) socket.destroy();
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  await using server = await upstream(() => undefined);
  return Number(new URL(server.url).port);
}

export interface ProxyServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly logged: string[];
  close(): Promise<void>;
}

export async function proxyServer(proxy: ServerOptions["proxy"], options: Partial<ServerOptions> = {}): Promise<ProxyServer> {
  const { server, logged } = await startServer({ tables: {}, ...(proxy === undefined ? {} : { proxy }), ...options });
  const { url, port } = await server.listen({ port: 0 });
  return { url, port, logged, close: () => server.close(), [Symbol.asyncDispose]: () => server.close() };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly text: string;
  /** It was cut before its end. */
  readonly isCut: boolean;
}

/** A request with headers as they are given. */
export function ask(url: string, options: RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = (url.startsWith("https:") ? requestTls : request)(url, options, (reply) => {
      let text = "";
      reply.on("data", (chunk: Buffer) => (text += chunk.toString()));
      reply.on("error", () => undefined);
      reply.once("close", () =>
        resolve({ status: reply.statusCode!, headers: reply.headers, rawHeaders: reply.rawHeaders, text, isCut: !reply.complete }),
      );
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

/** Sends bytes, and gives all that comes until the other side ends. */
export function askRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.once("error", reject);
    socket.once("close", () => resolve(text));
    socket.write(bytes, "latin1");
  });
}

/** What a promise resolves with that is resolved from outside. */
export function signal<T = void>(): { readonly told: Promise<T>; tell(value: T): void } {
  let tell!: (value: T) => void;
  const told = new Promise<T>((resolve) => (tell = resolve));
  return { told, tell };
}
