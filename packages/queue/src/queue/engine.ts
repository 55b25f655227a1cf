// The facade's way to its driver: connects, bounds each request, makes the errors.

import type { Clock, Log } from "@bk/core";
import { BkError } from "@bk/core";

import { type Limits, withinLimits } from "../common/limits.js";
import { QueueError, unsupported } from "../errors.js";
import type { QueueCapabilities, QueueDriver, Taken, TakeRequest } from "./driver.js";

export interface EngineOptions {
  readonly queue: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Longest time of one request to the broker, in milliseconds. */
  readonly requestTimeoutMs: number;
}

export class Engine {
  readonly driver: QueueDriver;
  readonly options: EngineOptions;
  #running = 0;
  #idle: (() => void)[] = [];
  isClosed = false;

  constructor(driver: QueueDriver, options: EngineOptions) {
    this.driver = driver;
    this.options = options;
  }

  /**
   * One request. It ends after `requestTimeoutMs` at the latest, so that a broker that hangs hangs nobody.
   *
   * @param changes  whether it changes something, so that its outcome is unknown when it ends early
   * @throws QueueError
   */
  async request<T>(
    op: string,
    changes: boolean,
    work: (driver: QueueDriver, signal: AbortSignal) => Promise<T>,
    limits?: Limits,
  ): Promise<T> {
    const { driver } = this;
    let isSent = false;
    const where = { driver: driver.name, op, target: this.options.queue, outcome: () => (isSent && changes ? "unknown" : "none") } as const;
    this.throwIfClosed(op);
    this.#running++;
    try {
      return await withinLimits(
        { signal: limits?.signal, timeoutMs: Math.min(limits?.timeoutMs ?? Infinity, this.options.requestTimeoutMs) },
        async (signal) => {
          const ready = this.driver.ready?.();
          if (ready !== undefined) await ready;
          signal!.throwIfAborted();
          isSent = true;
          return await work(driver, signal!);
        },
        where,
      );
    } catch (error) {
      throw this.errorOf(op, error);
    } finally {
      this.#end();
    }
  }

  /**
   * Takes messages, waiting for them. A driver that gives no answer long after the waiting is given up; what it takes
   * later is handed to `late`.
   */
  async take(request: TakeRequest, late: (taken: readonly Taken[]) => void): Promise<readonly Taken[]> {
    this.throwIfClosed("take");
    this.#running++;
    const limit = { timeoutMs: request.waitMs + this.options.requestTimeoutMs };
    let isLate = false;
    try {
      return await withinLimits(limit, async () => {
        const ready = this.driver.ready?.();
        if (ready !== undefined) await ready;
        if (request.signal.aborted) return [];
        const taken = await this.driver.take(request);
        if (isLate && taken.length > 0) late(taken);
        return taken;
      });
    } catch (error) {
      isLate = true;
      throw this.errorOf("take", error);
    } finally {
      this.#end();
    }
  }

  #end(): void {
    if (--this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  errorOf(op: string, error: unknown): QueueError {
    const where = { driver: this.driver.name, op, target: this.options.queue };
    if (error instanceof QueueError && error.driver !== undefined && error.op !== undefined && error.target !== undefined) return error;
    if (error instanceof BkError)
      return new QueueError(error.code, error.message, { ...where, outcome: error.outcome, detail: error.detail, cause: error.cause });
    const { code = "internal", outcome, message } = this.driver.classify(error) ?? {};
    const what = message ?? (code === "internal" ? "failed for a reason that is not known" : code);
    return new QueueError(code, `${this.driver.name} ${op} ${this.options.queue}: ${what}`, { ...where, outcome, cause: error });
  }

  throwIfClosed(op: string): void {
    if (this.isClosed) throw new QueueError("closed", "the queue is closed", { driver: this.driver.name, op, target: this.options.queue });
  }

  /** @throws QueueError `unsupported` when the driver does not claim it */
  need(capability: keyof QueueCapabilities, has: boolean, op: string, wayOut: string): void {
    if (has) return;
    throw unsupported(`${this.driver.name} cannot do this (capability "${capability}"); ${wayOut}`, {
      driver: this.driver.name,
      op,
      target: this.options.queue,
      detail: { capability },
    });
  }

  /** Waits for the requests that are on their way, then closes the driver. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.driver.close();
  }
}
