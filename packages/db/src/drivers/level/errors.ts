// What errors of the client mean, by its codes: https://github.com/Level/abstract-level#errors

import type { Classified } from "../../driver.js";
import { DbError } from "../../errors.js";

const noSpace = /No space left on device/;

/**
 * Says what an error of the client means; undefined when it is not known.
 *
 * A write that failed may be in the log that LevelDB reads when the database is opened again.
 */
export function classifyLevel(error: unknown): Classified | undefined {
  switch (codeOf(error)) {
    case "LEVEL_IO_ERROR":
      return {
        code: "unavailable",
        outcome: "unknown",
        message: noSpace.test((error as Error).message) ? "the disk is full" : "the files cannot be read or written",
      };
    case "LEVEL_CORRUPTION":
      return { code: "internal", outcome: "unknown", message: "the files are damaged; `repair` of classic-level may mend them" };
    case "LEVEL_DATABASE_NOT_OPEN":
    case "LEVEL_ITERATOR_NOT_OPEN":
    case "LEVEL_SNAPSHOT_NOT_OPEN":
      return { code: "closed", outcome: "none", message: "the database is closed" };
    default:
      return undefined;
  }
}

/** Why a folder could not be opened, with its path. */
export function openError(error: unknown, path: string): DbError {
  const [code, reason] = reasonOf(error);
  return new DbError(code, `level: cannot open ${path}: ${reason}`, { driver: "level", op: "open", outcome: "none", cause: error });
}

function reasonOf(error: unknown): [code: "unavailable" | "denied" | "invalid" | "internal", reason: string] {
  const cause = (error as { readonly cause?: unknown }).cause ?? error;
  const text = cause instanceof Error ? cause.message : "";
  switch (codeOf(cause)) {
    case "LEVEL_LOCKED":
      return ["unavailable", "another process has it open; LevelDB is for one process at a time"];
    case "LEVEL_CORRUPTION":
      return ["internal", "its files are damaged; `repair` of classic-level may mend them"];
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return ["denied", `its folder cannot be made (${codeOf(cause)})`];
    case "EEXIST":
    case "ENOTDIR":
      return ["invalid", "it is a file, not a folder"];
    default:
      if (/Permission denied|Read-only file system/.test(text)) return ["denied", "its files cannot be written"];
      if (/Not a directory/.test(text)) return ["invalid", "it is a file, not a folder"];
      if (noSpace.test(text)) return ["unavailable", "the disk is full, and LevelDB wants some room to open"];
      return ["unavailable", "its files cannot be made or read; see `cause`"];
  }
}

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}
