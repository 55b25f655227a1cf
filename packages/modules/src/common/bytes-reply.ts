// Replies of bytes: what browsers may keep, and what they ask again.

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

/** Whether the caller has these bytes already (RFC 9110 §13.1.2: tags are compared weakly). */
export function hasSame(headers: Headers, etag: string): boolean {
  const given = headers.get("if-none-match");
  if (given === null) return false;
  return given.trim() === "*" || given.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
