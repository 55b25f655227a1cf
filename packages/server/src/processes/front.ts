// The port of several processes: it is open as long as the primary runs, and connections go to them in turn.

import { createServer, type Socket } from "node:net";

import type { Log } from "@bk/core";

import { type Listening, listenAt, listenAtPath } from "./listen-at.js";
import type { Pool } from "./pool.js";

/** While no process serves, connections wait. */
const mostWaiting = 1000;
const patienceMs = 30_000;

export class Front {
  readonly #pool: Pool;
  readonly #server = createServer({ pauseOnConnect: true }, (socket) => void this.#hand(socket));
  readonly #waiting = new Map<Socket, NodeJS.Timeout>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async listen(port: number, host: string, log: Log): Promise<Listening> {
    const listening = await listenAt(this.#server, port, host);
    this.#server.on("error", (error) => log.error("server socket", { reason: error.message }));
    return listening;
  }

  /** Listens at a socket of this machine. */
  listenAtPath(path: string): Promise<void> {
    return listenAtPath(this.#server, path);
  }

  async #hand(socket: Socket): Promise<void> {
    // A client that leaves meanwhile is no fault of the primary's.
    socket.on("error", () => undefined);
    for (let child = this.#pool.next(); child !== undefined && !socket.destroyed; child = this.#pool.next())
      if (await child.give(socket)) return;
    if (socket.destroyed) return;
    if (this.#waiting.size >= mostWaiting) {
      socket.destroy();
      return;
    }
    this.#waiting.set(
      socket,
      setTimeout(() => this.#forget(socket), patienceMs),
    );
    socket.once("close", () => this.#forget(socket));
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#waiting.get(socket));
    this.#waiting.delete(socket);
    socket.destroy();
  }

  /** A process serves again: those that wait go to it. */
  ready(): void {
    for (const [socket, timer] of this.#waiting) {
      clearTimeout(timer);
      this.#waiting.delete(socket);
      void this.#hand(socket);
    }
  }

  /** Takes no more connections. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.keys()) this.#forget(socket);
  }
}
