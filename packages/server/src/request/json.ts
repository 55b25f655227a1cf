// JSON from clients: bounded in depth, and without member names that would change an object's prototype.

import { badRequest } from "../error-response.js";

/**
 * Parses JSON that a client sent.
 *
 * @param what   how it is called in errors
 * @param field  the parameter that holds it, where it is not the whole body
 */
export function parseJson(text: string, maxDepth: number, what: string, field?: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch {
    // The native message repeats a part of the text, which may hold secrets.
    throw badRequest(`${what} is not valid JSON`, field);
  }
  checkDepth(value, maxDepth, what, field);
  return value;
}

/** Refuses values that are nested deeper than `left` levels, and members named `__proto__`. */
function checkDepth(value: unknown, left: number, what: string, field: string | undefined): void {
  if (typeof value !== "object" || value === null) return;
  if (left === 0) throw badRequest(`${what} is nested too deeply`, field);
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) checkDepth(item, left - 1, what, field);
    return;
  }
  for (const name in value) {
    if (name === "__proto__") throw badRequest(`${what} has a member named __proto__`, field);
    checkDepth((value as Record<string, unknown>)[name], left - 1, what, field);
  }
}
