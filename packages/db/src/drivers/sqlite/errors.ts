import { type ErrorCode, nodeModule, type Outcome } from "@bk/core";

import type { Classified } from "../../driver.js";
import { DbError } from "../../errors.js";
import { missingColumn, missingTable, withoutValues } from "../../engines/sql/messages.js";

/** What result codes mean, by name without `SQLITE_`; an extended code counts as its first word unless it stands here. */
const codes: Readonly<Record<string, { readonly code: ErrorCode; readonly outcome: Outcome; readonly message: string }>> = {
  CONSTRAINT_PRIMARYKEY: { code: "already-exists", outcome: "none", message: "a row with this key exists" },
  CONSTRAINT_ROWID: { code: "already-exists", outcome: "none", message: "a row with this key exists" },
  CONSTRAINT_UNIQUE: { code: "already-exists", outcome: "none", message: "another row has this unique value" },
  CONSTRAINT_NOTNULL: { code: "drift", outcome: "none", message: "a stored column does not take null" },
  CONSTRAINT_DATATYPE: { code: "drift", outcome: "none", message: "a stored column does not take values of this type" },
  CONSTRAINT: { code: "invalid", outcome: "none", message: "a constraint of the stored table does not hold" },
  MISMATCH: { code: "drift", outcome: "none", message: "a stored column does not take values of this type" },
  BUSY: { code: "limited", outcome: "none", message: "another process holds the database's write lock" },
  LOCKED: { code: "limited", outcome: "none", message: "the table is locked" },
  FULL: { code: "unavailable", outcome: "none", message: "the disk is full" },
  CANTOPEN: { code: "unavailable", outcome: "none", message: "the file cannot be opened; check the path and its permissions" },
  NOMEM: { code: "unavailable", outcome: "none", message: "out of memory" },
  IOERR: { code: "unavailable", outcome: "unknown", message: "the disk failed to read or write" },
  READONLY: { code: "denied", outcome: "none", message: "the database is read-only" },
  PERM: { code: "denied", outcome: "none", message: "access to the file is denied" },
  AUTH: { code: "denied", outcome: "none", message: "not authorized" },
  TOOBIG: { code: "too-large", outcome: "none", message: "a value or row is over SQLite's limit" },
  INTERRUPT: { code: "cancelled", outcome: "none", message: "interrupted" },
  CORRUPT: { code: "internal", outcome: "unknown", message: "the database file is damaged; restore it from a backup" },
  NOTADB: { code: "internal", outcome: "none", message: "the file is not a SQLite database" },
};

/** Names of the result codes that `node:sqlite` gives as numbers (https://sqlite.org/rescode.html). */
const numbers: Readonly<Record<number, string>> = {
  3: "PERM",
  5: "BUSY",
  6: "LOCKED",
  7: "NOMEM",
  8: "READONLY",
  9: "INTERRUPT",
  10: "IOERR",
  11: "CORRUPT",
  13: "FULL",
  14: "CANTOPEN",
  18: "TOOBIG",
  19: "CONSTRAINT",
  20: "MISMATCH",
  23: "AUTH",
  26: "NOTADB",
  1299: "CONSTRAINT_NOTNULL",
  1555: "CONSTRAINT_PRIMARYKEY",
  2067: "CONSTRAINT_UNIQUE",
  2579: "CONSTRAINT_ROWID",
  3091: "CONSTRAINT_DATATYPE",
};

/** The messages of result codes (`sqlite3_errstr`); Deno's client gives nothing else. */
const messages: readonly (readonly [RegExp, string])[] = [
  [/^NOT NULL constraint failed/, "CONSTRAINT_NOTNULL"],
  [/^cannot store \w+ value in \w+ column/, "CONSTRAINT_DATATYPE"],
  [/^UNIQUE constraint failed/, "CONSTRAINT_UNIQUE"],
  [/constraint failed/, "CONSTRAINT"],
  [/^datatype mismatch/, "MISMATCH"],
  [/^database is locked/, "BUSY"],
  [/^database (table|schema) is locked/, "LOCKED"],
  [/^database or disk is full/, "FULL"],
  [/^unable to open database/, "CANTOPEN"],
  [/^out of memory/, "NOMEM"],
  [/^disk I\/O error/, "IOERR"],
  [/^attempt to write a readonly database/, "READONLY"],
  [/^access permission denied/, "PERM"],
  [/^authorization denied|^not authorized/, "AUTH"],
  [/^string or blob too big/, "TOOBIG"],
  [/^interrupted/, "INTERRUPT"],
  [/^database disk image is malformed/, "CORRUPT"],
  [/^file is not a database/, "NOTADB"],
];

/**
 * An error of a runtime's own client with its result code; Deno's does not say whether a key or another unique group refused a row.
 *
 * @param keyOf  the key columns of a table, in order
 */
