// What a push service is to whoever sends.

import { BkError, plainText } from "@bk/core";

import type { CheckedMessage } from "./push-message.js";

export interface PushService {
  /**
   * Sends to one device. It may arrive twice when a connection breaks.
   *
   * @returns  the id that the service gives to it
   * @throws BkError `not-found`: the device is registered no more; `unavailable`, `limited`, `timeout`: at another time perhaps; others: never
   */
  send(token: string, message: CheckedMessage, signal: AbortSignal | undefined): Promise<string>;
  /** Forgets what it has learnt: connections, tokens. */
  reset(): void;
  /** Ends connections. What is being sent is given some time. */
  close(): Promise<void>;
}

/** Whether an error may be none at another time. */
export const isPassing = (error: unknown): boolean =>
  !(error instanceof BkError) || ["unavailable", "limited", "timeout", "cancelled"].includes(error.code);

/** The longest that one call waits; what is to be tried later than that, a queue does. */
const patienceMs = 10_000;

/** Whether a call tries again by itself. It may have been done where a connection broke: rather twice than never. */
export function isWorthAgain(error: unknown): boolean {
  if (!(error instanceof BkError) || !["unavailable", "limited"].includes(error.code)) return false;
  const asked = error.detail?.["retryAfterMs"];
  return typeof asked !== "number" || asked <= patienceMs;
}

/** The error of an HTTP reply. What it says is the service's, and never has tokens or keys in it. */
export function replyError(service: string, status: number, reason: string, retryAfterMs?: number): BkError {
  const code =
    status === 429
      ? "limited"
      : status >= 500
        ? "unavailable"
        : status === 413
          ? "too-large"
          : status === 401 || status === 403
            ? "unauthenticated"
            : "invalid";
  return new BkError(code, `${service}: answered ${status} ${plainText(reason, 100)}`.trim(), {
    // What was answered was not done.
    outcome: "none",
    detail: { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}

export const unregistered = (service: string, reason: string): BkError =>
  new BkError("not-found", `${service}: the device is registered no more (${plainText(reason, 60)})`);

/** How long `Retry-After` asks to wait: seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterOf(header: string | null | undefined, now: number): number | undefined {
  if (header === null || header === undefined || header.trim() === "") return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
