import { BkError } from "@bk/core";

/**
 * Lets so many pieces of work run at a time; others wait for their turn.
 *
 * @param mostWaiting  further ones are refused
 * @param refusal  what they are told
 * @throws BkError `limited`, from what it gives
 */
export function turnsOf(most: number, mostWaiting: number, refusal: string): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) {
      if (waiting.length >= mostWaiting) throw new BkError("limited", refusal, { detail: { retryAfterMs: 1000 } });
      await new Promise<void>((resolve) => waiting.push(resolve));
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
