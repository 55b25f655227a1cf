// The time that a whole call may take, and the caller's signal.

import { onAbort } from "@bk/core";

import { invalid, QueueError, type QueueErrorOptions } from "../errors.js";

/** What bounds a call that may wait. */
export interface Limits {
  /** Ends the call with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the whole call may take before it ends with `timeout`; an integer from 1. Default: none. */
  readonly timeoutMs?: number | undefined;
}

/** Timers take at most this many milliseconds. */
const maxTimerMs = 2 ** 31 - 1;

/** @throws QueueError `invalid` when a limit is not one */
export function checkLimits({ signal, timeoutMs }: Limits, op: string): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid(`${op}: signal must be an AbortSignal`);
  if (timeoutMs === undefined) return;
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > maxTimerMs)
    throw invalid(`${op}: timeoutMs must be an integer from 1 to ${maxTimerMs}`);
}

/**
 * Runs `task` until it ends, the caller's signal aborts, or the time is over. Without limits it runs at once, and costs nothing.
 *
 * @param task  gets a signal that aborts when the call has ended; undefined without limits. What it does afterwards changes nothing for the caller
 * @param where  goes into the error. Its `outcome` is asked for when the call ends: whether the task may have done something by then
 * @throws QueueError `cancelled` or `timeout`
 */
export function withinLimits<T>(
  limits: Limits | undefined,
  task: (signal: AbortSignal | undefined) => Promise<T>,
  where: Omit<QueueErrorOptions, "outcome"> & { readonly outcome?: () => QueueErrorOptions["outcome"] } = {},
): Promise<T> {
  if (limits?.signal === undefined && limits?.timeoutMs === undefined) return task(undefined);
  return bounded(limits, task, where);
}

async function bounded<T>(
  { signal, timeoutMs }: Limits,
  task: (signal: AbortSignal) => Promise<T>,
  { outcome, ...where }: Parameters<typeof withinLimits>[2] & {},
): Promise<T> {
  if (signal?.aborted) throw new QueueError("cancelled", "cancelled before it began", { ...where, outcome: "none", cause: signal.reason });
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopListening: (() => void) | undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    const end = (code: "cancelled" | "timeout", message: string, cause?: unknown): void => {
      const error = new QueueError(code, message, { ...where, outcome: outcome?.(), cause });
      reject(error);
      controller.abort(error);
    };
    if (signal !== undefined) stopListening = onAbort(signal, () => end("cancelled", "cancelled by the caller's signal", signal.reason));
    if (timeoutMs !== undefined) timer = setTimeout(() => end("timeout", `no answer within ${timeoutMs} ms`), timeoutMs);
  });
  try {
    return await Promise.race([task(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    stopListening?.();
  }
}
