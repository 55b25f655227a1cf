// What errors of the client mean: LMDB's by the text that it has for each of its codes.

import type { Classified } from "../../driver.js";
import { DbError } from "../../errors.js";

const byText: readonly (readonly [RegExp, Classified])[] = [
  [/MDB_MAP_FULL/, { code: "unavailable", outcome: "none", message: "the mapped file cannot grow" }],
  [/MDB_READERS_FULL/, { code: "limited", outcome: "none", message: "too many processes read at once" }],
  [/MDB_BAD_VALSIZE/, { code: "too-large", outcome: "none", message: "a key is longer than LMDB takes" }],
  [/MDB_TXN_FULL/, { code: "too-large", outcome: "none", message: "the transaction has more pages than LMDB takes" }],
  [/MDB_(CORRUPTED|PAGE_NOTFOUND|PANIC)/, { code: "internal", outcome: "unknown", message: "the file is damaged" }],
  [/No space left on device/, { code: "unavailable", outcome: "unknown", message: "the disk is full" }],
  // So a page that is written in part is called, too.
  [/Input\/output error/, { code: "unavailable", outcome: "unknown", message: "the file cannot be read or written; the disk may be full" }],
  [/Permission denied|Read-only file system/, { code: "denied", outcome: "none", message: "the file cannot be written" }],
  [
    /database has been closed|Can not (read|renew)|is (closed|not open)/i,
    { code: "closed", outcome: "none", message: "the database is closed" },
  ],
];

/** Says what an error of the client means; undefined when it is not known. */
export function classifyLmdb(error: unknown): Classified | undefined {
  if (!(error instanceof Error) || error instanceof DbError) return undefined;
  return byText.find(([pattern]) => pattern.test(error.message))?.[1];
}

/** Why a file could not be opened, with its path. */
export function openError(error: unknown, path: string): DbError {
  const [code, reason] = reasonOf(error);
  return new DbError(code, `lmdb: cannot open ${path}: ${reason}`, { driver: "lmdb", op: "open", outcome: "none", cause: error });
}

function reasonOf(error: unknown): [code: "unavailable" | "denied" | "invalid" | "drift", reason: string] {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = `${code ?? ""} ${message}`;
  if (/EACCES|EPERM|EROFS|Permission denied|Read-only file system/.test(text)) return ["denied", "its folder or file cannot be written"];
  if (/EEXIST|ENOTDIR|Not a directory|Is a directory|EISDIR/.test(text))
    return ["invalid", "a folder stands where a file should, or a file where a folder should"];
  if (/MDB_INVALID|MDB_VERSION_MISMATCH/.test(text)) return ["drift", "the file is not one of LMDB"];
  return ["unavailable", "it cannot be made or read; see `cause`"];
}
