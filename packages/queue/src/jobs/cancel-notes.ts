// What was cancelled lately, for workers that the bus did not reach: it is noted where all of them look, and read by those that may have missed it.

import { type Clock, retry } from "@bk/core";

import type { LocksLike } from "./interfaces.js";

/** How long a worker may be cut off and still find it. */
const keptMs = 3_600_000;
/** Of those the last ones are read. */
const most = 1000;
const counter = "jobs:cancelled";

/** Which jobs `cancel` means: those for which all of it holds. */
export interface CancelChoice {
  readonly id?: string;
  /** Name of a job. */
  readonly name?: string;
  readonly tag?: string;
  /** Key of `unique` of the submit. */
  readonly key?: string;
}

export interface CancelNote {
  readonly choice: CancelChoice;
  /** When it was cancelled, by the clock of who did, in milliseconds since 1970. */
  readonly at: number;
}

export async function noteCancel(store: LocksLike | undefined, choice: CancelChoice, clock: Clock): Promise<void> {
  if (store?.incr === undefined || store.put === undefined) return;
  const number = await store.incr(counter, 1, { ttlMs: keptMs });
  await store.put(`${counter}:${number}`, { choice, at: clock.now() } satisfies CancelNote, { ttlMs: keptMs });
}

/** Those of the last hour. The connection to the store may come back a moment after that to the bus. */
export async function cancelNotes(store: LocksLike | undefined, clock: Clock): Promise<readonly CancelNote[]> {
  if (store?.get === undefined || store.getMany === undefined) return [];
  return retry(
    async () => {
      const last = (await store.get!(counter)) as number | undefined;
      if (last === undefined) return [];
      const numbers = Array.from({ length: Math.min(last, most) }, (_, i) => last - i);
      const notes = await store.getMany!(numbers.map((number) => `${counter}:${number}`));
      return notes.filter((note): note is CancelNote => note !== undefined);
    },
    { attempts: 5, clock },
  );
}
