// Replies that go on, such as streams, and whether whoever they go to may still have them.

import type { Allowed } from "@bk/auth";
import type { Log } from "@bk/core";
import type { Call } from "@bk/modules";

import { faultFields } from "../fault-fields.js";

/** For the verdict on a request what its endpoint is told: `Call.whenRefused`. `told` is, before it. */
export type RefusalWatch = (allowed: Allowed, told?: () => void) => Call["whenRefused"];

const never: Call["whenRefused"] = () => () => undefined;
const tellEveryMs = 60_000;
/** Those that are asked about take turns: so many of them in the time in which each is asked about once. */
const turns = 16;

interface Watched {
  readonly stillCounts: () => Promise<boolean>;
  /** What becomes of it when it does not. */
  readonly end: () => void;
  isAsking: boolean;
}

/** Asks as often whether credentials count still; while the store of accounts does not answer a reply goes on. */
export function refusalWatch(everyMs: number, log: Log): RefusalWatch {
  // One timer for all: of many streams each would have its own otherwise.
  const watched = Array.from({ length: turns }, () => new Set<Watched>());
  let timer: ReturnType<typeof setInterval> | undefined;
  let count = 0;
  let turn = 0;
  let toldAt = -Infinity;

  function tell(error: unknown): void {
    const now = performance.now();
    if (now - toldAt < tellEveryMs) return;
    toldAt = now;
    log.warn("whether who listens may still do so cannot be asked", faultFields(error));
  }

  async function ask(each: Watched, among: Set<Watched>): Promise<void> {
    if (each.isAsking) return;
    each.isAsking = true;
    try {
      if ((await each.stillCounts()) || !forget(each, among)) return;
      each.end();
    } catch (error) {
      tell(error);
    } finally {
      each.isAsking = false;
    }
  }

  /** Whether it was watched still. */
  function forget(each: Watched, among: Set<Watched>): boolean {
    if (!among.delete(each)) return false;
    if (--count === 0) {
      clearInterval(timer);
      timer = undefined;
    }
    return true;
  }

  function next(): void {
    turn = (turn + 1) % turns;
    const among = watched[turn]!;
    for (const each of among) void ask(each, among);
  }

  return ({ stillCounts }, told) => {
    if (stillCounts === undefined) return never;
    return (then) => {
      // Those whose turn was last: they are asked about when all others have been.
      const among = watched[turn]!;
      const each: Watched = {
        stillCounts,
        end() {
          told?.();
          then();
        },
        isAsking: false,
      };
      among.add(each);
      count++;
      timer ??= setInterval(next, everyMs / turns).unref();
      return () => void forget(each, among);
    };
  };
}
