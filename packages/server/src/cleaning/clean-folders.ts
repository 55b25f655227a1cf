// Removes what is old from folders for temporary files and logs, file by file. Links are never followed.

import type { Dirent } from "node:fs";
import { lstat, readdir, readlink, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import type { Log } from "@bk/core";

import { faultFields } from "../fault-fields.js";

export interface CleanedFolder {
  readonly path: string;
  /** What was not changed for longer is removed; 0: nothing is. */
  readonly ageMs: number;
}

export interface CleanOptions {
  readonly folders: readonly CleanedFolder[];
  /** Files that stay whatever their age, such as logs that are written. */
  readonly kept: readonly string[];
  /** The system's folder for temporary files; default that. */
  readonly systemFolder?: string;
  readonly log: Log;
}

/** Logs by these names stay: they are the original's. */
const messageLogs: ReadonlySet<string> = new Set(["message.log", "error.log"]);
/** What a process that was killed has left of forms of pico. No request takes so long. */
const leftovers = /^bk-pico-[A-Za-z0-9]{6}$/;
const leftoverMs = 24 * 3_600_000;

/** @returns how many files and links were removed */
export async function cleanFolders({ folders, kept, systemFolder = tmpdir(), log }: CleanOptions): Promise<number> {
  const wanted = [
    ...folders.filter(({ ageMs }) => ageMs > 0).map(({ path, ageMs }) => ({ path: resolve(path), ageMs, isRemoved: false })),
    ...(await leftoversIn(systemFolder)).map((path) => ({ path, ageMs: leftoverMs, isRemoved: true })),
  ];
  if (wanted.length === 0) return 0;
  const stay = new Set([...kept.map((path) => resolve(path)), ...(await openPaths())]);
  let count = 0;
  for (const { path, ageMs, isRemoved } of wanted) {
    const cleaning: Cleaning = { before: Date.now() - ageMs, stay, log, removed: 0 };
    try {
      const found = await lstat(path);
      if (!found.isDirectory()) log.warn(`${path} is no folder, so that nothing is removed from it`);
      else if ((await clean(path, cleaning)) && isRemoved && found.mtimeMs < cleaning.before) await rmdir(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") log.warn(`${path} could not be cleaned`, faultFields(error));
    }
    count += cleaning.removed;
  }
  if (count > 0) log.info(`${count} old files were removed`, { folders: wanted.map(({ path }) => path) });
  return count;
}

interface Cleaning {
  /** In milliseconds since 1970. */
  readonly before: number;
  readonly stay: ReadonlySet<string>;
  readonly log: Log;
  removed: number;
}

/** Removes what is old in a folder; true when nothing is left in it. */
async function clean(folder: string, cleaning: Cleaning): Promise<boolean> {
  let isEmpty = true;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    try {
      if (!(await cleanEntry(folder, entry, cleaning))) isEmpty = false;
    } catch (error) {
      // Another process may have removed it, or may be writing into it.
      isEmpty = (error as NodeJS.ErrnoException).code === "ENOENT" && isEmpty;
      if (!["ENOENT", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? ""))
        cleaning.log.warn(`${join(folder, entry.name)} could not be removed`, faultFields(error));
    }
  }
  return isEmpty;
}

/** True when the entry is gone. */
async function cleanEntry(folder: string, entry: Dirent, cleaning: Cleaning): Promise<boolean> {
  const path = join(folder, entry.name);
  const { mtimeMs } = await lstat(path);
  // By the time before: what is removed from it changes a folder.
  const isOld = mtimeMs < cleaning.before;
  if (entry.isDirectory()) {
    if (!(await clean(path, cleaning)) || !isOld) return false;
    await rmdir(path);
    return true;
  }
  // Sockets and devices are somebody's who is told otherwise.
  if (!isOld || !(entry.isFile() || entry.isSymbolicLink()) || messageLogs.has(entry.name) || cleaning.stay.has(path)) return false;
  await unlink(path);
  cleaning.removed++;
  return true;
}

/** Folders of forms that were being handled when their process was killed, of this user alone. */
async function leftoversIn(systemFolder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(systemFolder).catch(() => [])) {
    if (!leftovers.test(name)) continue;
    const path = join(systemFolder, name);
    const state = await lstat(path).catch(() => undefined);
    if (state?.isDirectory() === true && state.uid === process.getuid?.() && state.mtimeMs < Date.now() - leftoverMs) found.push(path);
  }
  return found;
}

/** What is open in processes that this one may look into; nothing where the system does not tell. */
async function openPaths(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const path = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (path.startsWith("/")) found.push(path);
    }
  }
  return found;
}
