import { type Clock, systemClock } from "@bk/core";

/** A clock whose time stands still until it is moved; its sleeps are real, so that retries go on. */
export interface MovableClock extends Clock {
  advance(ms: number): void;
}

export function movableClock(start: number): MovableClock {
  let time = start;
  return {
    ...systemClock,
    now: () => time,
    advance(ms) {
      time += ms;
    },
  };
}
