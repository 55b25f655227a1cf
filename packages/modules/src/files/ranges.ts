// Which part of a file is asked for (RFC 9110 §14).

import type { ByteRange } from "../storage/object-storage.js";

/**
 * The part that a request asks for.
 *
 * @param range  the header `Range`; forms that are not understood, and several parts at once, are passed over, as they may be
 * @param ifRange  the header `If-Range`: another tag than the file's asks for all of it
 * @returns  `undefined` for all of it, `none` when nothing of it is there (416)
 */
export function rangeOf(range: string | null, ifRange: string | null, size: number, etag: string): ByteRange | "none" | undefined {
  if (range === null || (ifRange !== null && ifRange !== etag)) return undefined;
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(range.trim()) ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  if (first === "") return Number(last) === 0 || size === 0 ? "none" : { start: Math.max(0, size - Number(last)), end: size - 1 };
  if (last !== "" && Number(last) < Number(first)) return undefined;
  if (Number(first) >= size) return "none";
  return { start: Number(first), end: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}
