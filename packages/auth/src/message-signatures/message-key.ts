// The keys of message signatures. A key has one algorithm, whatever a message says.
import { invalid } from "../errors.js";

export type MessageAlgorithm = "hmac-sha256" | "ed25519";

/** A shared secret: whoever verifies can sign. */
export interface SecretKey {
  readonly algorithm: "hmac-sha256";
  /** Bytes, or text that stands for its UTF-8 bytes. Not empty. */
  readonly secret: Uint8Array | string;
}

/** A key of Web Crypto. */
export type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** An ed25519 key as JSON (RFC 8037); `d` is the private part. */
export interface EdwardsJwk {
  readonly kty?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly d?: string;
}

/** What verifies ed25519: SPKI as PEM text, a JWK, or a key of Web Crypto. */
export interface PublicKey {
  readonly algorithm: "ed25519";
  readonly publicKey: string | EdwardsJwk | ImportedKey;
}

/** What signs ed25519: PKCS #8 as PEM text, a JWK, or a key of Web Crypto. */
export interface PrivateKey {
  readonly algorithm: "ed25519";
  readonly privateKey: string | EdwardsJwk | ImportedKey;
}

export type SigningKey = SecretKey | PrivateKey;
export type VerifyingKey = SecretKey | PublicKey;

const encoder = new TextEncoder();
// Importing costs more than signing. A key that is dropped leaves nothing behind.
const imported = { sign: new WeakMap<SigningKey, Promise<ImportedKey>>(), verify: new WeakMap<VerifyingKey, Promise<ImportedKey>>() };

/**
 * Signs the bytes of a text.
 *
 * @throws AuthError `invalid` for a key that cannot be used
 */
export async function signText(key: SigningKey, text: string): Promise<Uint8Array> {
  const cryptoKey = await importOnce(imported.sign, key, () =>
    key.algorithm === "hmac-sha256" ? importSecret(key) : importEdwards(key.privateKey, "sign"),
  );
  return new Uint8Array(await crypto.subtle.sign(nameOf(key), cryptoKey, encoder.encode(text)));
}

/**
 * Whether a signature is that of a text by this key. Takes the same time wherever they differ.
 *
 * @throws AuthError `invalid` for a key that cannot be used
 */
export async function verifyText(key: VerifyingKey, text: string, signature: Uint8Array): Promise<boolean> {
  const cryptoKey = await importOnce(imported.verify, key, () =>
    key.algorithm === "hmac-sha256" ? importSecret(key) : importEdwards(key.publicKey, "verify"),
  );
  return crypto.subtle.verify(nameOf(key), cryptoKey, signature as Uint8Array<ArrayBuffer>, encoder.encode(text));
}

function nameOf({ algorithm }: { readonly algorithm: MessageAlgorithm }): string {
  return algorithm === "hmac-sha256" ? "HMAC" : "Ed25519";
}

function importOnce<K extends object>(
  known: WeakMap<K, Promise<ImportedKey>>,
  key: K,
  load: () => Promise<ImportedKey>,
): Promise<ImportedKey> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const loading = load();
  known.set(key, loading);
  return loading;
}

async function importSecret({ secret }: SecretKey): Promise<ImportedKey> {
  const bytes = typeof secret === "string" ? encoder.encode(secret) : secret;
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) throw invalid("key.secret", "is neither text nor bytes, or is empty");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", bytes as Uint8Array<ArrayBuffer>, algorithm, false, ["sign", "verify"]);
}

async function importEdwards(key: string | EdwardsJwk | ImportedKey, use: "sign" | "verify"): Promise<ImportedKey> {
  const field = use === "sign" ? "key.privateKey" : "key.publicKey";
  try {
    if (typeof key === "object" && "algorithm" in key) {
      if (key.algorithm.name !== "Ed25519") throw invalid(field, "is a key of another algorithm");
      return key;
    }
    if (typeof key !== "string") return await crypto.subtle.importKey("jwk", jwkFor(key, use), "Ed25519", false, [use]);
    return await crypto.subtle.importKey(use === "sign" ? "pkcs8" : "spki", pemBytes(key), "Ed25519", false, [use]);
  } catch {
    // The native error may repeat parts of the key.
    throw invalid(field, "is not an ed25519 key in a form that can be read");
  }
}

/** A JWK of a whole pair serves both. */
function jwkFor({ kty, crv, x, d }: EdwardsJwk, use: "sign" | "verify"): { kty: string; crv: string; x: string; d?: string } {
  const pair = { kty: kty!, crv: crv!, x: x! };
  return use === "sign" ? { ...pair, d: d! } : pair;
}

function pemBytes(pem: string): Uint8Array<ArrayBuffer> {
  const base64 = pem.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
