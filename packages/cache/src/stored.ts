// Values on stores that keep bytes: texts as UTF-8, bytes behind a mark that no UTF-8 text begins with.

/** A value as a driver keeps it. Texts come back as texts, bytes as bytes, both exactly as they were given. */
export type Stored = string | Uint8Array;

const bytesMark = 0xff;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** @returns bytes of its own */
export function toBytes(value: Stored): Uint8Array {
  if (typeof value === "string") return encoder.encode(value);
  const marked = new Uint8Array(value.length + 1);
  marked[0] = bytesMark;
  marked.set(value, 1);
  return marked;
}

/** @returns a text, or bytes of its own */
export function fromBytes(bytes: Uint8Array): Stored {
  return bytes[0] === bytesMark ? Uint8Array.prototype.slice.call(bytes, 1) : decoder.decode(bytes);
}

/** Bytes of UTF-8 of a text, or the length of bytes. */
export function sizeOf(value: Stored): number {
  return typeof value === "string" ? utf8Length(value) : value.length;
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // A pair of surrogates is two units and four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** A value as JSON: a text is itself, bytes are in a list as base64. */
export type StoredJson = string | readonly [base64: string];

export function toJson(value: Stored): StoredJson {
  return typeof value === "string" ? value : [toBase64(value)];
}

export function fromJson(json: StoredJson): Stored {
  return typeof json === "string" ? json : fromBase64(json[0]);
}

export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(binary);
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** A text by which two values are one exactly when they are equal. */
export function identityOf(value: Stored): string {
  return typeof value === "string" ? `t${value}` : `b${toBase64(value)}`;
}
