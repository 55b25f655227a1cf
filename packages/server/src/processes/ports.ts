// Where a server listens: at one port, or at one with TLS and one without.

import { createServer, type Server, type Socket } from "node:net";

import type { Log } from "@bk/core";

import type { ConnectionSource } from "../accepted.js";
import { type Listening, listenAt, listenAtPath } from "./listen-at.js";

export interface Place {
  readonly port: number;
  readonly host: string;
  readonly isTls: boolean;
}

/** Where it is reached; with TLS and without, `plainUrl` is the one without. */
export interface Places extends Listening {
  readonly plainUrl?: string | undefined;
}

export class Ports {
  readonly #take: (socket: Socket, isTls: boolean) => void;
  readonly #servers: Server[] = [];

  /** @param take  gets each connection; nothing is read of it */
  constructor(take: (socket: Socket, isTls: boolean) => void) {
    this.#take = take;
  }

  /**
   * Listens at all of the places, or at none.
   *
   * @throws BkError `unavailable`, naming the port, when it is taken or may not be used
   */
  async listen(places: readonly Place[], log: Log): Promise<Places> {
    const urls: string[] = [];
    try {
      for (const { port, host, isTls } of places) {
        const server = this.#server(isTls);
        const { url } = await listenAt(server, port, host, isTls ? "tls-port" : "port");
        this.#watch(server, log);
        urls.push(isTls ? url.replace("http:", "https:") : url);
      }
    } catch (error) {
      this.close();
      throw error;
    }
    const [url, plainUrl] = urls;
    return { url: url!, plainUrl };
  }

  /** Listens at a socket of this machine. */
  async listenAtPath(path: string, log: Log): Promise<void> {
    const server = this.#server(false);
    await listenAtPath(server, path);
    this.#watch(server, log);
  }

  #watch(server: Server, log: Log): void {
    server.on("error", (error) => log.error("server socket", { reason: error.message }));
  }

  #server(isTls: boolean): Server {
    const server = createServer({ pauseOnConnect: true }, (socket) => this.#take(socket, isTls));
    this.#servers.push(server);
    return server;
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }
}

/** Opens ports; what comes there goes to whoever asks for it. */
export async function openPorts(places: readonly Place[], log: Log): Promise<ConnectionSource & Places> {
  let take = (_socket: Socket, _isTls: boolean): boolean => false;
  const ports = new Ports((socket, isTls) => {
    if (!take(socket, isTls)) socket.destroy();
  });
  const at = await ports.listen(places, log);
  return { ...at, accept: (taking) => void (take = taking), close: () => ports.close() };
}
