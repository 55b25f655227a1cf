// The ports of several processes: they are open as long as the primary runs, and connections go to them in turn.

import type { Socket } from "node:net";

import type { Pool } from "./pool.js";
import { Ports } from "./ports.js";

/** While no process serves, connections wait. */
const mostWaiting = 1000;
const patienceMs = 30_000;

export class Front {
  readonly pool: Pool;
  readonly ports = new Ports((socket, isTls) => {
    // A client that leaves meanwhile is no fault of the primary's.
    socket.on("error", () => undefined);
    socket.once("close", () => this.#forget(socket));
    void this.#hand(socket, isTls);
  });
  readonly #waiting = new Map<Socket, { readonly isTls: boolean; readonly timer: NodeJS.Timeout }>();
  #isClosed = false;

  constructor(pool: Pool) {
    this.pool = pool;
  }

  async #hand(socket: Socket, isTls: boolean): Promise<void> {
    for (let child = this.pool.next(); child !== undefined && !socket.destroyed; child = this.pool.next())
      if (await child.give(socket, isTls)) return;
    if (socket.destroyed) return;
    if (this.#isClosed || this.#waiting.size >= mostWaiting) {
      socket.destroy();
      return;
    }
    this.#waiting.set(socket, { isTls, timer: setTimeout(() => this.#forget(socket), patienceMs) });
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#waiting.get(socket)?.timer);
    this.#waiting.delete(socket);
    socket.destroy();
  }

  /** A process serves again: those that wait go to it. */
  ready(): void {
    for (const [socket, { isTls, timer }] of this.#waiting) {
      clearTimeout(timer);
      this.#waiting.delete(socket);
      void this.#hand(socket, isTls);
    }
  }

  /** Takes no more connections. */
  close(): void {
    this.#isClosed = true;
    this.ports.close();
    for (const socket of this.#waiting.keys()) this.#forget(socket);
  }
}
