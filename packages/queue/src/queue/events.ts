// What happens to the messages that this queue object consumes, told to whoever asks.

import type { ClientEvent, ClientEventName, Log } from "@bk/core";

/** Beside what is listed here, what happens to the connection: `connect`, `reconnect`, `ready`, `disconnect` and `close`. */
export interface QueueEvents extends Readonly<Record<Exclude<ClientEventName, "error">, ClientEvent>> {
  /** A handler succeeded and its message was removed. */
  readonly done: { readonly id: string; readonly attempt: number; readonly elapsedMs: number };
  /** A handler failed; its message comes back in `retryInMs`. */
  readonly failed: {
    readonly id: string;
    readonly attempt: number;
    readonly elapsedMs: number;
    readonly error: unknown;
    readonly retryInMs: number;
  };
  /** A message is not tried any more: it is among the dead ones, or was removed where the engine keeps none. */
  readonly dead: { readonly id: string; readonly attempt: number; readonly error: unknown };
  /** A message was removed without success: its `endTime` had passed (`expired`), or its handler's error meant so (`dropped`). */
  readonly dropped: { readonly id: string; readonly reason: "expired" | "dropped"; readonly error?: unknown };
  /** A message was taken away while its handler ran: its visibility timeout ended before it could be renewed. It may run elsewhere. */
  readonly lost: { readonly id: string; readonly attempt: number };
  /** A handler went on past its time limit and grace; its place stays taken until it ends. */
  readonly stuck: { readonly id: string; readonly attempt: number };
  /** What a handler said of its progress. */
  readonly progress: { readonly id: string; readonly value: unknown };
  /** At least as many messages wait as `alarm` of a listener says. */
  readonly long: { readonly waiting: number };
  /** Messages could not be taken or settled, or there is no connection; it is tried again. */
  readonly error: { readonly error: unknown };
}

export type EventName = keyof QueueEvents;
export type EventListener<Name extends EventName> = (event: QueueEvents[Name]) => void;

export class Events {
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @returns stops listening */
  on<Name extends EventName>(name: Name, listener: EventListener<Name>): () => void {
    const own = this.#listeners.get(name) ?? new Set();
    // A function of its own: one that listens twice is called twice.
    const entry = (event: QueueEvents[Name]): void => listener(event);
    own.add(entry);
    this.#listeners.set(name, own);
    return () => void own.delete(entry);
  }

  has(name: EventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends EventName>(name: Name, event: QueueEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as EventListener<Name>)(event);
      } catch (error) {
        this.#log.error(`a listener of "${name}" failed`, { error });
      }
    }
  }
}
