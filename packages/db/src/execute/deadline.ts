// The time that a whole call may take, and the caller's signal: waiting for a turn, every command and every pause included.

import { onAbort } from "@bk/core";

import { DbError } from "../errors.js";

/** The limit of one call, and what is known of its work so far. */
export interface Deadline {
  /** Aborts when the caller's signal does or the time is over; its reason is the error that the call rejects with. */
  readonly signal: AbortSignal;
  /** A command that changes something was sent. */
  wrote: boolean;
  /** Rows that are known to be changed. */
  affected: number;
}

export interface Limits {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Runs `task` as `withDeadline` does where there is a limit; where there is none it runs at once, without a deadline. */
export function within<T>(limits: Limits | undefined, task: (deadline: Deadline | undefined) => Promise<T>): Promise<T>;
export function within<T>(limits: Limits | undefined, task: (deadline: Deadline | undefined) => T | Promise<T>): T | Promise<T>;
export function within<T>(limits: Limits | undefined, task: (deadline: Deadline | undefined) => T | Promise<T>): T | Promise<T> {
  return limits?.signal === undefined && limits?.timeoutMs === undefined ? task(undefined) : withDeadline(limits, task);
}

/**
 * Runs `task` until it ends, the caller's signal aborts, or the time is over.
 *
 * @throws DbError `cancelled` or `timeout`; `outcome` is `none` while nothing that changes anything was sent, `some` with
 *   `detail.affected` when some rows are known to be changed, else `unknown`
 */
async function withDeadline<T>({ signal, timeoutMs }: Limits, task: (deadline: Deadline) => T | Promise<T>): Promise<T> {
  if (signal?.aborted) throw new DbError("cancelled", "cancelled before it began", { outcome: "none", cause: signal.reason });
  const controller = new AbortController();
  manyListeners(controller.signal);
  const deadline: Deadline = { signal: controller.signal, wrote: false, affected: 0 };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopListening: (() => void) | undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    const end = (code: "cancelled" | "timeout", message: string, cause?: unknown): void => {
      const { affected, wrote } = deadline;
      const outcome = affected > 0 ? "some" : wrote ? "unknown" : "none";
      const error = new DbError(code, message, { outcome, cause, ...(affected > 0 ? { detail: { affected } } : {}) });
      reject(error);
      controller.abort(error);
    };
    if (signal !== undefined) stopListening = onAbort(signal, () => end("cancelled", "cancelled by the caller's signal", signal.reason));
    if (timeoutMs !== undefined) timer = setTimeout(() => end("timeout", `no answer within ${timeoutMs} ms`), timeoutMs);
  });
  try {
    return await Promise.race([task(deadline), ended]);
  } finally {
    clearTimeout(timer);
    stopListening?.();
  }
}

/** @throws the reason of a deadline that has ended: what follows is not begun. */
export function throwIfEnded(deadline: Deadline | undefined): void {
  if (deadline?.signal.aborted) throw deadline.signal.reason;
}

// Many commands of one call listen to its signal, which Node would take for a leak.
function manyListeners(signal: AbortSignal): void {
  const events = globalThis.process?.getBuiltinModule?.("node:events");
  events?.setMaxListeners(0, signal);
}
