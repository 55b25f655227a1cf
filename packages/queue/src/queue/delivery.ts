// One message that this process has: it is run, renewed by its listener, and settled once.

import type { Taken } from "./driver.js";
import type { Letter } from "./envelope.js";

/**
 * Why a handler's signal aborts: its message was taken away (`lost`), it ran past its time limit (`overdue`), the listener
 * is being closed and has waited long enough (`closing`), or somebody cancelled the message (`cancelled`).
 */
export type StopReason = "lost" | "overdue" | "closing" | "cancelled";

const texts: Readonly<Record<StopReason, string>> = {
  lost: "the message was taken away: its visibility timeout ended before it could be renewed",
  overdue: "the handler ran longer than its time limit",
  closing: "the listener is being closed",
  cancelled: "the message was cancelled",
};

/** The reason of a handler's signal. */
export class HandlerStopped extends Error {
  override readonly name = "HandlerStopped";
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(texts[reason]);
    this.reason = reason;
  }
}

export class Delivery {
  readonly taken: Taken;
  readonly letter: Letter;
  readonly takenAt: number;
  /** When its handler began. */
  startedAt: number;
  /** What becomes of the message has been decided, or it is not this process's any more: it is not renewed. */
  isSettled = false;
  #controller: AbortController | undefined;
  #stopped: HandlerStopped | undefined;

  constructor(taken: Taken, letter: Letter, takenAt: number) {
    this.taken = taken;
    this.letter = letter;
    this.takenAt = takenAt;
    this.startedAt = takenAt;
  }

  /** Made when it is asked for, since most handlers do not. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#stopped !== undefined) this.#controller.abort(this.#stopped);
    }
    return this.#controller.signal;
  }

  get stopped(): HandlerStopped | undefined {
    return this.#stopped;
  }

  stop(reason: StopReason): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = new HandlerStopped(reason);
    this.#controller?.abort(this.#stopped);
  }
}
