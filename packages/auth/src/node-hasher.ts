// Node's own hashes. Web Crypto hands each call to another thread, which takes twenty times as long as a small hash.
import { createHash, createHmac } from "node:crypto";
import { bodyChecksum, type Hash, type Hasher } from "./digest.js";

const names: Readonly<Record<Hash, string>> = { "SHA-1": "sha1", "SHA-256": "sha256" };

/** Bodies of more bytes are hashed in another thread: this one has other requests to answer meanwhile. */
const mostAtOnce = 256 * 1024;

/** Gives what `webHasher` gives, at once but for large bodies. */
export const nodeHasher: Hasher = Object.freeze({
  hmac: (hash: Hash, key: string, text: string) => createHmac(names[hash], key).update(text, "utf8").digest("base64"),
  checksum: (body: Uint8Array) => (body.length > mostAtOnce ? bodyChecksum(body) : createHash("sha1").update(body).digest("base64")),
});
