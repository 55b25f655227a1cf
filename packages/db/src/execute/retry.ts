import { BkError, type Clock, isRetryable, retry } from "@bk/core";

import type { Shape } from "../driver.js";
import type { Send } from "./call.js";
import type { PoolMetrics } from "./metrics.js";

/** Sends again what failed without doing anything, and reads whatever came of them, with growing pauses. */
export function retrying(send: Send, settings: { readonly clock: Clock; readonly attempts: number; readonly metrics: PoolMetrics }): Send {
  const { clock, attempts, metrics } = settings;
  return (prepared, values, signal) => {
    const failed = (first: unknown): Promise<never> | ReturnType<typeof goOn> => {
      if (mayRepeat(first, prepared.shape)) return goOn(first);
      metrics.errors++;
      throw first;
    };
    const goOn = async (first: unknown): Promise<Awaited<ReturnType<Send>>> => {
      const attempt = (number: number): ReturnType<Send> => {
        if (number === 1) throw first;
        metrics.retries++;
        return send(prepared, values, signal);
      };
      try {
        const when = (error: unknown): boolean => mayRepeat(error, prepared.shape);
        return await retry(async (number) => attempt(number), { clock, attempts, signal, minDelayMs: 10, maxDelayMs: 1000, when });
      } catch (last) {
        metrics.errors++;
        throw last;
      }
    };
    try {
      const reply = send(prepared, values, signal);
      return reply instanceof Promise ? reply.catch(failed) : reply;
    } catch (error) {
      return failed(error);
    }
  };
}

export function isRead({ verb }: Shape): boolean {
  return verb === "get" || verb === "select" || verb === "aggregate" || verb === "inspect";
}

function mayRepeat(error: unknown, shape: Shape): boolean {
  if (isRetryable(error)) return true;
  // A read does nothing: it may be repeated even when it is not known whether it ran.
  return error instanceof BkError && error.code === "unavailable" && (isRead(shape) || shape.verb === "define");
}
