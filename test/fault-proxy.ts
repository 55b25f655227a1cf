import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * What the proxy does with what passes through:
 *
 * - `pass`: nothing.
 * - `refuse`: new connections are refused, as if no server were there; those that exist go on.
 * - `hang`: requests arrive, replies are swallowed. A connection that lost bytes so never gets any again.
 * - `cut-after-request`: of each connection that sends something from now on, both ends are cut when the reply begins
 *   to come back; the server has the request, the client gets nothing.
 * - `delayMs`: replies arrive that many milliseconds later.
 */
export type FaultMode = "pass" | "refuse" | "hang" | "cut-after-request" | { readonly delayMs: number };

/** A TCP proxy that misbehaves when told to. It begins with `pass`. */
export interface FaultProxy {
  readonly port: number;
  /** The same URL with the proxy's address. */
  url(originalUrl: string): string;
  /** Changes the mode of all connections, those that exist too. Settles when the next connection will meet it. */
  mode(mode: FaultMode): Promise<void>;
  /** Cuts all connections at once. */
  cutAll(): void;
  close(): Promise<void>;
}

interface Connection {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Whether the client has sent anything since the mode was set. */
  requested: boolean;
  swallowing: boolean;
}

/**
 * Opens a proxy on a free port of 127.0.0.1.
 *
 * @param target  port on 127.0.0.1, or a URL with host and port
 * @throws Error  when the URL names no port
 */
export async function openFaultProxy(target: string | number): Promise<FaultProxy> {
  const { host, port: targetPort } = addressOf(target);
  const connections = new Set<Connection>();
  let mode: FaultMode = "pass";
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ host, port: targetPort, allowHalfOpen: true, noDelay: true });
    const connection: Connection = { client, upstream, requested: false, swallowing: false };
    connections.add(connection);
    upstream.once("close", () => connections.delete(connection));
    for (const socket of [client, upstream]) socket.on("error", () => cut(connection));
    void settle(connection, forwardRequests(connection));
    void settle(
      connection,
      forwardReplies(connection, () => mode),
    );
  });
  const listen = (at: number): Promise<unknown> => once(server.listen(at, "127.0.0.1"), "listening");
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const { port } = address;

  return {
    port,
    url(originalUrl) {
      const url = new URL(originalUrl);
      url.hostname = "127.0.0.1";
      url.port = String(port);
      return url.href;
    },
    async mode(next) {
      mode = next;
      for (const connection of connections) connection.requested = false;
      if (next === "refuse") server.close();
      else if (!server.listening) await listen(port);
    },
    cutAll: () => connections.forEach(cut),
    async close() {
      const closed = server.listening ? once(server, "close") : undefined;
      server.close();
      connections.forEach(cut);
      await closed;
    },
  };
}

async function forwardRequests(connection: Connection): Promise<void> {
  for await (const chunk of connection.client as AsyncIterable<Buffer>) {
    connection.requested = true;
    await write(connection.upstream, chunk);
  }
  connection.upstream.end();
}

async function forwardReplies(connection: Connection, modeNow: () => FaultMode): Promise<void> {
  for await (const chunk of connection.upstream as AsyncIterable<Buffer>) {
    const mode = modeNow();
    if (mode === "hang") connection.swallowing = true;
    if (connection.swallowing) continue;
    if (mode === "cut-after-request" && connection.requested) return cut(connection);
    if (typeof mode === "object") await sleep(mode.delayMs);
    await write(connection.client, chunk);
  }
  if (!connection.swallowing) connection.client.end();
}

async function write(socket: Socket, chunk: Buffer): Promise<void> {
  if (!socket.write(chunk)) await once(socket, "drain");
}

/** A socket that fails or is cut ends its loop with an error, and the other side has to follow it. */
async function settle(connection: Connection, loop: Promise<void>): Promise<void> {
  try {
    await loop;
  } catch {
    cut(connection);
  }
}

function cut({ client, upstream }: Connection): void {
  client.resetAndDestroy();
  upstream.destroy();
}

function addressOf(target: string | number): { host: string; port: number } {
  if (typeof target === "number") return { host: "127.0.0.1", port: target };
  const { hostname, port, protocol } = new URL(target);
  if (port === "") throw new Error(`the ${protocol} URL for the fault proxy names no port`);
  return { host: hostname, port: Number(port) };
}
