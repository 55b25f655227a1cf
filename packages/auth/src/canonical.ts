// The text that a signature hashes. Pure: nothing here knows requests, headers or keys.
import type { Hash } from "./digest.js";

export type SignatureVersion = 1 | 2 | 3 | 4;

/** What is signed. Texts are as they go over the wire: nothing is decoded or normalized. */
export interface SignedParts {
  readonly version: SignatureVersion;
  readonly tag: string;
  readonly login: string;
  readonly method: string;
  /** The Host header; its port and case do not count. */
  readonly host: string;
  readonly path: string;
  /** The raw query, or the raw body of a form that is posted. */
  readonly query: string;
  /** Milliseconds since 1970, in decimal. */
  readonly expires: string;
  readonly contentType: string;
  readonly checksum: string;
}

/** The hash that each version uses. */
export const hashOf: Readonly<Record<SignatureVersion, Hash>> = { 1: "SHA-1", 2: "SHA-256", 3: "SHA-256", 4: "SHA-256" };

/**
 * The canonical text: one line a part, each ended by a line feed.
 *
 * - Version 4 signs the request: version, tag, login, method, host, path, query, expiration, content type, checksum.
 * - Versions 2 (sessions) and 3 (access tokens) sign a domain: any method, path, query and body fits.
 * - Version 1 is version 4 without its first three lines.
 */
export function canonicalText(parts: SignedParts): string {
  const { version, tag, login, method, expires } = parts;
  const host = hostName(parts.host);
  const request = [method, host, parts.path, canonicalQuery(parts.query), expires, parts.contentType.toLowerCase(), parts.checksum];
  switch (version) {
    case 1:
      return lines(request);
    case 2:
    case 3:
      return lines([String(version), tag, login, "*", domainName(host), "/", "*", expires, "*", "*"]);
    case 4:
      return lines(["4", tag, login, ...request]);
  }
}

/** Sorts the `name=value` pieces of a raw query by UTF-16 code unit and drops empty ones. Nothing is decoded; repeated ones stay. */
export function canonicalQuery(query: string): string {
  return queryPieces(query).sort().join("&");
}

export function queryPieces(query: string): string[] {
  return query.split("&").filter((piece) => piece !== "");
}

/** The host without its port, in lower case. A bracketed IPv6 address becomes `[`: the cut is at the first colon. */
export function hostName(host: string): string {
  return host.split(":", 1)[0]!.toLowerCase();
}

/** The domain that sessions and tokens are bound to: the host without its first label, if more than two labels are there. */
export function domainName(host: string): string {
  const labels = host.toLowerCase().split(".");
  return (labels.length > 2 ? labels.slice(1) : labels).join(".");
}

function lines(parts: readonly string[]): string {
  return parts.map((part) => `${part}\n`).join("");
}
