import { BkError, cancelledError, onAbort } from "@bk/core";

/**
 * Lets so many pieces of work run at a time; others wait for their turn.
 *
 * @param mostWaiting  further ones are refused
 * @param refusal  what they are told
 * @throws BkError from what it gives: `limited`; `cancelled` when the signal aborts before it is its turn
 */
export function turnsOf(
  most: number,
  mostWaiting: number,
  refusal: string,
): <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;

  const turn = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = (): void => (stopListening?.(), resolve());
      const stopListening =
        signal === undefined
          ? undefined
          : onAbort(signal, () => {
              waiting.splice(waiting.indexOf(begin), 1);
              reject(cancelledError(signal));
            });
      waiting.push(begin);
    });

  return async (work, signal) => {
    if (signal?.aborted) throw cancelledError(signal);
    if (running >= most) {
      if (waiting.length >= mostWaiting) throw new BkError("limited", refusal, { detail: { retryAfterMs: 1000 } });
      await turn(signal);
    } else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
