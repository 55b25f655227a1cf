// What happens to the connection of a client, told to whoever asks.

import { type Log, silentLog } from "./log.js";

/**
 * - `connect`, `reconnect`: the connection stands for the first time, or again;
 * - `ready`: calls are sent at once; it comes with each of these two;
 * - `disconnect`: it is lost; `error` says why, where that is known;
 * - `error`: an attempt to connect failed, by `error`; it is tried again when it is needed;
 * - `close`: the client was closed, and is not used again.
 */
export const clientEventNames = ["connect", "reconnect", "ready", "disconnect", "error", "close"] as const;
export type ClientEventName = (typeof clientEventNames)[number];

export interface ClientEvent {
  readonly error?: unknown;
}

/** What clients tell of their connection. A driver calls what happened; each event is told once, however often it is called. */
export class ClientEvents {
  readonly #listeners = new Map<ClientEventName, Set<(event: ClientEvent) => void>>();
  readonly #log: Log;
  #state: "new" | "connected" | "lost" | "closed" = "new";

  constructor(log: Log = silentLog) {
    this.#log = log;
  }

  /** @returns stops listening */
  on(name: ClientEventName, listener: (event: ClientEvent) => void): () => void {
    const own = this.#listeners.get(name) ?? new Set();
    // A function of its own: one that listens twice is called twice.
    const entry = (event: ClientEvent): void => listener(event);
    this.#listeners.set(name, own.add(entry));
    return () => void own.delete(entry);
  }

  /** The connection stands. */
  connected(): void {
    if (this.#state === "connected" || this.#state === "closed") return;
    const name = this.#state === "new" ? "connect" : "reconnect";
    this.#state = "connected";
    this.#emit(name, {});
    this.#emit("ready", {});
  }

  /** The connection is lost; or, where there was none, an attempt to make it failed. */
  lost(error?: unknown): void {
    const event = error === undefined ? {} : { error };
    if (this.#state === "connected") {
      this.#state = "lost";
      this.#emit("disconnect", event);
    } else if (this.#state !== "closed" && error !== undefined) this.#emit("error", event);
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#emit("close", {});
  }

  #emit(name: ClientEventName, event: ClientEvent): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error(`a listener of "${name}" failed`, { error });
      }
    }
  }
}
