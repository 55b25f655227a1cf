// Replies that go on, such as streams, and whether whoever they go to may still have them.

import type { Allowed } from "@bk/auth";
import type { Log } from "@bk/core";
import type { Call } from "@bk/modules";

import { faultFields } from "../fault-fields.js";

/** For the verdict on a request what its endpoint is told: `Call.whenRefused`. `told` is, before it. */
export type RefusalWatch = (allowed: Allowed, told?: () => void) => Call["whenRefused"];

const never: Call["whenRefused"] = () => () => undefined;
const tellEveryMs = 60_000;

/** Asks as often whether credentials count still; while the store of accounts does not answer a reply goes on. */
export function refusalWatch(everyMs: number, log: Log): RefusalWatch {
  let toldAt = -Infinity;
  function tell(error: unknown): void {
    const now = performance.now();
    if (now - toldAt < tellEveryMs) return;
    toldAt = now;
    log.warn("whether who listens may still do so cannot be asked", faultFields(error));
  }

  return ({ stillCounts }, told) => {
    if (stillCounts === undefined) return never;
    return (then) => {
      let isOver = false;
      let isAsking = false;
      const stop = (): void => {
        isOver = true;
        clearInterval(timer);
      };
      async function ask(): Promise<void> {
        if (isAsking) return;
        isAsking = true;
        try {
          if ((await stillCounts!()) || isOver) return;
          stop();
          told?.();
          then();
        } catch (error) {
          tell(error);
        } finally {
          isAsking = false;
        }
      }
      const timer = setInterval(() => void ask(), everyMs).unref();
      return stop;
    };
  };
}
