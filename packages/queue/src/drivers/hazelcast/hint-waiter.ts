// Waiting for messages: one request of this process waits at the queue of hints for all takes that wait.

import type { Clock } from "@bk/core";
import { onAbort } from "@bk/core";

/** The longest wait of one request. */
const longestPollMs = 5000;
/** The pause after a request that failed. */
const restMs = 500;

export interface HintSource {
  /** Waits for a hint; null when none came. */
  poll(ms: number): Promise<string | null>;
  /** Puts a hint back that nobody here wants. */
  giveBack(hint: string): Promise<unknown>;
}

export class HintWaiter {
  readonly #source: HintSource;
  readonly #clock: Clock;
  readonly #waiting = new Set<(hint: string | undefined) => void>();
  #isRunning = false;
  #isClosed = false;

  constructor(source: HintSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Resolves with a hint that came, or with nothing when `ms` have passed, something may be due, or the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      if (signal.aborted || this.#isClosed) return resolve(undefined);
      const over = new AbortController();
      const end = (hint: string | undefined): void => {
        if (!this.#waiting.delete(end)) return;
        stopListening();
        over.abort();
        resolve(hint);
      };
      this.#waiting.add(end);
      const stopListening = onAbort(signal, () => end(undefined));
      // It ends early when something happens before.
      this.#clock.sleep(ms, over.signal).then(
        () => end(undefined),
        () => undefined,
      );
      void this.#run();
    });
  }

  /** Something is due sooner than those who wait know. */
  wake(): void {
    for (const end of this.#waiting) end(undefined);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#waiting.size > 0 && !this.#isClosed) {
      try {
        const hint = await this.#source.poll(longestPollMs);
        const [first] = this.#waiting;
        if (hint === null) continue;
        if (first !== undefined) first(hint);
        else await this.#source.giveBack(hint);
      } catch {
        // The connection is away: takes tell of it themselves. A hint that was lost is found out.
        if (!this.#isClosed) await new Promise((resolve) => setTimeout(resolve, restMs));
      }
    }
    this.#isRunning = false;
  }

  close(): void {
    this.#isClosed = true;
    this.wake();
  }
}
