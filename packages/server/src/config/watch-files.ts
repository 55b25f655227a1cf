// Tells when one of some files changes, also by being replaced, made or removed.

import { existsSync, type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** Editors write a file in several steps. */
const settleMs = 500;

export class FileWatch {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; names: Set<string> }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Watches these files, and no longer others. Folders are watched rather than files, which get lost when they are replaced. */
  set(files: Iterable<string>): void {
    const wanted = new Map<string, Set<string>>();
    for (const file of files) {
      let [folder, name] = [dirname(file), basename(file)];
      // Where the folder is not there yet, its own making is waited for.
      while (!existsSync(folder) && dirname(folder) !== folder) [folder, name] = [dirname(folder), basename(folder)];
      wanted.set(folder, (wanted.get(folder) ?? new Set()).add(name));
    }
    for (const [folder, { watcher }] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const [folder, names] of wanted) {
      const known = this.#watchers.get(folder);
      if (known === undefined) this.#watch(folder, names);
      else known.names = names;
    }
  }

  #watch(folder: string, names: Set<string>): void {
    let watcher: FSWatcher;
    try {
      watcher = watch(folder, { persistent: false }, (_event, name) => {
        // Some systems do not say which file it was.
        if (name === null || this.#watchers.get(folder)?.names.has(name)) this.#later();
      });
    } catch {
      // The folder went away just now; whoever reads the files will say so.
      return;
    }
    watcher.on("error", () => {
      watcher.close();
      this.#watchers.delete(folder);
      this.#later();
    });
    this.#watchers.set(folder, { watcher, names });
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onChange, settleMs).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}
