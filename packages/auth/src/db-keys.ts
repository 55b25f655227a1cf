// Keys of message signatures in the table `bk_key` of any database that has these calls, such as a `Db` of `@bk/db`. Node only.
import { type Clock, systemClock } from "@bk/core";
import { AuthError, invalid } from "./errors.js";
import { type AccountKey, type AccountKeys, checkKey, isKeyId } from "./message-signatures/account-keys.js";
import type { VerifyingKey } from "./message-signatures/message-key.js";
import { type Keyring, type MasterKey, openKeyring, seal, unseal } from "./secrets.js";

/** What keys need of a database. */
export interface KeyDb {
  get(table: "bk_key", key: { keyid: string }): Promise<object | undefined>;
  add(table: "bk_key", row: KeyRow): Promise<unknown>;
  update(table: "bk_key", row: { keyid: string; ends?: number; used?: number }): Promise<{ affected: number }>;
  select(
    table: "bk_key",
    filter: { login: string },
    options: { count: number; start?: string },
  ): Promise<{ rows: object[]; next?: string }>;
}

/** A row of `bk_key`. Times are in milliseconds since 1970. */
export interface KeyRow {
  readonly keyid: string;
  readonly login: string;
  /** The id of the account. */
  readonly account: string | null;
  readonly algorithm: VerifyingKey["algorithm"];
  /** A secret, encrypted; or a public key as PEM text or as the JSON text of a JWK. */
  readonly key: string;
  readonly begins: number | null;
  readonly ends: number | null;
  /** JSON text. */
  readonly scopes: string | null;
  readonly created: number;
  readonly used: number | null;
}

export interface DbKeysOptions {
  /** Encrypts the secrets of keys. */
  readonly masterKey: MasterKey;
  readonly clock?: Clock | undefined;
  /** Told when a use could not be written down, which ends nothing. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

/** A key as a list shows it. */
export type KeyInfo = Omit<KeyRow, "key" | "scopes"> & { readonly scopes: readonly string[] | null };

export interface DbKeys extends AccountKeys {
  findKey(keyid: string): Promise<AccountKey | undefined>;
  used(keyid: string, atMs: number): void;
  /** Adds a key. @throws AuthError `invalid` for one that cannot be used; the database's `already-exists` when its id is taken */
  add(key: AccountKey): Promise<void>;
  /** Lets a key end at a time, in milliseconds since 1970; default now. False when there is no such key. */
  end(keyid: string, atMs?: number): Promise<boolean>;
  /** The keys of a login, without what signs. */
  list(login: string): Promise<KeyInfo[]>;
  /** Resolves when the uses that were noted so far have been written down. */
  idle(): Promise<void>;
}

const usedEveryMs = 5 * 60_000;
const mostKept = 10_000;

/** Keys in a database, for `messageSignatures({ keys })`. What was read is kept while its row stays as it is: importing a key takes time. */
export function dbKeys(db: KeyDb, { masterKey, clock = systemClock, onFault }: DbKeysOptions): DbKeys {
  const ring = openKeyring(masterKey);
  const kept = new Map<string, { readonly row: KeyRow; readonly key: AccountKey }>();
  const noted = new Map<string, number>();
  const writing = new Set<Promise<void>>();

  async function write(keyid: string, used: number): Promise<void> {
    try {
      await db.update("bk_key", { keyid, used });
    } catch (error) {
      onFault?.(error);
    }
  }

  return {
    async findKey(keyid) {
      const row = (await db.get("bk_key", { keyid })) as KeyRow | undefined;
      if (row === undefined || row.keyid !== keyid) return undefined;
      const known = kept.get(keyid);
      if (known !== undefined && isSame(known.row, row)) return known.key;
      const key = keyOf(row, ring);
      if (kept.size >= mostKept) kept.clear();
      kept.set(keyid, { row, key });
      return key;
    },
    used(keyid, atMs) {
      if (atMs - (noted.get(keyid) ?? -Infinity) < usedEveryMs) return;
      if (noted.size >= mostKept) noted.clear();
      noted.set(keyid, atMs);
      const work = write(keyid, atMs).finally(() => writing.delete(work));
      writing.add(work);
    },
    async add(given) {
      checkKey(given);
      const { keyid, login, account = null, key, begins = null, ends = null, scopes } = given;
      const row: KeyRow = {
        keyid,
        login,
        account,
        algorithm: key.algorithm,
        key: storedKey(key, keyid, ring),
        begins,
        ends,
        scopes: scopes === undefined || scopes === null ? null : JSON.stringify(scopes),
        created: clock.now(),
        used: null,
      };
      await db.add("bk_key", row);
    },
    async end(keyid, atMs = clock.now()) {
      if (!isKeyId(keyid)) return false;
      // A row that is not there must not be made, and `update` makes none.
      return (await db.update("bk_key", { keyid, ends: atMs })).affected > 0;
    },
    async list(login) {
      const found: KeyInfo[] = [];
      let start: string | undefined;
      do {
        const page = await db.select("bk_key", { login }, { count: 100, ...(start === undefined ? {} : { start }) });
        for (const row of page.rows as KeyRow[]) {
          const { key: _key, scopes, ...info } = row;
          found.push({ ...info, scopes: scopesOf(scopes) });
        }
        start = page.next;
      } while (start !== undefined);
      return found;
    },
    async idle() {
      await Promise.all(writing);
    },
  };
}

/** Its place in the table is part of what is sealed: in another row it opens nothing. */
function storedKey(key: VerifyingKey, keyid: string, ring: Keyring): string {
  if (key.algorithm === "ed25519") {
    const { publicKey } = key;
    if (typeof publicKey === "string") return publicKey;
    if ("algorithm" in publicKey) throw invalid("key", "is a key of Web Crypto, which cannot be stored; give PEM text or a JWK");
    // The private part of a JWK stays with whoever signs.
    const { kty, crv, x } = publicKey;
    return JSON.stringify({ kty, crv, x });
  }
  if (typeof key.secret !== "string") throw invalid("key", "has bytes as its secret, which are not stored; give text");
  return seal(key.secret, ring, { login: keyid, column: "key" });
}

function keyOf({ keyid, login, account, algorithm, key, begins, ends, scopes }: KeyRow, ring: Keyring): AccountKey {
  const whose = typeof account === "string" ? { account } : {};
  return { keyid, login, ...whose, key: verifyingKey(algorithm, key, keyid, ring), begins, ends, scopes: scopesOf(scopes) };
}

function verifyingKey(algorithm: KeyRow["algorithm"], stored: string, keyid: string, ring: Keyring): VerifyingKey {
  if (algorithm === "ed25519") {
    const publicKey = stored.startsWith("{") ? (JSON.parse(stored) as { kty: string; crv: string; x: string }) : stored;
    return { algorithm, publicKey };
  }
  try {
    return { algorithm, secret: unseal(stored, ring, { login: keyid, column: "key" }).secret };
  } catch (cause) {
    // It is no fault of whoever signed.
    throw new AuthError("internal", "bk_key: a stored key cannot be read", { outcome: "none", cause });
  }
}

function scopesOf(stored: string | null | undefined): readonly string[] | null {
  return typeof stored === "string" ? (JSON.parse(stored) as string[]) : null;
}

/** Whether a key reads as before; when it was used makes no difference. */
function isSame(one: KeyRow, other: KeyRow): boolean {
  return (
    one.key === other.key &&
    one.login === other.login &&
    one.account === other.account &&
    one.algorithm === other.algorithm &&
    one.begins === other.begins &&
    one.ends === other.ends &&
    one.scopes === other.scopes
  );
}
