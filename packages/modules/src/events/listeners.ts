// Those who wait for events on this server: one subscription to the bus for each account, however many wait for it.

import { BkError, type Log } from "@bk/core";

import { codeOf } from "../common/failures.js";
import type { AccountEvents, ToldEvent } from "./account-events.js";

/** Somebody who waits. */
export interface EventListener {
  take(event: ToldEvent): void;
  /** Nothing comes any more: the server stops, or has missed something that is found again by coming back. */
  end(): void;
}

interface Shared {
  readonly listeners: Set<EventListener>;
  /** Resolves once events arrive. */
  readonly ready: Promise<{ close(): Promise<void> }>;
}

export interface Listeners {
  /**
   * Adds a listener; resolves once events arrive. When the server stops it is ended at once: it comes back as those do that were there before.
   *
   * @returns  removes it
   * @throws BkError `limited` when the account has as many as it may
   */
  add(id: string, listener: EventListener): Promise<() => void>;
  /** Ends all of them, and takes no more. */
  end(): void;
}

export function eventListeners(events: AccountEvents, mostOfAccount: number, log: Log): Listeners {
  const accounts = new Map<string, Shared>();
  let isOver = false;

  function open(id: string): Shared {
    const listeners = new Set<EventListener>();
    const ready = events.subscribe(
      id,
      (event) => {
        for (const listener of listeners) listener.take(event);
      },
      // They come back, and go on where they were.
      () => endAll(listeners),
    );
    const shared = { listeners, ready };
    accounts.set(id, shared);
    return shared;
  }

  function remove(id: string, shared: Shared, listener: EventListener): void {
    if (!shared.listeners.delete(listener) || shared.listeners.size > 0) return;
    if (accounts.get(id) === shared) accounts.delete(id);
    shared.ready
      .then((subscription) => subscription.close())
      .catch((error: unknown) => log.debug("a subscription did not end cleanly", { code: codeOf(error) }));
  }

  return {
    async add(id, listener) {
      if (isOver) {
        listener.end();
        return () => undefined;
      }
      const shared = accounts.get(id) ?? open(id);
      if (shared.listeners.size >= mostOfAccount)
        throw new BkError("limited", `this account listens ${mostOfAccount} times already`, { detail: { retryAfterMs: 5_000 } });
      shared.listeners.add(listener);
      try {
        await shared.ready;
      } catch (error) {
        remove(id, shared, listener);
        throw error;
      }
      return () => remove(id, shared, listener);
    },
    end() {
      isOver = true;
      for (const { listeners } of accounts.values()) endAll(listeners);
    },
  };
}

/** Those that end are removed meanwhile. */
function endAll(listeners: ReadonlySet<EventListener>): void {
  for (const listener of listeners) listener.end();
}
