// Whether an engine can be reached, and the calls that wait for it.

import type { ClientEvents } from "@bk/core";

import { QueueError } from "../errors.js";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export interface GateOptions {
  readonly driver: string;
  /** Milliseconds that a call waits for a connection. */
  readonly waitMs: number;
  /** Most calls that wait at once; further ones are refused. Default 1,000. */
  readonly maxWaiting?: number;
  /** Told of what happens to the connection. */
  readonly events?: ClientEvents | undefined;
}

/** Shut until the engine is reached. Calls wait for it, for a time and up to a number, so that nothing piles up while it is away. */
export class Gate {
  readonly #options: GateOptions & { readonly maxWaiting: number };
  readonly #waiting = new Set<Waiter>();
  #isOpen = false;
  #isClosed = false;
  #reason: unknown;

  constructor(options: GateOptions) {
    this.#options = { maxWaiting: 1000, ...options };
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How many calls wait for it. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The engine is reached: those who wait go on. */
  open(): void {
    if (this.#isClosed) return;
    this.#isOpen = true;
    this.#reason = undefined;
    this.#options.events?.connected();
    for (const waiter of this.#take()) waiter.resolve();
  }

  /** The engine is lost, by `reason`. */
  shut(reason?: unknown): void {
    this.#isOpen = false;
    this.#reason = reason ?? this.#reason;
    if (!this.#isClosed) this.#options.events?.lost(reason);
  }

  /** An attempt failed for a reason that waiting does not heal: those who wait are told. */
  fail(error: unknown): void {
    this.shut(error);
    for (const waiter of this.#take()) waiter.reject(error);
  }

  /** Used no more. */
  close(): void {
    this.#isClosed = true;
    this.#isOpen = false;
    for (const waiter of this.#take()) waiter.reject(this.#closed());
  }

  /**
   * @returns undefined when it is open
   * @throws QueueError `unavailable` when it does not open in time, or when too many wait; `closed`
   */
  wait(): Promise<void> | undefined {
    if (this.#isOpen) return undefined;
    if (this.#isClosed) return Promise.reject(this.#closed());
    if (this.#waiting.size >= this.#options.maxWaiting) return Promise.reject(this.#unavailable(", and too many calls wait for it"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(this.#unavailable(""));
      }, this.#options.waitMs);
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiting.add(waiter);
    });
  }

  #take(): Waiter[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const { timer } of all) clearTimeout(timer);
    return all;
  }

  #unavailable(more: string): QueueError {
    const { driver } = this.#options;
    return new QueueError("unavailable", `${driver} is not reached${more}`, { driver, outcome: "none", cause: this.#reason });
  }

  #closed(): QueueError {
    return new QueueError("closed", "used after close", { driver: this.#options.driver, outcome: "none" });
  }
}
