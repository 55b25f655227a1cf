// Tells when a file changes, wherever it lies in some folders.

import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { join, relative, resolve } from "node:path";

import { invalidSetting } from "../config/errors.js";

export interface WatchOptions {
  /** Which files are told of. Default sources: scripts and JSON. */
  readonly matches?: RegExp;
  /** Folders that are left alone, with all below them. */
  readonly except?: readonly string[];
}

/** Editors and compilers write several files. */
const settleMs = 250;
const isSource = /\.(?:[cm]?[jt]s|json)$/;
/** Folders whose files come from elsewhere. Watching all of them would take the system's watches. */
const isForeign = /^(?:node_modules|\..*|var|coverage)$/;

/**
 * @param onChange  called with the first file of those that changed together
 * @throws SettingsError for a folder that cannot be watched
 */
export function watchFolders(folders: readonly string[], onChange: (file: string) => void, options: WatchOptions = {}): { close(): void } {
  const { matches = isSource, except = [] } = options;
  const left = new Set(except.map((folder) => resolve(folder)));
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let first: string | undefined;

  function changed(path: string): void {
    if (!matches.test(path)) return;
    first ??= path;
    clearTimeout(timer);
    timer = setTimeout(() => {
      const file = relative(process.cwd(), first!);
      first = undefined;
      onChange(file);
    }, settleMs);
  }

  /** @param isNew  what lies in it has not been told of */
  function add(folder: string, isNew: boolean): void {
    if (watchers.has(folder) || left.has(folder)) return;
    const watcher = watch(folder, { persistent: false }, (_event, name) => {
      if (name !== null && !isForeign.test(name)) look(join(folder, name));
    });
    watcher.on("error", () => forget(folder));
    watchers.set(folder, watcher);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (isForeign.test(entry.name)) continue;
      if (entry.isDirectory()) addWithin(path, isNew);
      else if (isNew) changed(path);
    }
  }

  /** A folder of somebody else's, such as of a database in a container, is left alone; one that went away is forgotten. */
  function addWithin(folder: string, isNew: boolean): void {
    try {
      add(folder, isNew);
    } catch (error) {
      if (!["ENOENT", "ENOTDIR", "EACCES"].includes((error as NodeJS.ErrnoException).code!)) throw error;
      forget(folder);
    }
  }

  function look(path: string): void {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (isFolder !== true) {
      forget(path);
      return changed(path);
    }
    try {
      addWithin(path, true);
    } catch (error) {
      // Of those that are watched already is told all the same.
      process.emitWarning(`watch: cannot watch ${path} (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  function forget(folder: string): void {
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(join(folder, "/"))) continue;
      watcher.close();
      watchers.delete(path);
    }
  }

  for (const folder of folders) {
    try {
      add(resolve(folder), false);
    } catch (cause) {
      throw invalidSetting("watch", `watch: cannot watch ${folder} (${(cause as NodeJS.ErrnoException).code})`, cause);
    }
  }
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}
