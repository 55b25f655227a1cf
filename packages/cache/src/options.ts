// The options of calls, checked.

import { CacheError, invalid } from "./errors.js";

/** The longest expiry, in milliseconds: a hundred years. */
export const maxTtlMs = 100 * 365.25 * 86_400_000;
/** The longest key, in UTF-16 units. */
export const maxKeyLength = 1024;

/** Gives a key that may be used. */
export function checkKey(key: unknown, what = "key"): string {
  if (typeof key !== "string" || key === "" || key.length > maxKeyLength || !key.isWellFormed())
    throw invalid(what, `a well-formed string of 1 to ${maxKeyLength} characters`);
  return key;
}

export function checkKeys(keys: unknown, what = "keys"): string[] {
  if (!Array.isArray(keys)) throw invalid(what, "a list of strings");
  return keys.map((key) => checkKey(key, `each of ${what}`));
}

/** An expiry as whole milliseconds; 0 is none. */
export function checkTtl(ttlMs: unknown, fallback: number, what = "ttlMs"): number {
  if (ttlMs === undefined) return fallback;
  if (typeof ttlMs !== "number" || !(ttlMs >= 0) || ttlMs > maxTtlMs)
    throw invalid(what, "a number of milliseconds from 0 (never expires) to a hundred years");
  return Math.ceil(ttlMs);
}

export function checkNumber(value: unknown, what: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number" || !(value >= min) || value > max) throw invalid(what, `a number from ${min} to ${max}`);
  return value;
}

export function checkInteger(value: unknown, what: string, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
    throw invalid(what, `an integer from ${min} to ${max}`);
  return value as number;
}

/** Refuses members that are not options: a misspelled one never changes what a call does. */
export function checkOptions(options: unknown, known: readonly string[], op: string): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) throw invalid("options", "an object");
  for (const name in options) {
    if (known.includes(name)) continue;
    const there = known.join(", ");
    throw new CacheError("invalid", `${op}: unknown option "${name.slice(0, 60)}"; there are ${there}`, { detail: { field: name } });
  }
  const { timeoutMs } = options as { timeoutMs?: unknown };
  if (timeoutMs !== undefined) checkInteger(timeoutMs, "timeoutMs", 1, 2 ** 31 - 1);
  const { signal } = options as { signal?: unknown };
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid("signal", "an AbortSignal");
}
