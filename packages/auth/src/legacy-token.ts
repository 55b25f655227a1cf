// Access tokens of the original server. Node only, for the ciphers that Web Crypto rightly lacks.
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import type { TokenOpener } from "./credential.js";
import { invalid } from "./errors.js";
import { decodeUtf8 } from "./signature-value.js";

const [keyBytes, ivBytes] = [24, 16];

/**
 * Opens access tokens of the original server: hex of AES-192-CBC, key and IV by OpenSSL's EVP_BytesToKey (MD5, no salt, one round).
 *
 * The envelope is neither random nor authenticated; what keeps a token from being forged is the version 3 signature inside it. For servers
 * that take over clients with such tokens: `tokens: [legacyTokens(secret)]`.
 *
 * @throws AuthError `invalid` when `secret` is empty
 */
export function legacyTokens(secret: string): TokenOpener {
  if (secret === "") throw invalid("secret", "is empty");
  const { key, iv } = bytesToKey(secret);
  return {
    open(token) {
      if (!/^(?:[0-9a-f]{32})+$/.test(token)) return undefined;
      const decipher = createDecipheriv("aes-192-cbc", key, iv);
      try {
        return decodeUtf8(Buffer.concat([decipher.update(token, "hex"), decipher.final()]));
      } catch {
        // Wrong padding: not a token of this secret.
        return undefined;
      }
    },
  };
}

/** Makes such a token from a version 3 signature value; what `legacyTokens` opens. */
export function sealLegacyToken(value: string, secret: string): string {
  const { key, iv } = bytesToKey(secret);
  const cipher = createCipheriv("aes-192-cbc", key, iv);
  return cipher.update(value, "utf8", "hex") + cipher.final("hex");
}

function bytesToKey(secret: string): { key: Buffer; iv: Buffer } {
  let derived = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  while (derived.length < keyBytes + ivBytes) {
    last = createHash("md5").update(last).update(secret, "utf8").digest();
    derived = Buffer.concat([derived, last]);
  }
  return { key: derived.subarray(0, keyBytes), iv: derived.subarray(keyBytes, keyBytes + ivBytes) };
}
