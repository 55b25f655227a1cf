// Payloads as JSON text: what JSON would change without a word is refused.

import { invalid, QueueError } from "../errors.js";

/** How deep lists and objects may lie in each other. */
const maxDepth = 200;

/**
 * The JSON text of a payload, made at once, so that what the caller changes later changes nothing.
 *
 * Members that are `undefined` are left out, and -0 is 0, as in the rows of @bk/db.
 *
 * @param what  begins the message, such as `submit: the message`
 * @throws QueueError `invalid` for what JSON cannot hold: `undefined`, functions, symbols, bigints, NaN and infinities, dates and other objects
 *   with a class, circles, and lone surrogates; `too-large` when the text has more than `maxBytes` bytes of UTF-8
 */
export function encodeJson(value: unknown, maxBytes: number, what: string): string {
  const problem = problemOfJson(value, 0);
  if (problem !== undefined) throw invalid(`${what} ${problem}`);
  const text = JSON.stringify(value);
  checkSize(text, maxBytes, what);
  return text;
}

/** @throws QueueError `too-large`, with the sizes in `detail` */
export function checkSize(text: string, maxBytes: number, what: string): void {
  // A character takes three bytes at most, so most texts need no counting.
  if (text.length * 3 <= maxBytes) return;
  const bytes = utf8Length(text);
  if (bytes > maxBytes) {
    throw new QueueError("too-large", `${what} has ${bytes} bytes as JSON, more than the ${maxBytes} that are allowed`, {
      detail: { bytes, maxBytes },
    });
  }
}

const encoder = new TextEncoder();
function utf8Length(text: string): number {
  return globalThis.Buffer === undefined ? encoder.encode(text).length : globalThis.Buffer.byteLength(text);
}

function problemOfJson(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? undefined : "holds a lone surrogate";
    case "number":
      return Number.isFinite(value) ? undefined : "holds a number that is not finite";
    case "boolean":
      return undefined;
    case "object":
      return value === null ? undefined : problemOfObject(value, depth + 1);
    default:
      return `holds what is not JSON: ${typeof value}`;
  }
}

function problemOfObject(value: object, depth: number): string | undefined {
  if (depth > maxDepth) return `lies deeper than ${maxDepth} levels, or in a circle`;
  if (Array.isArray(value)) {
    for (const item of value) {
      const problem = problemOfJson(item, depth);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return "holds an object that is not a plain one, such as a Date; convert it first";
  // Without a list of the names, which costs as much as the rest. JSON would ask for an inherited `toJSON` too.
  for (const name in value) {
    const item = (value as Readonly<Record<string, unknown>>)[name];
    if (item === undefined) continue;
    if (name === "toJSON" && typeof item === "function") return "holds what is not JSON: function";
    const problem = problemOfJson(item, depth) ?? (name.isWellFormed() ? undefined : "holds a lone surrogate");
    if (problem !== undefined) return problem;
  }
  return undefined;
}