export function withResultCode(error: unknown, keyOf: (table: string) => readonly string[]): unknown {
  if (!(error instanceof Error) || "errcode" in error) return error;
  const [, table, columns] = /^UNIQUE constraint failed: ([^.]+)\.(.*)$/.exec(error.message) ?? [];
  if (table === undefined || columns!.split(`, ${table}.`).join() !== keyOf(table).join()) return error;
  return Object.assign(error, { errcode: 1555 });
}

/** The result code of a client's error without `SQLITE_`, such as `BUSY` or `CONSTRAINT_UNIQUE`; undefined when it is none. */
export function resultCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (code === "ERR_SQLITE_ERROR") {
    if (typeof errcode === "number") return numbers[errcode] ?? numbers[errcode & 0xff] ?? "ERROR";
    return messages.find(([pattern]) => pattern.test(error.message))?.[1] ?? "ERROR";
  }
  return typeof code === "string" && code.startsWith("SQLITE_") ? code.slice("SQLITE_".length) : undefined;
}

/** Whether another connection holds the lock that was asked for; nothing was done. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code !== undefined && (code === "BUSY" || code.startsWith("BUSY_"));
}

/** True when a definition failed because the object already exists. */
export function isThereAlready(error: unknown): boolean {
  return error instanceof Error && /^duplicate column name|already exists( in |$)/.test(error.message);
}

/** Says what an error of SQLite means. */
export function classifySqlite(error: unknown): Classified | undefined {
  const name = resultCode(error);
  if (name === undefined) return undefined;
  const { message } = error as Error;
  const known = codes[name] ?? codes[name.split("_")[0]!];
  if (known === undefined) {
    if (/^too many SQL variables|^Expression tree is too large|string or blob too big/.test(message))
      return { code: "too-large", outcome: "none", message: "the filter or row has more parts than SQLite takes in one command" };
    const table = /^no such table: (?:main\.)?(.+)$/.exec(message)?.[1];
    if (table !== undefined) return { code: "drift", outcome: "none", message: missingTable(table) };
    const column = /^(?:no such column:|table .* has no column named) (?:.*\.)?"?([A-Za-z0-9_]+)"?/.exec(message)?.[1];
    if (column !== undefined) return { code: "drift", outcome: "none", message: missingColumn(column) };
    return { code: "internal", outcome: "none", message: "SQLite refused the statement" };
  }
  const detail =
    name === "CONSTRAINT_UNIQUE" ? { unique: takenColumns(error)?.join("_") } : known.code === "limited" ? { retryAfterMs: 10 } : undefined;
  return { ...known, ...(detail === undefined ? {} : { detail }) };
}

/** Why a file could not be opened, with its path: the client's own error names neither. */
export function openError(error: unknown, path: string): DbError {
  const known = isFolder(path)
    ? folder
    : isFolder(nodeModule("node:path").dirname(path))
      ? (classifySqlite(error) ?? classifySystem(error))
      : classifySystem(error);
  if (known === undefined) throw error;
  return new DbError(known.code, `sqlite: cannot open ${path}: ${known.message}`, {
    driver: "sqlite",
    op: "open",
    outcome: "none",
    cause: error,
  });
}

const folder = { code: "invalid", message: "it is a folder, not a file" } as const;

function isFolder(path: string): boolean {
  try {
    return nodeModule("node:fs").statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    // It cannot be looked at; what opening it said is reported instead.
    return false;
  }
}

/** Errors of the file's folder, which no result code of SQLite has. */
function classifySystem(error: unknown): Pick<Classified, "code" | "message"> | undefined {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== "string" || !/^E[A-Z]+$/.test(code)) return { code: "unavailable", message: "its folder does not exist" };
  const isDenied = code === "EACCES" || code === "EPERM" || code === "EROFS";
  return { code: isDenied ? "denied" : "unavailable", message: `its folder cannot be made (${code})` };
}

/** The columns whose unique value was taken, of `UNIQUE constraint failed: person.first, person.last`; undefined for other errors. */
export function takenColumns(error: unknown): readonly string[] | undefined {
  if (resultCode(error) !== "CONSTRAINT_UNIQUE") return undefined;
  const list = /^UNIQUE constraint failed: ([^']+)$/.exec((error as Error).message)?.[1];
  return list?.split(", ").map((column) => column.slice(column.indexOf(".") + 1));
}

/** An error of a native command with SQLite's reason, without values; others as they are. */
export function nativeError(error: unknown): unknown {
  const known = classifySqlite(error);
  // The clients refuse commands of several statements, and values that do not fit the placeholders, with errors of JavaScript's.
  if (known === undefined && !(error instanceof RangeError || error instanceof TypeError)) return error;
  if (known !== undefined && known.code !== "drift" && known.code !== "internal" && known.code !== "already-exists") return error;
  const isRefused = known?.code !== "already-exists";
  return new DbError(isRefused ? "invalid" : known.code, withoutValues((error as Error).message), {
    outcome: known?.outcome ?? "none",
    detail: known?.detail,
    cause: error,
  });
}
