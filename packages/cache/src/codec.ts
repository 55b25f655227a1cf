// How values become what is stored, and back.

import type { Stored } from "./driver.js";
import { CacheError, invalid } from "./errors.js";
import { fromBase64, toBase64 } from "./stored.js";

/**
 * - `json`: anything that JSON can hold, so that what comes back equals what was given; members that are `undefined` are left out.
 * - `raw`: texts and bytes as they are.
 */
export type CodecName = "json" | "raw";

export interface Codec {
  readonly name: CodecName;
  /** @throws CacheError `invalid` for what it cannot hold */
  encode(value: unknown): Stored;
  decode(stored: Stored): unknown;
}

const json: Codec = {
  name: "json",
  encode(value) {
    if (typeof value === "string" || typeof value === "boolean" || value === null) return JSON.stringify(value);
    if (typeof value === "number") {
      if (!Number.isFinite(value)) throw invalid("value", "a finite number: JSON has no other");
      return Object.is(value, -0) ? "0" : String(value);
    }
    return encodeObject(value);
  },
  decode(stored) {
    if (typeof stored !== "string") throw new CacheError("invalid", "the stored value is bytes, which the codec json does not read");
    try {
      return JSON.parse(stored) as unknown;
    } catch {
      // The native message quotes the value.
      throw new CacheError("invalid", "the stored value is not JSON; was it written with another codec?");
    }
  },
};

function encodeObject(value: unknown): string {
  checkJson(value, 0);
  return JSON.stringify(value);
}

/** Deeper than this nothing is read back safely; what refers to itself is deeper than anything. */
const maxDepth = 500;

/** Refuses what JSON would quietly turn into something else. */
function checkJson(value: unknown, depth: number): void {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalid("value", "something that JSON can hold, with finite numbers");
    return;
  }
  if (typeof value !== "object") throw invalid("value", `something that JSON can hold, not ${typeof value}`);
  if (depth >= maxDepth) throw invalid("value", `something that JSON can hold: it refers to itself or is deeper than ${maxDepth}`);
  if (Array.isArray(value)) {
    // By index, so that holes are seen too.
    for (let i = 0; i < value.length; i++) checkJson(value[i], depth + 1);
    return;
  }
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value) || "toJSON" in value)
    throw invalid("value", `something that JSON can hold, without a ${value.constructor?.name ?? "toJSON"}`);
  for (const name in value) {
    const member = (value as Record<string, unknown>)[name];
    if (member !== undefined) checkJson(member, depth + 1);
  }
}

const raw: Codec = {
  name: "raw",
  encode(value) {
    if (typeof value === "string") {
      if (!value.isWellFormed()) throw invalid("value", "a well-formed text");
      return value;
    }
    // The caller may change its bytes after the call.
    if (value instanceof Uint8Array) return Uint8Array.prototype.slice.call(value);
    throw invalid("value", `a string or bytes (Uint8Array) with the codec raw, not ${typeof value}`);
  },
  decode: (stored) => (typeof stored === "string" ? stored : Uint8Array.prototype.slice.call(stored)),
};

export const codecs: Readonly<Record<CodecName, Codec>> = { json, raw };

/** What is stored beside a value where there is more to say. */
export interface Wrapping {
  /** When it stops being fresh, in milliseconds since 1970. */
  readonly freshUntil?: number;
  /** The loader found nothing. */
  readonly isAbsent?: true;
  /** Tags with the mark that each had when the value was made. */
  readonly tags?: readonly (readonly [tag: string, mark: string])[];
}

/** What a wrapped value begins with; no JSON text does, and raw texts that do are wrapped. */
const wrapMark = "\u0002";

/** The same value; one that begins as a wrapped one does is wrapped. */
export function plain(value: Stored): Stored {
  return typeof value === "string" && value.startsWith(wrapMark) ? wrap(value, {}) : value;
}

interface WrappedHead {
  readonly f?: number;
  readonly n?: 1;
  readonly t?: readonly (readonly [string, string])[];
  readonly b?: 1;
}

export function wrap(value: Stored, { freshUntil, isAbsent, tags }: Wrapping): string {
  const head: WrappedHead = {
    ...(freshUntil === undefined ? {} : { f: freshUntil }),
    ...(isAbsent ? { n: 1 } : {}),
    ...(tags === undefined || tags.length === 0 ? {} : { t: tags }),
    ...(typeof value === "string" ? {} : { b: 1 }),
  };
  return `${wrapMark}${JSON.stringify(head)}\n${typeof value === "string" ? value : toBase64(value)}`;
}

export interface Unwrapped extends Wrapping {
  readonly value: Stored;
}

export const isWrapped = (stored: Stored): stored is string => typeof stored === "string" && stored.charCodeAt(0) === 2;

/** @throws CacheError `invalid` when it is damaged */
export function unwrap(stored: string): Unwrapped {
  const end = stored.indexOf("\n");
  let head: WrappedHead;
  try {
    head = JSON.parse(stored.slice(1, end)) as WrappedHead;
  } catch {
    throw new CacheError("invalid", "the stored value is damaged");
  }
  const text = stored.slice(end + 1);
  return {
    value: head.b === 1 ? fromBase64(text) : text,
    ...(head.f === undefined ? {} : { freshUntil: head.f }),
    ...(head.n === undefined ? {} : { isAbsent: true }),
    ...(head.t === undefined ? {} : { tags: head.t }),
  };
}
