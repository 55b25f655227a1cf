// JSON from clients: bounded in depth, and without member names that would change an object's prototype.

import { badRequest } from "../error-response.js";

/** Parses JSON that a client sent. @param what  how it is called in errors */
export function parseJson(text: string, maxDepth: number, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch {
    // The native message repeats a part of the text, which may hold secrets.
    throw badRequest(`${what} is not valid JSON`);
  }
  checkDepth(value, maxDepth, what);
  return value;
}

/** Refuses values that are nested deeper than `left` levels, and members named `__proto__`. */
export function checkDepth(value: unknown, left: number, what: string): void {
  if (typeof value !== "object" || value === null) return;
  if (left === 0) throw badRequest(`${what} is nested too deeply`);
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) checkDepth(item, left - 1, what);
    return;
  }
  for (const name in value) {
    if (name === "__proto__") throw badRequest(`${what} has a member named __proto__`);
    checkDepth((value as Record<string, unknown>)[name], left - 1, what);
  }
}
