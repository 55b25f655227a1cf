// Hashes by Web Crypto alone, so that they run wherever fetch does.

export type Hash = "SHA-1" | "SHA-256";

/** The two hashes of a signature. `bodyChecksum` and `hmac` say what each gives. */
export interface Hasher {
  hmac(hash: Hash, key: string, text: string): string | Promise<string>;
  checksum(body: Uint8Array): string | Promise<string>;
}

/** Hashes wherever there is Web Crypto. */
export const webHasher: Hasher = Object.freeze({ hmac, checksum: bodyChecksum });

const encoder = new TextEncoder();

/** Base64 (padded) HMAC of the UTF-8 bytes of `text`, keyed by those of `key`, which must not be empty. */
export async function hmac(hash: Hash, key: string, text: string): Promise<string> {
  const imported = await crypto.subtle.importKey("raw", encoder.encode(key), { name: "HMAC", hash }, false, ["sign"]);
  return encodeBase64(new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text))));
}

/** The checksum field of a signature: base64 (padded) SHA-1 of the body's bytes; of UTF-8 for text. */
export async function bodyChecksum(body: string | Uint8Array): Promise<string> {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  return encodeBase64(new Uint8Array(await crypto.subtle.digest("SHA-1", bytes as Uint8Array<ArrayBuffer>)));
}

/** Stands for a login in the keys of caches: who sees them must not see what was typed, which may be a password. */
export async function loginKey(login: string): Promise<string> {
  return toBase64Url(encodeBase64(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(login)))));
}

export function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Gives base64 the URL-safe alphabet and drops the padding. */
export function toBase64Url(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
