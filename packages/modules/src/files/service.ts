// Files of accounts, by a prefix and a name, each for whom its owner says.

import { BkError, type Clock, type Log } from "@bk/core";

import { denied, hasCode, invalid, notFound } from "../common/failures.js";
import { mib } from "../common/limits.js";
import { checkAcl, checkName, mayRead } from "../common/names.js";
import { visible } from "../common/visible.js";
import { type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, Page, Row } from "../contract/database.js";
import type { Directory } from "../contract/directory.js";
import type { Caller } from "../contract/endpoint.js";
import { type ByteRange, type ObjectStorage, rowObjects, signedUrls, type StoredFile } from "../storage/object-storage.js";
import { disposition, kindOf, sentType } from "./file-kind.js";
import { fileTables } from "./tables.js";

export interface FileServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with the table. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
  readonly storage: ObjectStorage;
  readonly limits?: Partial<FileLimits>;
  /** How long URLs hold that the storage signs, in milliseconds: then rows have a `url`. Default: they have none. */
  readonly signedUrlMs?: number;
  /** What media types files may have, such as `/image\/.+/`, by what is in them. Default all. */
  readonly types?: RegExp;
}

export interface FileLimits {
  /** Most files of an account. Default 1,000. */
  readonly maxFiles: number;
  /** Most bytes of a file in JSON or a form, up to 100 MiB, which a server holds in memory while it arrives. Default 10 MiB. */
  readonly maxFileBytes: number;
  /** Most bytes of a file that is the body of its request, up to 5 GiB: it goes to the server's disk while it arrives. Default 100 MiB. */
  readonly maxUploadBytes: number;
}

export const defaultFileLimits: FileLimits = Object.freeze({ maxFiles: 1000, maxFileBytes: 10 * mib, maxUploadBytes: 100 * mib });

/** Which file. */
export interface FileName {
  /** Up to four parts between slashes, of letters, digits, dots, `_` and `-`. */
  readonly prefix: string;
  readonly name: string;
  /** Whose. Default the caller's. */
  readonly id?: string | undefined;
}

export interface NewFile extends FileName {
  readonly bytes: Uint8Array | StoredFile;
  /** Who may read it beside its owner. Default nobody. */
  readonly acl_allow?: string | undefined;
}

/** A file, and its bytes. */
export interface FileBytes {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  readonly isPublic: boolean;
  /** Undefined when it was replaced or removed meanwhile. */
  read(range?: ByteRange, signal?: AbortSignal): Promise<ReadableStream<Uint8Array> | undefined>;
}

export interface FileService {
  /** @throws BkError `not-found` for a file that there is not, or that the caller may not read */
  get(caller: Caller, file: FileName): Promise<FileBytes>;
  /**
   * A page of the files of an account below a prefix that the caller may read, in the order of their paths, with their signed URLs where there are some. It may be
   * empty and have a next one.
   */
  select(
    caller: Caller,
    where: { readonly prefix?: string | undefined; readonly id?: string | undefined },
    page: { readonly count: number; readonly start?: string },
  ): Promise<Page>;
  /**
   * Keeps a file; one of the same prefix and name is replaced. Admins may keep files of others.
   *
   * @returns  its row as its owner sees it
   * @throws BkError `invalid` for a name that is none; `too-large`; `denied` for files of others, types that are not taken, and too many files
   */
  put(caller: Caller, file: NewFile): Promise<Row>;
  del(caller: Caller, file: FileName): Promise<void>;
  forget(id: string): Promise<void>;
}

const table = "bk_file";
const notHere = "not found or not allowed";
const mostParts = 4;
/** What a text in a key may have. */
const mostPath = 255;

