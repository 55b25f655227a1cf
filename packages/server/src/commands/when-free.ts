import { setTimeout as sleep } from "node:timers/promises";

import type { Log } from "@bk/core";

import { isPortInUse } from "../processes/listen-at.js";

const tries = 5;
const pauseMs = 1000;

/** Listens. Where the port is in use it tries some more times: whoever has it may be about to end. */
export async function whenFree<T>(listen: () => Promise<T>, log: Log): Promise<T> {
  for (let left = tries - 1; ; left--) {
    try {
      return await listen();
    } catch (error) {
      if (left === 0 || !isPortInUse(error)) throw error;
      log.warn(`${(error as Error).message}; trying again`);
      await sleep(pauseMs);
    }
  }
}
