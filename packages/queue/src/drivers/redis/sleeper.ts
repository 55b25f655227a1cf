// Waiting for messages: one connection of its own blocks on the queue's token for all takes of this driver that wait.

import { onAbort } from "@bk/core";

import type { RedisCommands } from "./connection.js";

/** The longest wait of one command, in seconds: a token that was lost with its consumer costs this much. */
const longestBlock = 5;
/** The pause after a command that failed. */
const restMs = 500;

export class Sleeper {
  readonly #blocking: RedisCommands;
  readonly #key: string;
  /** Puts a token back that nobody here wants. */
  readonly #giveBack: () => Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #isRunning = false;
  #isClosed = false;

  constructor(blocking: RedisCommands, key: string, giveBack: () => Promise<unknown>) {
    this.#blocking = blocking;
    this.#key = key;
    this.#giveBack = giveBack;
  }

  /** Resolves when there may be messages, when `ms` have passed, or when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || this.#isClosed) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        stopListening();
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      const stopListening = onAbort(signal, end);
      this.#waiting.add(end);
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#waiting.size > 0 && !this.#isClosed) {
      try {
        await this.#blocking.ready();
        const token = await this.#blocking.client.blpop(this.#key, longestBlock);
        const [first] = this.#waiting;
        if (token === null) continue;
        if (first !== undefined) first();
        else await this.#giveBack();
      } catch {
        // The connection is away; takes poll meanwhile, and their errors are told.
        if (!this.#isClosed) await new Promise((resolve) => setTimeout(resolve, restMs));
      }
    }
    this.#isRunning = false;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#waiting) end();
    // It is in the middle of a command that waits: there is nothing to wait for.
    this.#blocking.client.disconnect();
    await this.#blocking.close();
  }
}
