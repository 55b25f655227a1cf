/**
 * Whether a value is an object of plain data: a literal, or one without a prototype. Instances of classes, arrays,
 * dates and maps are not; neither is a literal whose `__proto__` was set.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Not compared with Object.prototype: the literals of another realm have a prototype of their own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The own member of a caller's object; undefined for what every object inherits, such as `constructor`. */
export function ownMember(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
