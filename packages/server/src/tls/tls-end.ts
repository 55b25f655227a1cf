// The end of TLS: takes connections that were accepted elsewhere, and gives them on once they are secure.

import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";

import type { Log } from "@bk/core";

import { type TlsMaterial, tlsOptions } from "./material.js";

/** Clients may not shake hands again and again on one connection. */
const always = { secureOptions: constants.SSL_OP_NO_RENEGOTIATION, ALPNProtocols: ["http/1.1"] };

export interface TlsEndOptions {
  /** Longest time of a handshake. */
  readonly handshakeMs: number;
  /** What Strict-Transport-Security says; 0: nothing. */
  readonly hstsMs: number;
  readonly log: Log;
}

export class TlsEnd {
  /** Replies over TLS have this header. */
  readonly hsts: string | undefined;
  readonly #server: Server;
  /** Those whose handshake is not over, and who wants them. */
  readonly #shaking = new Map<Socket, (socket: TLSSocket) => void>();

  constructor(material: TlsMaterial, { handshakeMs, hstsMs, log }: TlsEndOptions) {
    this.hsts = hstsMs === 0 ? undefined : `max-age=${Math.floor(hstsMs / 1000)}`;
    const isOptional = material.clientCert === "request";
    const refuse = (reason: unknown, socket: TLSSocket): void => {
      log.debug("a client did not come to speak TLS", { address: socket.remoteAddress, reason });
      socket.destroy();
    };
    // It never listens: connections are put into it.
    this.#server = createServer({ ...tlsOptions(material), ...always, handshakeTimeout: handshakeMs });
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => refuse(error.code ?? error.message, socket));
    this.#server.on("secureConnection", (socket) => {
      const raw = (socket as TLSSocket & { readonly _parent: Socket })._parent;
      const take = this.#shaking.get(raw);
      this.#shaking.delete(raw);
      if (isOptional && !socket.authorized && socket.getPeerX509Certificate() !== undefined)
        return refuse(socket.authorizationError, socket);
      return take?.(socket);
    });
  }

  /** How many handshakes are going on. */
  get shaking(): number {
    return this.#shaking.size;
  }

  /** Shakes hands, and gives the connection to `take` when that succeeds. */
  open(raw: Socket, take: (socket: TLSSocket) => void): void {
    this.#shaking.set(raw, take);
    raw.once("close", () => this.#shaking.delete(raw));
    this.#server.emit("connection", raw);
  }

  /** New connections are spoken to with this; those that are open stay as they are. */
  set(material: TlsMaterial): void {
    this.#server.setSecureContext({ ...tlsOptions(material), ...always });
  }

  /** Cuts those whose handshake is not over. */
  cut(): void {
    for (const raw of this.#shaking.keys()) raw.destroy();
  }
}
