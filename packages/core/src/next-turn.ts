// Giving other work of this process its turn, by what the runtime has.

import type { Clock } from "./clock.js";

/** How long work may hold the loop before other work has its turn, in milliseconds. */
const holdMs = 10;

/** Resolves when timers and connections have had their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (globalThis.setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}

/**
 * Makes a function for long work that calls it between its steps: when 10 ms have passed since other work had its turn, it
 * gives a promise to wait for; else nothing, at the price of reading the clock.
 */
export function turnGiver(clock: Pick<Clock, "now">): () => Promise<void> | undefined {
  let since = clock.now();
  const goOn = (): void => {
    since = clock.now();
  };
  return () => (clock.now() - since < holdMs ? undefined : nextTurn().then(goOn));
}
