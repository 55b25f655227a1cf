// Secrets at rest. Node only.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { AuthError, invalid } from "./errors.js";

/** The server's own secret: at least 32 characters or bytes. In a list the first one encrypts and every one decrypts, for rotation. */
export type MasterKey = string | Uint8Array | readonly (string | Uint8Array)[];

export interface SecretOptions {
  readonly masterKey: MasterKey;
  /** The account's login; the text can be decrypted for this login only. */
  readonly login: string;
  /** The column that the text is kept in; likewise. Default `secret`. */
  readonly column?: string | undefined;
}

export interface DecryptedSecret {
  readonly secret: string;
  /** Whether it is stored as it should be: encrypted with the first master key. */
  readonly current: boolean;
}

/** A master key made ready: what encrypts, first, and what else decrypts. */
export type Keyring = readonly [Key, ...Key[]];

interface Key {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** The row and column that a stored text belongs to. */
export type SecretPlace = Omit<SecretOptions, "masterKey">;

const encrypted = /^bks1\.([0-9a-f]{8})\.([A-Za-z0-9_-]{38,})$/;
const [nonceBytes, tagBytes, keyBytes, keyIdBytes] = [12, 16, 32, 4];

/**
 * Encrypts a secret for storage: AES-256-GCM with a random nonce, written `bks1.<key id>.<base64url>`.
 *
 * The login and the column are associated data, so a stored text is of no use in another row or column.
 *
 * @throws AuthError `invalid` when the master key is too short
 */
export function encryptSecret(secret: string, options: SecretOptions): string {
  return seal(secret, openKeyring(options.masterKey), options);
}

/**
 * Reads a stored secret. Text that was never encrypted is given as it is, with `current: false`.
 *
 * @throws AuthError `invalid` when no master key fits, or the text was made for another login or column, or was changed
 */
export function decryptSecret(stored: string, options: SecretOptions): DecryptedSecret {
  return unseal(stored, openKeyring(options.masterKey), options);
}

/** Derives the keys of a master key, once for many secrets. */
export function openKeyring(masterKey: MasterKey): Keyring {
  const list = typeof masterKey === "string" || masterKey instanceof Uint8Array ? [masterKey] : (masterKey ?? []);
  const [first, ...others] = list.map(deriveKey);
  if (first === undefined) throw invalid("masterKey", "is missing");
  return [first, ...others];
}

/** `encryptSecret` with keys that are derived already. */
export function seal(secret: string, [key]: Keyring, place: SecretPlace): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key.bytes, nonce, { authTagLength: tagBytes }).setAAD(associatedData(place));
  const sealed = Buffer.concat([nonce, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `bks1.${key.id}.${sealed.toString("base64url")}`;
}

/** `decryptSecret` with keys that are derived already. */
export function unseal(stored: string, keys: Keyring, place: SecretPlace): DecryptedSecret {
  const match = encrypted.exec(stored);
  if (match === null) return { secret: stored, current: false };
  const key = keys.find(({ id }) => id === match[1]);
  if (key === undefined) throw invalid("masterKey", "is not the one that a stored secret was encrypted with");
  const sealed = Buffer.from(match[2]!, "base64url");
  const end = sealed.length - tagBytes;
  const decipher = createDecipheriv("aes-256-gcm", key.bytes, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(associatedData(place)).setAuthTag(sealed.subarray(end));
  try {
    const secret = decipher.update(sealed.subarray(nonceBytes, end), undefined, "utf8") + decipher.final("utf8");
    return { secret, current: key === keys[0] };
  } catch (cause) {
    throw new AuthError("invalid", "a stored secret was changed, or belongs to another account", { detail: { field: "secret" }, cause });
  }
}

function deriveKey(masterKey: string | Uint8Array): Key {
  const material = typeof masterKey === "string" ? Buffer.from(masterKey, "utf8") : masterKey;
  if (material.length < 32) throw invalid("masterKey", "must have at least 32 characters or bytes");
  const derived = Buffer.from(hkdfSync("sha256", material, "", "bk-auth secrets", keyBytes + keyIdBytes));
  return { bytes: derived.subarray(0, keyBytes), id: derived.subarray(keyBytes).toString("hex") };
}

function associatedData({ login, column = "secret" }: SecretPlace): Buffer {
  return Buffer.from(`${column}\n${login}`, "utf8");
}
