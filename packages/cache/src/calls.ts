// Every call passes here: refused after close, bounded in time as a whole, ended by its signal, counted while it runs, and
// its errors made those of this package.

import { BkError, cancelledError, onAbort } from "@bk/core";
import type { Awaitable, CacheDriver, Call } from "./driver.js";
import { CacheError } from "./errors.js";

/** What every call takes that may wait. */
export interface CallOptions {
  /** Ends the call, which then rejects with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** How long the whole call may take, in milliseconds; default: that of the cache. Then it rejects with `timeout`. */
  readonly timeoutMs?: number | undefined;
}

interface Pending {
  readonly call: Call;
  readonly op: string;
  readonly isRead: boolean;
  readonly deadline: number;
  readonly reject: (error: CacheError) => void;
  isDone: boolean;
  /** Stops what would end the call. */
  stop: (() => void) | undefined;
}

export interface CallsOptions {
  readonly driver: CacheDriver;
  readonly timeoutMs: number;
  readonly maxWaiting: number;
}

export class Calls {
  readonly #driver: CacheDriver;
  readonly #timeoutMs: number;
  readonly #maxWaiting: number;
  /** Calls with the usual time limit, so in the order of their deadlines; done ones at the front are dropped. */
  #queue: Pending[] = [];
  #head = 0;
  #timer: NodeJS.Timeout | undefined;
  #running = 0;
  #isClosed = false;
  #whenIdle: (() => void) | undefined;

  constructor({ driver, timeoutMs, maxWaiting }: CallsOptions) {
    this.#driver = driver;
    this.#timeoutMs = timeoutMs;
    this.#maxWaiting = maxWaiting;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws CacheError `closed` */
  assertOpen(op: string): void {
    if (this.#isClosed) throw this.closedError(op);
  }

  /**
   * Runs `work`, which must look at `call.isGone` after each wait.
   *
   * @param isRead  nothing is changed, so that the outcome of every failure is `none`
   */
  run<T>(op: string, isRead: boolean, options: CallOptions | undefined, work: (call: Call) => Awaitable<T>): Promise<T> {
    return this.#isClosed ? Promise.reject(this.closedError(op)) : this.inner(op, isRead, options, work);
  }

  /** As `run`, also after `refuse`: what was begun before is ended. */
  inner<T>(op: string, isRead: boolean, options: CallOptions | undefined, work: (call: Call) => Awaitable<T>): Promise<T> {
    const signal = options?.signal;
    if (signal?.aborted) return Promise.reject(this.#cancelled(op, signal, "none"));
    if (this.#running >= this.#maxWaiting && !this.#driver.isReady)
      return Promise.reject(
        new CacheError("unavailable", `${this.#driver.name} ${op}: not connected, and ${this.#running} calls wait already`, {
          ...this.#place(op),
          detail: { waiting: this.#running },
        }),
      );
    const call: Call = { isGone: false, isSent: false };
    let result: Awaitable<T>;
    try {
      result = work(call);
    } catch (error) {
      return Promise.reject(this.errorOf(error, op, isRead, call));
    }
    if (!(result instanceof Promise)) return Promise.resolve(result);
    return this.#watch(op, isRead, call, result, signal, options?.timeoutMs);
  }

  #watch<T>(
    op: string,
    isRead: boolean,
    call: Call,
    result: Promise<T>,
    signal: AbortSignal | undefined,
    ownTimeoutMs: number | undefined,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const timeoutMs = ownTimeoutMs ?? this.#timeoutMs;
      const pending: Pending = {
        call,
        op,
        isRead,
        reject,
        deadline: performance.now() + timeoutMs,
        isDone: false,
        stop: undefined,
      };
      this.#running++;
      if (timeoutMs === this.#timeoutMs) this.#enqueue(pending);
      else {
        const timer = setTimeout(() => this.#expire(pending), timeoutMs);
        pending.stop = () => clearTimeout(timer);
      }
      if (signal !== undefined) {
        const stopListening = onAbort(signal, () => {
          if (this.#end(pending)) reject(this.#cancelled(op, signal, isRead || !call.isSent ? "none" : "unknown"));
        });
        const stopTimer = pending.stop;
        pending.stop = () => {
          stopTimer?.();
          stopListening();
        };
      }
      result.then(
        (value) => {
          if (this.#end(pending)) resolve(value);
        },
        (error: unknown) => {
          if (this.#end(pending)) reject(this.errorOf(error, op, isRead, call));
        },
      );
    });
  }

  /** From now on calls of the app are `closed`. */
  refuse(): void {
    this.#isClosed = true;
  }

  /** Waits for the calls that run. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    clearTimeout(this.#timer);
  }

  errorOf(error: unknown, op: string, isRead: boolean, call: Call): CacheError {
    const place = this.#place(op);
    // Those of the core and of other packages, such as a database's, keep their code.
    if (error instanceof BkError) {
      if (error instanceof CacheError && error.op !== undefined) return error;
      return new CacheError(error.code, `${this.#driver.name} ${op}: ${error.message}`, {
        ...place,
        outcome: isRead ? "none" : error.outcome,
        detail: error.detail,
        cause: error.cause,
      });
    }
    return new CacheError("internal", `${this.#driver.name} ${op}: failed`, {
      ...place,
      outcome: isRead || !call.isSent ? "none" : "unknown",
      cause: error,
    });
  }

  closedError(op: string): CacheError {
    return new CacheError("closed", `${this.#driver.name} ${op}: used after close`, this.#place(op));
  }

  #place(op: string): { driver: string; op: string } {
    return { driver: this.#driver.name, op };
  }

  #cancelled(op: string, signal: AbortSignal, outcome: "none" | "unknown"): CacheError {
    const { message, cause } = cancelledError(signal);
    return new CacheError("cancelled", `${this.#driver.name} ${op}: ${message}`, { ...this.#place(op), outcome, cause });
  }

  #end(pending: Pending): boolean {
    if (pending.isDone) return false;
    pending.isDone = true;
    pending.call.isGone = true;
    pending.stop?.();
    if (--this.#running === 0) {
      // It stays for the calls to come, and keeps no process alive meanwhile.
      this.#timer?.unref();
      this.#queue = [];
      this.#head = 0;
      this.#whenIdle?.();
    }
    return true;
  }

  #enqueue(pending: Pending): void {
    while (this.#head < this.#queue.length && this.#queue[this.#head]!.isDone) this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#queue.push(pending);
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#onTimer(), this.#timeoutMs);
    else this.#timer.ref();
  }

  #onTimer(): void {
    const now = performance.now();
    this.#timer = undefined;
    while (this.#head < this.#queue.length) {
      const first = this.#queue[this.#head]!;
      if (!first.isDone && first.deadline > now) {
        this.#timer = setTimeout(() => this.#onTimer(), first.deadline - now + 1);
        return;
      }
      this.#head++;
      if (!first.isDone) this.#expire(first);
    }
  }

  #expire(pending: Pending): void {
    const { op, isRead, call, reject } = pending;
    const { isSent } = call;
    if (!this.#end(pending)) return;
    reject(
      new CacheError("timeout", `${this.#driver.name} ${op}: no answer in time`, {
        ...this.#place(op),
        outcome: isRead || !isSent ? "none" : "unknown",
      }),
    );
  }
}
