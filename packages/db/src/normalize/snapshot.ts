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
  const own: Record<string, unknown> =
    prototype === null ? (Object.assign(Object.create(null) as object, value) as Record<string, unknown>) : { ...value };
  for (const name in own) {
    const member = own[name];
    if (typeof member === "object" && member !== null) own[name] = copy(member, depth + 1);
  }
  return own;
}
