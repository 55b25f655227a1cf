// The process that keeps a store for others: it listens on a local socket and carries out what they ask.

import type { Server, Socket } from "node:net";
import { BkError, type ErrorCode, type ErrorDetail, type Outcome } from "./errors.js";
import { connectTo, frameSender, receiveFrames } from "./frames.js";
import { nodeModule } from "./node-module.js";

/** Who asks: a process that is connected, or the host itself. */
export interface SharedCaller {
  /** Another number for each connection. */
  readonly id: number;
  /** Sends a message that it did not ask for. */
  push(message: unknown): void;
}

/** What is kept for several processes. Bodies, replies and messages are plain data, as JSON has it. */
export interface SharedService {
  /**
   * Carries out one call.
   *
   * @param signal  aborts when the caller does not wait any more, or is gone
   */
  call(body: never, caller: SharedCaller, signal: AbortSignal): unknown;
  /** A caller is gone. */
  left?(caller: SharedCaller): void;
  /** The store ends. */
  close?(): void;
}

/** An error as it travels. */
export interface SentError {
  readonly code: ErrorCode;
  readonly outcome: Outcome;
  readonly message: string;
  readonly detail?: ErrorDetail | undefined;
}

export type ToHost = { readonly id: number; readonly body: unknown } | { readonly cancel: number };
export type FromHost =
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly error: SentError }
  | { readonly push: unknown };

/** How old the note of a process that takes over may be: an older one was left by a crash. */
const takeoverMs = 10_000;

export class SharedHost {
  readonly service: SharedService;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #lastCaller = 0;

  private constructor(server: Server, service: SharedService) {
    this.#server = server;
    this.service = service;
    server.on("connection", (socket) => this.#serve(socket));
  }

  /**
   * Listens on a path, if nobody does.
   *
   * @returns undefined when somebody does, or is about to
   */
  static async listen(path: string, service: () => SharedService): Promise<SharedHost | undefined> {
    const fs = nodeModule("node:fs");
    const note = `${path}.taken`;
    try {
      fs.mkdirSync(note);
    } catch {
      // Of several that find nobody, one takes over; the note of one that crashed is removed for the next attempt.
      removeOld(note);
      return undefined;
    }
    try {
      const other = await connectTo(path).catch(() => undefined);
      other?.destroy();
      if (other !== undefined) return undefined;
      // Left by a host that crashed.
      fs.rmSync(path, { force: true });
      const server = nodeModule("node:net").createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, resolve);
      });
      fs.chmodSync(path, 0o600);
      // The host keeps no process from ending.
      server.unref();
      return new SharedHost(server, service());
    } finally {
      fs.rmSync(note, { recursive: true, force: true });
    }
  }

  /** A caller of this process. */
  caller(push: (message: unknown) => void): SharedCaller {
    return { id: ++this.#lastCaller, push };
  }

  /** Ends the connections; the path goes away. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.service.close?.();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const send = frameSender(socket);
    const caller = this.caller((push) => send({ push } satisfies FromHost));
    const running = new Map<number, AbortController>();
    // What it means is told by "close".
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      for (const abort of running.values()) abort.abort();
      this.service.left?.(caller);
    });
    socket.unref();
    receiveFrames(socket, (message: ToHost) => {
      if ("cancel" in message) return running.get(message.cancel)?.abort();
      const { id, body } = message;
      const abort = new AbortController();
      const answer = (reply: FromHost): void => {
        running.delete(id);
        if (!socket.destroyed) send(reply);
      };
      try {
        const result = this.service.call(body as never, caller, abort.signal);
        if (!(result instanceof Promise)) return answer({ id, ok: result });
        running.set(id, abort);
        result.then(
          (ok: unknown) => answer({ id, ok }),
          (error: unknown) => answer({ id, error: sentError(error) }),
        );
      } catch (error) {
        answer({ id, error: sentError(error) });
      }
    });
  }
}

function removeOld(note: string): void {
  const fs = nodeModule("node:fs");
  const made = fs.statSync(note, { throwIfNoEntry: false })?.mtimeMs;
  if (made !== undefined && Date.now() - made > takeoverMs) fs.rmSync(note, { recursive: true, force: true });
}

function sentError(error: unknown): SentError {
  if (error instanceof BkError) {
    const { code, outcome, message, detail } = error;
    return { code, outcome, message, ...(detail === undefined ? {} : { detail }) };
  }
  return { code: "internal", outcome: "unknown", message: error instanceof Error ? error.message : String(error) };
}
