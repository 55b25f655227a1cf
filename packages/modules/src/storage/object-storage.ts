// Where the bytes of icons and files are kept: what is asked of a storage, and how its keys are made.

import { createHash, randomBytes } from "node:crypto";

import { BkError, type Log } from "@bk/core";

import { afterCommit } from "../contract/after-commit.js";

/** A part of an object: from the byte `start` to the byte `end`, both counted. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes in a file. */
export interface StoredFile {
  readonly path: string;
  readonly size: number;
  /** Of all of them, in hex. */
  readonly sha256: string;
}

/**
 * A place for objects, which are bytes under a key.
 *
 * - Keys are parts of lower-case letters, digits, `.` and `-` between slashes; none is a path that leads elsewhere.
 * - An object is there whole or not at all: one that is being written is not seen, and a broken-off `put` leaves none under its key.
 * - What is removed may still be read to its end by those who began before.
 */
export interface ObjectStorage {
  /** Writes an object; one that was there is replaced. */
  put(key: string, bytes: Uint8Array | StoredFile, options?: { readonly type?: string }): Promise<void>;
  /**
   * Reads an object.
   *
   * @param options.range  the part that is wanted; default all of it
   * @returns  undefined when there is none
   */
  get(
    key: string,
    options?: { readonly range?: ByteRange; readonly signal?: AbortSignal },
  ): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Removes an object; there may be none. */
  del(key: string): Promise<void>;
  /** What is kept under keys that begin so, with when it was written in milliseconds since 1970. */
  list(prefix: string): AsyncIterable<{ readonly key: string; readonly mtime: number }>;
  /** Removes everything under a folder, which is the beginning of keys up to a slash. */
  delAll(folder: string): Promise<void>;
  /** A URL that gives an object to whoever has it, for a while. Absent where the storage has none to give. */
  signedUrl?(key: string, reply: SignedReply): Promise<string>;
}

/** How the storage replies to a signed URL. */
export interface SignedReply {
  /** How long it holds, in milliseconds: a second to seven days. */
  readonly ttlMs: number;
  /** The media type, which an object may have otherwise. */
  readonly type: string;
  /** `Content-Disposition`; default none. */
  readonly disposition?: string;
}

/**
 * The signed URLs of rows, where rows have some.
 *
 * @param ttlMs  how long each holds; undefined: there are none
 * @throws BkError `invalid` for a storage that signs none, and a time that is too short or too long
 */
export function signedUrls(
  { signedUrl }: ObjectStorage,
  ttlMs: number | undefined,
): ((key: string, reply: Omit<SignedReply, "ttlMs">) => Promise<string>) | undefined {
  if (ttlMs === undefined) return undefined;
  const refuse = (what: string): BkError => new BkError("invalid", `signedUrlMs ${what}`, { detail: { field: "signedUrlMs" } });
  if (!Number.isInteger(ttlMs) || ttlMs < 1000 || ttlMs > longestSignedMs) throw refuse("is from a second to seven days");
  if (signedUrl === undefined) throw refuse("needs a storage that signs URLs, such as s3Storage");
  return (key, reply) => signedUrl(key, { ...reply, ttlMs });
}

/** What S3 takes. */
const longestSignedMs = 7 * 86_400_000;

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 40);

/** How long a write may take until what it left behind is removed, in milliseconds. */
const leftoverMs = 3_600_000;

/** The objects of the rows of one table: each belongs to an account and has a name there. */
export interface RowObjects {
  /** Writes an object that no row names yet. @returns its key */
  write(account: string, name: string, bytes: Uint8Array | StoredFile, type: string): Promise<string>;
  read: ObjectStorage["get"];
  /** Removes an object that no row names any more, once that is committed. One that cannot be removed now is by the next `sweep`. */
  drop(key: string): Promise<void>;
  /** Removes what broken-off writes of this name have left, an hour later at the earliest. @param current  the key that its row names */
  sweep(account: string, name: string, current: string): Promise<void>;
  forget(account: string): Promise<void>;
}

/**
 * Every write makes an object with a key of its own; the row that names it makes it count. So a row and its bytes always belong
 * together, whatever breaks off in the middle, and replacing is one write of a row. Keys are hashes: neither letter case nor names
 * that a file system keeps for itself can bring two of them together.
 */
export function rowObjects(storage: ObjectStorage, kind: string, log: Log, now: () => number): RowObjects {
  const folderOf = (account: string): string => `${kind}/${hash(account)}`;
  const stemOf = (account: string, name: string): string => `${folderOf(account)}/${hash(name)}.`;
  async function drop(key: string): Promise<void> {
    try {
      await storage.del(key);
    } catch (error) {
      log.warn("bytes that no row names any more could not be removed", { kind, error: error instanceof Error ? error.name : "unknown" });
    }
  }
  async function sweep(account: string, name: string, current: string): Promise<void> {
    try {
      for await (const { key, mtime } of storage.list(stemOf(account, name)))
        if (key !== current && mtime < now() - leftoverMs) await storage.del(key);
    } catch (error) {
      log.warn("what broken-off writes have left could not be removed", { kind, error: error instanceof Error ? error.name : "unknown" });
    }
  }
  return {
    async write(account, name, bytes, type) {
      const key = stemOf(account, name) + randomBytes(10).toString("hex");
      await storage.put(key, bytes, { type });
      return key;
    },
    read: (key, options) => storage.get(key, options),
    drop: (key) => afterCommit(() => drop(key)),
    sweep: (account, name, current) => afterCommit(() => sweep(account, name, current)),
    forget: (account) => afterCommit(() => storage.delAll(folderOf(account))),
  };
}
