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
}

export interface BackupFolder {
  fileOf(table: string): string;
  /** Undefined for a table that is not in it, or not whole. */
  stateOf(table: string): BackedUp | undefined;
  /** Notes that the file of a table is complete. */
  note(table: string, until: number): void;
  /** Notes that it is not: what was known of the file is not true of the one that takes its place. */
  forget(table: string): void;
  /** The tables that it has files of. */
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
  return {
    fileOf: (table) => join(path, `${table}${ending}`),
    stateOf(table) {
      const known = state.get(table);
      const size = statSync(join(path, `${table}${ending}`), { throwIfNoEntry: false })?.size;
      if (known === undefined || size === undefined || size < known.bytes) return undefined;
      if (size > known.bytes) truncateSync(join(path, `${table}${ending}`), known.bytes);
      return known;
    },
    note(table, until) {
      state.set(table, { bytes: statSync(join(path, `${table}${ending}`)).size, until });
      save();
    },
    forget(table) {
      if (state.delete(table)) save();
    },
    get tables() {
      return listed(path).flatMap((name) => (name.endsWith(ending) ? [name.slice(0, -ending.length)] : []));
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
  return new Map(Object.entries(JSON.parse(text) as Record<string, BackedUp>));
}
