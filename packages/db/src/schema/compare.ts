// The order and the equality of logical values, the same for every database.

import { compareDecimal } from "./decimal.js";
import type { Kind } from "./table.js";

export type Order = -1 | 0 | 1;

/**
 * Compares strings by code point, which is the order of their UTF-8 bytes. JavaScript's own `<` goes by UTF-16 unit and
 * puts surrogate pairs (U+10000 and above) before U+E000 to U+FFFF.
 */
export function compareText(a: string, b: string): Order {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y) return raised(x) < raised(y) ? -1 : 1;
  }
  return a.length < b.length ? -1 : 1;
}

// Lifts surrogates above all other units, so that units compare as the code points that they belong to.
function raised(unit: number): number {
  return unit < 0xd800 || unit > 0xdfff ? unit : unit + 0x10000;
}

function compareSimple(a: number | bigint | boolean, b: number | bigint | boolean): Order {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareTime(a: Date, b: Date): Order {
  return compareSimple(a.getTime(), b.getTime());
}

function unordered(): never {
  throw new TypeError("values of this kind have no order");
}

type Comparator = (a: never, b: never) => Order;

const comparators: Readonly<Record<Kind, Comparator>> = {
  text: compareText,
  int: compareSimple,
  int64: compareSimple,
  real: compareSimple,
  decimal: compareDecimal,
  bool: compareSimple,
  time: compareTime,
  json: unordered,
  list: unordered,
  blob: unordered,
};

/** The order of a kind's logical values, which must be present; of `json`, `list` and `blob`, which have none, a function that throws. */
export function comparatorOf(kind: Kind): (a: unknown, b: unknown) => Order {
  return comparators[kind] as (a: unknown, b: unknown) => Order;
}

/** Whether two logical values of a kind are equal; absent ones (null, undefined) equal each other and nothing else. */
export function sameValue(kind: Kind): (a: unknown, b: unknown) => boolean {
  switch (kind) {
    case "time":
      return sameTime;
    case "json":
    case "list":
      return (a, b) => sameJson(a ?? null, b ?? null);
    case "blob":
      return sameBytes;
    default:
      return (a, b) => (a ?? null) === (b ?? null);
  }
}

function sameTime(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : (a ?? null) === (b ?? null);
}

function sameBytes(a: unknown, b: unknown): boolean {
  if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return (a ?? null) === (b ?? null);
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Whether two JSON values are deeply equal; the order of an object's members does not matter. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => sameJson(item, b[at]));
  }
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && sameJson(a[name as keyof typeof a], b[name as keyof typeof b]));
}
