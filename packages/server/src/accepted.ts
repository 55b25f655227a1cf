// Connections that were accepted elsewhere, by another process or at several ports, for an HTTP server.

import type { Server } from "node:http";
import type { Socket } from "node:net";

import type { TlsEnd } from "./tls/tls-end.js";

export interface ConnectionSource {
  /** Where they are accepted. */
  readonly url: string;
  /** Calls `take` with each of them from now on; false: it is not taken here. */
  accept(take: (socket: Socket, isTls: boolean) => boolean): void;
  /** Accepts no more; absent where that is not for this process to say. */
  close?(): void;
}

export class Accepted {
  readonly #source: ConnectionSource;
  /** Also those that shake hands. */
  readonly #open = new Set<Socket>();
  #isClosing = false;
  #isClosed = false;
  #allClosed = (): void => undefined;

  constructor(server: Server, source: ConnectionSource, tls: TlsEnd | undefined, most: () => number) {
    this.#source = source;
    // With this Node begins to look after the times of its requests.
    server.emit("listening");
    source.accept((socket, isTls) => {
      if (this.#isClosed) return false;
      if (this.#open.size >= most()) {
        socket.destroy();
        return true;
      }
      this.#open.add(socket);
      socket.on("close", () => {
        this.#open.delete(socket);
        if (this.#isClosing && this.#open.size === 0) this.#end();
      });
      // What a server does with those that it accepts itself.
      socket.setNoDelay(true);
      if (isTls) tls!.open(socket, (secure) => void server.emit("connection", secure));
      else {
        server.emit("connection", socket);
        socket.resume();
      }
      return true;
    });
  }

  /** Accepts no more where that is for this process to say; resolves once none is open. From then on none is taken. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#source.close?.();
    return new Promise((resolve) => {
      this.#allClosed = resolve;
      if (this.#open.size === 0) this.#end();
    });
  }

  #end(): void {
    this.#isClosed = true;
    this.#allClosed();
  }
}
