// Node's own hashes. Web Crypto hands each call to another thread, which takes twenty times as long as the hash.
import { createHash, createHmac } from "node:crypto";
import type { Hash, Hasher } from "./digest.js";

const names: Readonly<Record<Hash, string>> = { "SHA-1": "sha1", "SHA-256": "sha256" };

/** Gives what `webHasher` gives, at once. */
export const nodeHasher: Hasher = Object.freeze({
  hmac: (hash: Hash, key: string, text: string) => createHmac(names[hash], key).update(text, "utf8").digest("base64"),
  checksum: (body: Uint8Array) => createHash("sha1").update(body).digest("base64"),
});
