import { cancelledError } from "@bk/core";

/** A lock whose holders take turns in the order in which they asked. */
export interface Turns {
  /** Somebody holds it, or waits for it. Where it is free, a synchronous step needs no turn. */
  readonly taken: boolean;
  /**
   * Waits for a turn.
   *
   * @returns ends the turn; call it once
   * @throws BkError `cancelled` when the signal aborts first
   */
  take(signal?: AbortSignal): Promise<() => void>;
}

/** Gives a lock that nobody holds. */
export function turns(): Turns {
  const waiting: (() => void)[] = [];
  let taken = false;

  // The next one holds it from now on, so that nobody who comes later slips in between.
  function end(): void {
    const next = waiting.shift();
    if (next) next();
    else taken = false;
  }

  return {
    get taken() {
      return taken;
    },
    async take(signal) {
      if (signal?.aborted) throw cancelledError(signal);
      if (!taken) {
        taken = true;
        return end;
      }
      await new Promise<void>((resolve, reject) => {
        const go = (): void => {
          signal?.removeEventListener("abort", stop);
          resolve();
        };
        const stop = (): void => {
          waiting.splice(waiting.indexOf(go), 1);
          reject(cancelledError(signal!));
        };
        waiting.push(go);
        signal?.addEventListener("abort", stop, { once: true });
      });
      return end;
    },
  };
}
