// Bytes as strings and back, with what every runtime has; by Node's `Buffer` where there is one, which is faster.

const NodeBuffer: typeof Buffer | undefined = globalThis.Buffer;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function bufferOf(bytes: Uint8Array): Buffer {
  return NodeBuffer!.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function bytesToBase64(bytes: Uint8Array): string {
  return NodeBuffer === undefined ? btoa(latin1(bytes)) : bufferOf(bytes).toString("base64");
}

/** Reads base64 with the usual or the URL-safe letters, padded or not. */
export function base64ToBytes(text: string): Uint8Array {
  if (NodeBuffer !== undefined) return new Uint8Array(NodeBuffer.from(text, "base64"));
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

/** URL-safe and not padded. */
export function bytesToBase64Url(bytes: Uint8Array): string {
  if (NodeBuffer !== undefined) return bufferOf(bytes).toString("base64url");
  return btoa(latin1(bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function bytesToHex(bytes: Uint8Array): string {
  if (NodeBuffer !== undefined) return bufferOf(bytes).toString("hex");
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param from  where the digits begin */
export function hexToBytes(text: string, from = 0): Uint8Array {
  if (NodeBuffer !== undefined) return new Uint8Array(NodeBuffer.from(from === 0 ? text : text.slice(from), "hex"));
  const bytes = new Uint8Array((text.length - from) >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(from + 2 * i, from + 2 * i + 2), 16);
  return bytes;
}

export function utf8Bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

export function utf8Text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The number of bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  return NodeBuffer === undefined ? encoder.encode(text).length : NodeBuffer.byteLength(text);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}
