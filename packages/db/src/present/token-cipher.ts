// What page tokens need of cryptography: Node's own, which answers at once, else that of the web, which does not.

import { findNodeModule, type NodeModules } from "@bk/core";

import { joinBytes, utf8Bytes } from "../schema/bytes.js";

type Answer<Value> = Value | Promise<Value>;

/** The same bytes on every runtime: a token made on one is read on another. */
export interface TokenCipher {
  sha256(data: Uint8Array | string): Answer<Uint8Array>;
  /** AES-256-GCM: a random nonce, the tag, then the sealed bytes. */
  seal(body: Uint8Array, key: Uint8Array): Answer<Uint8Array>;
  /** Undefined when the bytes were not sealed with this key. */
  unseal(sealed: Uint8Array, key: Uint8Array): Answer<Uint8Array | undefined>;
}

const ivBytes = 12;
const tagBytes = 16;

export function nodeCipher({
  createCipheriv,
  createDecipheriv,
  hash,
  randomBytes,
}: Pick<NodeModules["node:crypto"], "createCipheriv" | "createDecipheriv" | "hash" | "randomBytes">): TokenCipher {
  return {
    sha256: (data) => hash("sha256", data, "buffer"),
    seal(body, key) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv("aes-256-gcm", key, iv);
      const sealed = joinBytes(cipher.update(body), cipher.final());
      return joinBytes(iv, cipher.getAuthTag(), sealed);
    },
    unseal(bytes, key) {
      if (bytes.length < ivBytes + tagBytes) return undefined;
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes });
      decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
      try {
        return joinBytes(decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final());
      } catch {
        // Any failure means that the token was not made with this key.
        return undefined;
      }
    },
  };
}

type WebBytes = Uint8Array<ArrayBuffer>;

/** The web's cryptography has the tag after the sealed bytes. */
export function webCipher(): TokenCipher {
  const { subtle } = crypto;
  const keyOf = (key: Uint8Array, use: "encrypt" | "decrypt"): ReturnType<typeof subtle.importKey> =>
    subtle.importKey("raw", key as WebBytes, "AES-GCM", false, [use]);
  return {
    async sha256(data) {
      const bytes = typeof data === "string" ? utf8Bytes(data) : data;
      return new Uint8Array(await subtle.digest("SHA-256", bytes as WebBytes));
    },
    async seal(body, key) {
      const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
      const sealed = new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv }, await keyOf(key, "encrypt"), body as WebBytes));
      return joinBytes(iv, sealed.subarray(-tagBytes), sealed.subarray(0, -tagBytes));
    },
    async unseal(bytes, key) {
      if (bytes.length < ivBytes + tagBytes) return undefined;
      const iv = bytes.slice(0, ivBytes);
      const sealed = joinBytes(bytes.subarray(ivBytes + tagBytes), bytes.subarray(ivBytes, ivBytes + tagBytes));
      try {
        return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv }, await keyOf(key, "decrypt"), sealed as WebBytes));
      } catch {
        // Any failure means that the token was not made with this key.
        return undefined;
      }
    },
  };
}

/** The quickest that the runtime has. */
export function tokenCipher(): TokenCipher {
  const node = findNodeModule("node:crypto");
  return node?.hash === undefined ? webCipher() : nodeCipher(node);
}
