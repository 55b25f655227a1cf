// How messages become what the engine carries, and back.

import { checkSize, encodeJson } from "../common/json.js";
import { invalid } from "../errors.js";
import type { Payload } from "./driver.js";

/** `json`: anything that JSON can hold. `raw`: texts and bytes as they are; subscribers get bytes. */
export type Codec = "json" | "raw";

/** The size of what waits to be handed out: bytes, or UTF-16 units of a text. */
export const sizeOf = (payload: Payload): number => payload.length;

/** @throws QueueError `invalid` for what the codec cannot hold, `too-large` */
export function encode(codec: Codec, message: unknown, maxBytes: number): Payload {
  const what = "publish: the message";
  if (codec === "json") return encodeJson(message, maxBytes, what);
  if (typeof message === "string") {
    if (!message.isWellFormed()) throw invalid(`${what} holds a lone surrogate`);
    checkSize(message, maxBytes, what);
    return message;
  }
  if (!(message instanceof Uint8Array)) throw invalid(`${what} must be a text or bytes, with the codec "raw"`);
  if (message.byteLength > maxBytes) checkSize(" ".repeat(message.byteLength), maxBytes, what);
  // A copy: what the caller writes into its own later is not sent.
  return Uint8Array.prototype.slice.call(message);
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** @throws SyntaxError or TypeError for what another program has sent in another form */
export function decode(codec: Codec, payload: Payload): unknown {
  if (codec === "json") return JSON.parse(typeof payload === "string" ? payload : decoder.decode(payload));
  return typeof payload === "string" ? encoder.encode(payload) : payload;
}
