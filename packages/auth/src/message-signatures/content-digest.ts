// Content-Digest (RFC 9530): what ties a body to a signature that covers the header.
import { equalTexts } from "../constant-time.js";
import type { HashedBody } from "../incoming.js";
import { base64Of, parseDictionary } from "./structured-fields.js";

export type DigestAlgorithm = "sha-256" | "sha-512";

const hashes: Readonly<Record<DigestAlgorithm, "SHA-256" | "SHA-512">> = { "sha-256": "SHA-256", "sha-512": "SHA-512" };
const algorithms = Object.keys(hashes) as DigestAlgorithm[];

/** The Content-Digest header of a body; text stands for its UTF-8 bytes. Default `sha-256`. */
export async function contentDigest(body: string | Uint8Array, algorithm: DigestAlgorithm = "sha-256"): Promise<string> {
  return `${algorithm}=:${await hashOf(body, algorithm)}:`;
}

/** What a Content-Digest header says of a body: `unusable` holds no digest of an algorithm that is known here, or is no dictionary. */
export type DigestVerdict = "fits" | "differs" | "unusable";

/** Compares a body with its Content-Digest header. Each digest that is known here must fit; others are passed over. */
export async function checkContentDigest(header: string, body: string | Uint8Array | HashedBody): Promise<DigestVerdict> {
  const members = parseDictionary(header, { unique: true });
  let compared = 0;
  for (const algorithm of algorithms) {
    const member = members?.get(algorithm);
    if (member === undefined) continue;
    if ("items" in member || member.bare.type !== "bytes") return "unusable";
    if (!equalTexts(await hashOf(body, algorithm), base64Of(member.bare.value))) return "differs";
    compared++;
  }
  return compared > 0 ? "fits" : "unusable";
}

async function hashOf(body: string | Uint8Array | HashedBody, algorithm: DigestAlgorithm): Promise<string> {
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return body.hash(hashes[algorithm]);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return base64Of(new Uint8Array(await crypto.subtle.digest(hashes[algorithm], bytes as Uint8Array<ArrayBuffer>)));
}
