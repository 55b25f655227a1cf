// Events of accounts: what one account does that concerns another, told to whoever listens for that account, on any server.

import { BkError, type Log } from "@bk/core";

/** What happened: where, when, and what the receiver should know of it. */
export interface AccountEvent {
  /** The endpoint that caused it, such as `/message/add`. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  readonly [property: string]: unknown;
}

/** What is used of a bus: a `PubSub` of @bk/queue has it. */
export interface BusLike {
  publish(channel: string, message: unknown): Promise<void>;
  subscribe(channel: string, handler: (message: unknown) => void): Promise<{ close(): Promise<void> }>;
}

export interface AccountEvents {
  /**
   * Tells an account of an event. It never fails: what was done is done, whether or not somebody can be told of it; a bus that is
   * away is logged.
   */
  publish(id: string, event: AccountEvent): Promise<void>;
  /** Hands over every event of an account from now on. */
  subscribe(id: string, handler: (event: AccountEvent) => void): Promise<{ close(): Promise<void> }>;
}

/** The channel of an account. Ids hold letters, digits, `_` and `-`; another one would name another channel. */
function channelOf(id: string): string {
  if (!/^[\w-]{1,100}$/.test(id))
    throw new BkError("invalid", "an account's id holds letters, digits, _ and - alone", { detail: { field: "id" } });
  return `bk.account.${id}`;
}

/** Events over a bus. */
export function accountEvents(bus: BusLike, log: Log): AccountEvents {
  return {
    async publish(id, event) {
      try {
        await bus.publish(channelOf(id), event);
      } catch (error) {
        log.warn("an event could not be told", { path: event.path, code: error instanceof BkError ? error.code : "internal" });
      }
    },
    subscribe: async (id, handler) => bus.subscribe(channelOf(id), (message) => handler(message as AccountEvent)),
  };
}
