// What a server was configured with, fit to be shown.

import { redactUrl } from "@bk/core";

const hidden = "***";
const secretName = /pass|pwd|secret|token|key|sign(?!-up$|up$)|credential|auth|salt|session|cookie/i;
const deepest = 8;

/**
 * Settings with what is secret masked: everything under a name that sounds like it, and passwords in URLs, wherever they stand.
 *
 * @param unset  gives null for settings that have no value, too
 */
export function shownParams(params: Readonly<Record<string, unknown>>, unset: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params)
      .filter(([, value]) => unset || (value !== undefined && value !== null))
      .map(([name, value]) => [name, shown(name, value ?? null, 0)]),
  );
}

function shown(name: string, value: unknown, depth: number): unknown {
  if (value === null) return null;
  if (secretName.test(name)) return hidden;
  if (typeof value === "string") return redactUrl(value);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return String(value);
  if (depth === deepest || typeof value !== "object") return hidden;
  if (Array.isArray(value)) return (value as unknown[]).map((item) => shown("", item ?? null, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  // An open database or a client is no setting.
  if (prototype !== Object.prototype && prototype !== null) return hidden;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(key, item ?? null, depth + 1)]));
}
