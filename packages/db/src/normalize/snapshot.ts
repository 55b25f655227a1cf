import { setMember } from "../schema/json-value.js";

/**
 * A copy of what a caller gave, for calls that come back to it after others had their turn: a call takes its values when
 * it is made, whatever the caller does with its objects meanwhile. Values that nothing can change are kept as they are.
 */
export function snapshot<T>(value: T): T {
  return copy(value, 0) as T;
}

// Deeper values are refused by the checks of JSON; until then they must not end the stack.
const deepest = 1000;

function copy(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth > deepest) return value;
  if (Array.isArray(value)) return Array.from(value, (member: unknown) => copy(member, depth + 1));
  if (value instanceof Date) return new Date(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of other classes are left to the checks, which refuse them or ask them for their JSON.
  if (prototype !== Object.prototype && prototype !== null) return value;
  const own: Record<string, unknown> = prototype === null ? (Object.create(null) as Record<string, unknown>) : {};
  const names = Object.keys(value);
  for (let i = 0; i < names.length; i++) setMember(own, names[i]!, copy((value as Record<string, unknown>)[names[i]!], depth + 1));
  return own;
}
