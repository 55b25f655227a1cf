// A folder with a backup: TABLE.ndjson for each table, and backup.json, which says how far each is complete.

import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BkError } from "@bk/core";

/** What is known of the file of a table. */
export interface BackedUp {
  /** Its length; what stands behind that was being written when a backup broke off. */
  readonly bytes: number;
  /** Changes before this time are in it, in milliseconds since 1970. */
  readonly until: number;
  /** Whether a row may be in it several times, as it was at several times; the last one holds. */
  readonly isAppended?: boolean;
}

export interface BackupFolder {
  fileOf(table: string): string;
  /** Undefined for a table that is not in it, or not whole. */
  stateOf(table: string): BackedUp | undefined;
  /** Notes that the file of a table is complete. */
  note(table: string, until: number, isAppended: boolean): void;
  /**
   * What is known of the file of a table that is to be restored; undefined where the folder says nothing of it.
   *
   * @throws BkError `invalid` when it is missing, or shorter than it was when it was complete
   */
  check(table: string): BackedUp | undefined;
  /** Notes that it is not: what was known of the file is not true of the one that takes its place. */
  forget(table: string): void;
  /** The tables that it has files of, or should have. */
  readonly tables: readonly string[];
}

const manifest = "backup.json";
const ending = ".ndjson";

/** @throws BkError `invalid` when there is no such folder, and it is not to be made */
export function backupFolder(path: string, make: boolean): BackupFolder {
  // Rows may be private: only this user may read them.
  if (make) mkdirSync(path, { recursive: true, mode: 0o700 });
  const state = readManifest(path);
  const save = (): void => {
    const file = join(path, manifest);
    writeFileSync(`${file}.part`, `${JSON.stringify(Object.fromEntries(state), null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.part`, file);
  };
  const fileOf = (table: string): string => join(path, `${table}${ending}`);
  function stateOf(table: string): BackedUp | undefined {
    const known = state.get(table);
    const size = statSync(fileOf(table), { throwIfNoEntry: false })?.size;
    if (known === undefined || size === undefined || size < known.bytes) return undefined;
    if (size > known.bytes) truncateSync(fileOf(table), known.bytes);
    return known;
  }
  return {
    fileOf,
    stateOf,
    check(table) {
      const whole = stateOf(table);
      if (whole === undefined && state.has(table))
        throw new BkError("invalid", `${fileOf(table)} is missing, or shorter than ${manifest} says: it is not the whole backup`);
      return whole;
    },
    note(table, until, isAppended) {
      state.set(table, { bytes: statSync(fileOf(table)).size, until, ...(isAppended ? { isAppended } : {}) });
      save();
    },
    forget(table) {
      if (state.delete(table)) save();
    },
    get tables() {
      const there = listed(path).flatMap((name) => (name.endsWith(ending) ? [name.slice(0, -ending.length)] : []));
      return [...new Set([...there, ...state.keys()])].sort();
    },
  };
}

function listed(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (cause) {
    throw new BkError("invalid", `cannot read the folder ${path} (${(cause as NodeJS.ErrnoException).code})`, {
      detail: { field: "folder" },
      cause,
    });
  }
}

function readManifest(path: string): Map<string, BackedUp> {
  let text: string;
  try {
    text = readFileSync(join(path, manifest), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw error;
  }
  try {
    return new Map(Object.entries(JSON.parse(text) as Record<string, BackedUp>));
  } catch (cause) {
    throw new BkError("invalid", `${join(path, manifest)} cannot be read as JSON`, { detail: { field: "folder" }, cause });
  }
}
