// Only one job of a key at a time: a lock that is held while it runs.

import { findNodeModule } from "@bk/core";

import { GiveUp, TryLater } from "../queue/verdict.js";
import type { LockLike, LocksLike } from "./interfaces.js";
import type { Steps } from "./job-spec.js";

export interface Unique<Input = unknown> {
  /** How long the lock outlives a worker that is gone, in milliseconds. While the job runs it is renewed. */
  readonly ttlMs: number;
  /** Jobs with an equal key are unique among each other; default: the job's name and input. */
  readonly key?: string | ((input: Input) => string);
  /** A job whose key is locked is dropped, instead of waiting. Default false. */
  readonly drop?: boolean;
  /** The lock is kept until its time is over, also when the job has ended: at most one begins in `ttlMs`. Default false. */
  readonly keep?: boolean;
  /** When a job whose key is locked is tried again, in milliseconds; default 1,000. */
  readonly retryMs?: number;
}

/** As it stands in a message. */
export type UniqueNote = Omit<Unique, "key"> & { readonly key: string };

const longestKey = 150;

/** The key of steps that have none of their own. */
export function keyOfSteps(steps: Steps): string {
  const text = JSON.stringify(steps);
  if (text.length <= longestKey) return text;
  const crypto = findNodeModule("node:crypto");
  if (crypto !== undefined) return crypto.createHash("sha256").update(text).digest("hex");
  throw new GiveUp("this runtime has no node:crypto, so a unique job with a long input needs a key");
}

/**
 * Runs `work` while the key is locked.
 *
 * @param onLost  called when the lock is lost while it runs
 * @returns false when it was dropped
 * @throws TryLater when somebody else has the lock, or the store of locks cannot be reached
 */
export async function whileUnique(locks: LocksLike, note: UniqueNote, onLost: () => void, work: () => Promise<void>): Promise<boolean> {
  const retryMs = note.retryMs ?? 1000;
  let lock: LockLike | null;
  try {
    lock = await locks.lock(`job:${note.key}`, { ttlMs: note.ttlMs, renew: note.keep !== true });
  } catch (error) {
    throw Object.assign(new TryLater(retryMs, "the store of locks cannot be reached"), { cause: error });
  }
  if (lock === null) {
    if (note.drop === true) return false;
    throw new TryLater(retryMs, "a job of the same key runs");
  }
  // A lock that is kept is not renewed: its time is how long it is kept, not how long the job may take.
  if (note.keep !== true) lock.signal.addEventListener("abort", onLost, { once: true });
  try {
    await work();
  } finally {
    lock.signal.removeEventListener("abort", onLost);
    if (note.keep !== true) await lock.release();
  }
  return true;
}
