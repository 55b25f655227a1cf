// Replies of bytes: what browsers may keep, and what they ask again.

import { createHash } from "node:crypto";

/** What runs where nothing may. */
const asDocument = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/** Headers of a reply of bytes that somebody has uploaded: no type is guessed, nothing in it runs. */
export function bytesHeaders(type: string, etag: string, cacheControl: string): Record<string, string> {
  return {
    "content-type": type,
    etag,
    "cache-control": cacheControl,
    "content-security-policy": asDocument,
    "x-content-type-options": "nosniff",
  };
}

/** The tag of bytes, made of them or of what names them. */
export function etagOf(content: string | Uint8Array): string {
  return `"${createHash("sha256").update(content).digest("hex").slice(0, 32)}"`;
}

/** Whether the caller has these bytes already (RFC 9110 §13.1.2: tags are compared weakly). */
export function hasSame(headers: Headers, etag: string): boolean {
  const given = headers.get("if-none-match");
  if (given === null) return false;
  return given.trim() === "*" || given.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
