import { BkError, type Clock, isRetryable, retry } from "@bk/core";

import type { Prepared } from "../compile/prepared.js";
import type { Reply, Shape, Values } from "../driver.js";
import type { Send } from "./call.js";
import type { PoolMetrics } from "./metrics.js";

interface RetrySettings {
  readonly clock: Clock;
  readonly attempts: number;
  readonly metrics: PoolMetrics;
  /** The error of this package for what a command threw. */
  readonly known: (error: unknown) => BkError;
}

/**
 * Sends again what failed without doing anything, and reads whatever came of them, with growing pauses. Native errors
 * become errors of this package. A command that does not fail costs one promise, or none where the engine answers at once.
 */
export function retrying(send: Send, settings: RetrySettings): Send {
  const { clock, attempts, metrics, known } = settings;
  const failed = (thrown: unknown, prepared: Prepared, values: Values, signal: AbortSignal | undefined): Promise<Reply> => {
    const first = known(thrown);
    if (mayRepeat(first, prepared.shape)) return goOn(first, prepared, values, signal);
    metrics.errors++;
    throw first;
  };
  const goOn = async (first: BkError, prepared: Prepared, values: Values, signal: AbortSignal | undefined): Promise<Reply> => {
    const attempt = async (number: number): Promise<Reply> => {
      if (number === 1) throw first;
      metrics.retries++;
      try {
        return await send(prepared, values, signal);
      } catch (error) {
        throw known(error);
      }
    };
    try {
      const when = (error: unknown): boolean => mayRepeat(error, prepared.shape);
      return await retry(attempt, { clock, attempts, signal, minDelayMs: 10, maxDelayMs: 1000, when });
    } catch (last) {
      metrics.errors++;
      throw last;
    }
  };
  return (prepared, values, signal) => {
    try {
      const reply = send(prepared, values, signal);
      return reply instanceof Promise ? reply.catch((error: unknown) => failed(error, prepared, values, signal)) : reply;
    } catch (error) {
      return failed(error, prepared, values, signal);
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
