// Time and randomness come from here, so that tests can set them.
import { BkError } from "./errors.js";

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Resolves after `ms` milliseconds; at once when `ms` is 0 or less.
   *
   * @throws BkError `cancelled` when `signal` aborts first, with the signal's reason as cause
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A number from 0 up to, not including, 1. Not for secrets. */
  random(): number;
  /** `count` random bytes. Of the system clock they are fit for keys and secrets. */
  randomBytes(count: number): Uint8Array;
}

/** The error of a wait that its signal aborted. Nothing has been sent, so its outcome is `none`. */
export function cancelledError(signal: AbortSignal): BkError {
  return new BkError("cancelled", "cancelled by the caller's signal", { cause: signal.reason, outcome: "none" });
}

// Timers take at most this many milliseconds; Node turns longer ones into 1.
const maxTimerMs = 2 ** 31 - 1;
// Web Crypto gives at most this many bytes a call.
const maxRandomBytes = 65_536;

/** The machine's own time and cryptographically strong randomness. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  async sleep(ms: number, signal?: AbortSignal) {
    for (let rest = ms; rest > 0 || signal?.aborted; rest -= maxTimerMs) await waitOnce(Math.min(rest, maxTimerMs), signal);
  },
  random: () => Math.random(),
  randomBytes(count: number) {
    const bytes = new Uint8Array(count);
    for (let start = 0; start < count; start += maxRandomBytes)
      globalThis.crypto.getRandomValues(bytes.subarray(start, start + maxRandomBytes));
    return bytes;
  },
});

function waitOnce(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelledError(signal));
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(cancelledError(signal!));
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  /** Moves time to `ms` since 1970 and wakes the sleepers that are due, earliest first. Time never goes back to sleepers. */
  set(ms: number): void;
  /** Moves time on by `ms` and wakes the sleepers that are due, earliest first. */
  advance(ms: number): void;
  /** How many sleepers wait. */
  readonly sleeping: number;
}

export interface TestClockOptions {
  /** The time at start, in milliseconds since 1970. Default: 2020-01-01T00:00:00Z. */
  readonly now?: number;
  /** Equal seeds give equal `random` and `randomBytes`; an integer, default 1. */
  readonly seed?: number;
  /** Whether `sleep` moves time on by itself instead of waiting to be woken. Default false. */
  readonly autoAdvance?: boolean;
}

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** Gives a clock with settable time and repeatable randomness. */
export function testClock({ now = Date.UTC(2020, 0, 1), seed = 1, autoAdvance = false }: TestClockOptions = {}): TestClock {
  let time = now;
  let sleepers: Sleeper[] = [];
  const next = mulberry32(seed);

  function moveTo(ms: number): void {
    time = ms;
    const due = sleepers.filter((sleeper) => sleeper.due <= time).sort((a, b) => a.due - b.due);
    sleepers = sleepers.filter((sleeper) => sleeper.due > time);
    for (const sleeper of due) sleeper.wake();
  }

  function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(cancelledError(signal));
    if (ms <= 0) return Promise.resolve();
    if (autoAdvance) {
      moveTo(time + ms);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        sleepers = sleepers.filter((other) => other !== sleeper);
        reject(cancelledError(signal!));
      };
      const wake = (): void => {
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      const sleeper: Sleeper = { due: time + ms, wake };
      sleepers.push(sleeper);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  return {
    now: () => time,
    sleep,
    random: () => next() / 2 ** 32,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => next() >>> 24),
    set: moveTo,
    advance: (ms) => moveTo(time + ms),
    get sleeping() {
      return sleepers.length;
    },
  };
}

// Mulberry32 by Tommy Ettinger (public domain): 32 bits a step from a 32-bit seed.
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
