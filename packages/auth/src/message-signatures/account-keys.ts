import { invalid } from "../errors.js";
import { compileScopes } from "./key-scopes.js";
import type { VerifyingKey } from "./message-key.js";

/** A key that signs for an account. An account may have several at once, so that a new one is in use before the old one ends. */
export interface AccountKey {
  /** Names the key in messages: 1 to 140 printable ASCII characters. */
  readonly keyid: string;
  /** The account that it signs for. */
  readonly login: string;
  /** The id of that account. Where it is given, the key does not sign for another one that has the login later. */
  readonly account?: string | null | undefined;
  /** What verifies; it says which algorithm is taken. */
  readonly key: VerifyingKey;
  /** When it begins to count, in milliseconds since 1970; default always. */
  readonly begins?: number | null | undefined;
  /** When it counts no more, in milliseconds since 1970; default never. */
  readonly ends?: number | null | undefined;
  /** What it may be used for, such as `GET /data/*` or `/data/*`; default all that the account may do. An empty list allows nothing. */
  readonly scopes?: readonly string[] | null | undefined;
}

/** Where the keys of accounts come from. */
export interface AccountKeys {
  /** Gives the key with exactly this id, or undefined. Rejects only when the store cannot answer. */
  findKey(keyid: string): AccountKey | undefined | Promise<AccountKey | undefined>;
  /** Told of each use of a key that was right. Must not throw; a store that writes it down does so now and then, not each time. */
  used?(keyid: string, atMs: number): void;
}

export interface MemoryKeys extends AccountKeys {
  findKey(keyid: string): AccountKey | undefined;
  used(keyid: string, atMs: number): void;
  /** Adds a key. @throws AuthError `invalid` for one that cannot be used, or whose id is taken */
  add(key: AccountKey): void;
  /** Lets a key end at a time, in milliseconds since 1970. False when there is no such key. */
  end(keyid: string, atMs: number): boolean;
  /** When a key was last used, in milliseconds since 1970; undefined when it was not, or there is none. */
  lastUsed(keyid: string): number | undefined;
}

/**
 * Keys in this process, such as those of a configuration.
 *
 * @throws AuthError `invalid` for a key that cannot be used, or an id that comes twice
 */
export function memoryKeys(keys: readonly AccountKey[] = []): MemoryKeys {
  const known = new Map<string, AccountKey>();
  const uses = new Map<string, number>();
  const store: MemoryKeys = {
    findKey: (keyid) => known.get(keyid),
    used(keyid, atMs) {
      if (known.has(keyid)) uses.set(keyid, atMs);
    },
    add(key) {
      checkKey(key);
      if (known.has(key.keyid)) throw invalid("keyid", "is taken by another key");
      known.set(key.keyid, Object.freeze({ ...key, scopes: key.scopes && [...key.scopes] }));
    },
    end(keyid, atMs) {
      const key = known.get(keyid);
      if (key === undefined) return false;
      known.set(keyid, Object.freeze({ ...key, ends: atMs }));
      return true;
    },
    lastUsed: (keyid) => uses.get(keyid),
  };
  for (const key of keys) store.add(key);
  return store;
}

/** @throws AuthError `invalid` for a key that cannot be used */
export function checkKey({ keyid, login, account, key, begins, ends, scopes }: AccountKey): void {
  if (!isKeyId(keyid)) throw invalid("keyid", "is not text of 1 to 140 printable ASCII characters");
  if (typeof login !== "string" || login === "") throw invalid("login", "is empty");
  if (account === "") throw invalid("account", "is empty");
  if (key?.algorithm !== "hmac-sha256" && key?.algorithm !== "ed25519") throw invalid("key", "has no algorithm that is known");
  for (const [name, time] of Object.entries({ begins, ends }))
    if (time !== undefined && time !== null && !Number.isFinite(time)) throw invalid(name, "is not a time in milliseconds");
  compileScopes(scopes);
}

/** Whether a text can name a key. */
export function isKeyId(text: unknown): text is string {
  return typeof text === "string" && /^[\x20-\x7e]{1,140}$/.test(text);
}
