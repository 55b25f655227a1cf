// What may stand in JSON columns, and copies of it.

import { isPlainObject } from "./plain-object.js";
import { refuse } from "./refuse.js";
import { isStorableText } from "./storable-text.js";
import type { Column } from "./table.js";

/** Most levels of lists and objects in one JSON value; some engines take no more than 100. */
export const maxJsonDepth = 64;

/**
 * A deep copy of a JSON value. Members that are undefined are left out and −0 is 0.
 *
 * @throws DbError `invalid` for what JSON cannot hold (dates, bigints, functions, NaN, instances of classes, missing list
 *   elements), for strings and names with U+0000 or lone surrogates, and for values deeper than {@link maxJsonDepth} or cyclic
 */
export function checkJson(column: Column, value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
      if (!isStorableText(value)) refuse(column, "type", "holds a string with U+0000 or a lone surrogate");
      return value;
    case "number":
      if (!Number.isFinite(value)) refuse(column, "type", "holds a number that is not finite");
      return value + 0;
    case "boolean":
      return value;
    case "object":
      if (value === null) return null;
      if (depth >= maxJsonDepth) refuse(column, "type", `must not be cyclic or deeper than ${maxJsonDepth} levels`);
      if (Array.isArray(value)) return checkList(column, value, depth);
      if (isPlainObject(value)) return checkObject(column, value, depth);
      break;
    default:
  }
  refuse(column, "type", "must hold nothing but what JSON has: null, booleans, numbers, strings, lists and plain objects");
}

function checkList(column: Column, value: readonly unknown[], depth: number): unknown[] {
  const copy: unknown[] = [];
  // By index, so that holes are met too.
  for (let i = 0; i < value.length; i++) copy.push(checkJson(column, value[i], depth + 1));
  return copy;
}

function checkObject(column: Column, value: Record<string, unknown>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  const names = Object.keys(value);
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (!isStorableText(name)) refuse(column, "type", "holds a name with U+0000 or a lone surrogate");
    const member = value[name];
    if (member !== undefined) setMember(copy, name, checkJson(column, member, depth + 1));
  }
  return copy;
}

/** A deep copy of a value that is known to be JSON. */
export function copyJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) setMember(copy, name, copyJson(value[name as keyof typeof value]));
  return copy;
}

/** Sets an own member, also one named `__proto__`, which plain assignment would take for the prototype. */
export function setMember(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__") Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else object[name] = value;
}
