// What an error of a handler means for its message.

/**
 * Thrown by a handler: this message will never succeed, so it goes to the dead ones at once.
 */
export class GiveUp extends Error {
  override readonly name = "GiveUp";
}

/**
 * Thrown by a handler: not now. The message comes back in `delayMs`, and this delivery does not count as an attempt.
 */
export class TryLater extends Error {
  override readonly name = "TryLater";
  readonly delayMs: number;

  /** @param delayMs  milliseconds, from 0; default 1000 */
  constructor(delayMs = 1000, message = `asked to come back in ${delayMs} ms`) {
    super(message);
    this.delayMs = delayMs;
  }
}

/** What is done with a message whose handler failed. */
export type Failure =
  /** Tried again after its backoff, or dead when its attempts are used up. */
  | "retry"
  /** Dead at once. */
  | "dead"
  /** Removed. */
  | "drop"
  /** Tried again in `delayMs`; without `counts` this delivery is no attempt. */
  | { readonly delayMs: number; readonly counts: boolean };

/** What errors mean unless `listen` is told otherwise: {@link GiveUp} and {@link TryLater} what they say, others `retry`. */
export function usualFailure(error: unknown): Failure {
  if (error instanceof GiveUp) return "dead";
  if (error instanceof TryLater) return { delayMs: error.delayMs, counts: false };
  return "retry";
}

/**
 * What errors with a `status` mean by the rules of backendjs, for `listen(…, { failure: failureByStatus })`: below 500 the message is
 * removed, 600 is "not now" and no attempt, everything else is tried again.
 */
export function failureByStatus(error: unknown): Failure {
  const status: unknown = typeof error === "object" && error !== null && "status" in error ? error.status : undefined;
  if (typeof status !== "number") return usualFailure(error);
  if (status < 500) return "drop";
  return status === 600 ? { delayMs: 0, counts: false } : "retry";
}

/** How long a message rests after an attempt that failed. */
export interface Backoff {
  /** Before the second attempt, in milliseconds; default: the visibility timeout. */
  readonly delayMs?: number;
  /** How much longer each following rest is; from 1, default 2. 1 makes them alike. */
  readonly factor?: number;
  /** The longest rest; default one hour. */
  readonly maxDelayMs?: number;
  /** How much of a rest is left to chance, from 0 to 1; default 0. Messages that failed together then come back one by one. */
  readonly jitter?: number;
}

/** @param random  from 0 up to, not including, 1 */
export function restOf(attempt: number, backoff: Required<Backoff>, random: number): number {
  const longest = Math.min(backoff.maxDelayMs, backoff.delayMs * backoff.factor ** (attempt - 1));
  return Math.round(longest * (1 - backoff.jitter * random));
}

/** An error as a dead message keeps it: name, message and code, without the stack; at most 1,000 characters. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return (text.length > 1000 ? `${text.slice(0, 999)}…` : text).toWellFormed().replaceAll("\0", "\ufffd");
}