export function fileService(options: FileServiceOptions): FileService {
  const { db, dbFor = unruled(db), directory, clock, log, types } = options;
  const { maxFiles, maxFileBytes, maxUploadBytes } = { ...defaultFileLimits, ...options.limits };
  const objects = rowObjects(options.storage, "files", log, () => clock.now());

  async function writable(caller: Caller, id: string | undefined): Promise<string> {
    if (id === undefined || id === caller.id) return caller.id;
    if (!caller.isAdmin) throw denied("files are written by their own account alone");
    if (!(await directory.find([id], caller)).has(id)) throw notFound("account not found");
    return id;
  }

  const mayReadRow = (row: Row, id: string, caller: Caller): boolean => mayRead((row["acl_allow"] as string | null) ?? "", id, caller);
  const sign = signedUrls(options.storage, options.signedUrlMs);
  async function shown(row: Row, caller: Caller): Promise<Row> {
    const columns = visible(fileTables.bk_file, row, caller.isAdmin ? "admin" : row["id"] === caller.id ? "owner" : "other");
    if (sign === undefined) return columns;
    const [type, name] = [row["type"] as string, row["name"] as string];
    return { ...columns, url: await sign(row["object"] as string, { type: sentType(type), disposition: disposition(type, name) }) };
  }

  async function refuseMore(id: string, most: number): Promise<void> {
    if ((await db.count(table, { id })) > most) throw denied(`no more than ${maxFiles} files are allowed`);
  }

  return {
    async get(caller, { prefix, name, id = caller.id }) {
      const path = pathOf(prefix, name);
      const row = id === "" ? undefined : await dbFor(caller).get(table, { id, path });
      if (row === undefined || !mayReadRow(row, id, caller)) throw notFound(notHere);
      return {
        name,
        type: row["type"] as string,
        size: row["size"] as number,
        etag: `"${(row["sha256"] as string).slice(0, 32)}"`,
        mtime: row["mtime"] as number,
        isPublic: row["acl_allow"] === "all",
        read: (range, signal) =>
          objects.read(row["object"] as string, { ...(range === undefined ? {} : { range }), ...(signal === undefined ? {} : { signal }) }),
      };
    },

    async select(caller, { prefix, id = caller.id }, page) {
      const below = prefix === undefined || prefix === "" ? {} : { path: { $begins_with: `${checkPrefix(prefix)}/` } };
      const { rows, next } = await dbFor(caller).select(table, { id, ...below }, page);
      const readable = rows.filter((row) => mayReadRow(row, id, caller));
      return { rows: await Promise.all(readable.map((row) => shown(row, caller))), ...(next === undefined ? {} : { next }) };
    },

    async put(caller, { prefix, name, id, bytes, acl_allow: acl = "" }) {
      const path = pathOf(prefix, name);
      checkAcl(acl);
      const inMemory = bytes instanceof Uint8Array;
      const size = inMemory ? bytes.length : bytes.size;
      const most = inMemory ? maxFileBytes : maxUploadBytes;
      if (size > most) throw new BkError("too-large", `the file has more than ${most} bytes`, { detail: { field: "data" } });
      const owner = await writable(caller, id);
      const type = await kindOf(bytes, name);
      if (types !== undefined && !new RegExp(`^(?:${types.source})$`, types.flags.replaceAll(/[gy]/g, "")).test(type))
        throw denied(`files of type ${type} are not taken`);
      const key = { id: owner, path };
      const before = await db.get(table, key, { select: ["ctime"] });
      if (before === undefined) await refuseMore(owner, maxFiles - 1);
      // Beside the loop that answers, which a large file would hold up.
      const sha256 = inMemory
        ? Buffer.from(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString("hex")
        : bytes.sha256;
      const object = await objects.write(owner, path, bytes, type);
      const row: Row = {
        ...key,
        prefix,
        name,
        size,
        type,
        sha256,
        acl_allow: acl,
        object,
        ctime: before?.["ctime"] ?? clock.now(),
      };
      const mine = dbFor(caller);
      const { row: old } = await mine.put(table, row, { returning: "old", whole: true }).catch(async (error: unknown) => {
        // What is refused keeps no bytes.
        if (hasCode(error, "denied")) await objects.drop(object);
        throw error;
      });
      if (old !== undefined && old !== null) await objects.drop(old["object"] as string);
      else {
        // Of many at once some would be too many; each sees the others now.
        try {
          await refuseMore(owner, maxFiles);
        } catch (error) {
          const { affected } = await db.del(table, key, { where: { object } });
          if (affected > 0) await objects.drop(object);
          throw error;
        }
      }
      await objects.sweep(owner, path, object);
      return shown(mine.masked(table, row), caller);
    },

    async del(caller, { prefix, name, id }) {
      const owner = await writable(caller, id);
      const { row } = await dbFor(caller).del(table, { id: owner, path: pathOf(prefix, name) }, { returning: "old", whole: true });
      if (row === undefined || row === null) throw notFound(notHere);
      await objects.drop(row["object"] as string);
    },

    async forget(id) {
      await db.delAll(table, { id });
      await objects.forget(id);
    },
  };
}

function checkPrefix(prefix: string): string {
  const parts = prefix.split("/");
  if (prefix !== "" && parts.length > mostParts) throw invalid(`prefix has more than ${mostParts} parts`, "prefix");
  for (const part of parts) checkName(part, "prefix", 128);
  return prefix;
}

function pathOf(prefix: string, name: string): string {
  const path = `${checkPrefix(prefix)}/${checkName(name, "name", 128)}`;
  if (path.length > mostPath) throw invalid(`prefix and name together are longer than ${mostPath - 1} characters`, "prefix");
  return path;
}
