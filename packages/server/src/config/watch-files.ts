// Tells when one of some files changes, also by being replaced, made or removed, or by a link on the way to it that leads elsewhere now.

import { type FSWatcher, lstatSync, readlinkSync, type Stats, watch } from "node:fs";
import { join, parse, resolve, sep } from "node:path";

import type { Log } from "@bk/core";

/** Editors write a file in several steps. */
const settleMs = 500;
/** As the system has it. */
const mostLinks = 40;

interface Watched {
  readonly watcher: FSWatcher;
  readonly inode: number;
  names: ReadonlySet<string>;
}

export class FileWatch {
  readonly #onChange: () => void;
  readonly #onFault: (folder: string, code: string | undefined) => void;
  readonly #watched = new Map<string, Watched>();
  /** Folders that could not be watched, which is told once. */
  readonly #told = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param onFault  called with a folder that cannot be watched, and why */
  constructor(onChange: () => void, onFault: (folder: string, code: string | undefined) => void = () => undefined) {
    this.#onChange = onChange;
    this.#onFault = onFault;
  }

  /** Watches these files, and no longer others. Folders are watched rather than files, which get lost when they are replaced. */
  set(files: Iterable<string>): void {
    const wanted = new Map<string, Set<string>>();
    for (const file of files) for (const [folder, name] of placesOf(file)) wanted.set(folder, (wanted.get(folder) ?? new Set()).add(name));
    for (const [folder, { watcher, inode }] of this.#watched) {
      // One of the same name may have taken its place.
      if (wanted.has(folder) && inode === stateOf(folder)?.ino) continue;
      watcher.close();
      this.#watched.delete(folder);
    }
    for (const [folder, names] of wanted) {
      const known = this.#watched.get(folder);
      if (known === undefined) this.#watch(folder, names);
      else known.names = names;
    }
  }

  #watch(folder: string, names: ReadonlySet<string>): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        // Some systems do not say which file it was.
        if (name === null || this.#watched.get(folder)?.names.has(name)) this.#later();
      });
      watcher.on("error", () => {
        watcher.close();
        this.#watched.delete(folder);
        this.#later();
      });
      this.#watched.set(folder, { watcher, inode: stateOf(folder)?.ino ?? 0, names });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // It went away just now; whoever reads the files will say so.
      if (code === "ENOENT" || this.#told.has(folder)) return;
      this.#told.add(folder);
      this.#onFault(folder, code);
    }
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onChange, settleMs).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }
}

/** Says in a log what cannot be watched. */
export const tellUnwatched =
  (log: Log) =>
  (folder: string, code: string | undefined): void =>
    log.warn(`${folder} cannot be watched (${code}): changes of its files are noticed with SIGHUP and bk-server reload`);

/** What decides what a path leads to, as folders and names in them: the file, its folder, and each link on the way. Of what is not there its making. */
function placesOf(file: string): (readonly [folder: string, name: string])[] {
  const places: (readonly [string, string])[] = [];
  const partsOf = (path: string): string[] => path.split(sep).filter((part) => part !== "");
  const { root } = parse(resolve(file));
  let [at, rest, links] = [root, partsOf(resolve(file).slice(root.length)), 0];
  while (rest.length > 0) {
    const [name, ...others] = rest as [string, ...string[]];
    const path = join(at, name);
    const state = stateOf(path);
    if (others.length <= 1 || state === undefined || state.isSymbolicLink()) places.push([at, name]);
    if (state === undefined || (state.isSymbolicLink() && ++links > mostLinks)) break;
    if (state.isSymbolicLink()) {
      const target = resolve(at, readlinkSync(path));
      [at, rest] = [root, [...partsOf(target.slice(root.length)), ...others]];
    } else [at, rest] = [path, others];
  }
  return places;
}

/** Undefined for what is not there, or cannot be looked at. */
function stateOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
