// Tells when a source file changes, wherever it lies in some folders.

import { type FSWatcher, watch } from "node:fs";

import { invalidSetting } from "../config/errors.js";

/** Editors and compilers write several files. */
const settleMs = 250;
const isSource = /\.(?:[cm]?[jt]s|json)$/;
const isForeign = /(?:^|[\\/])(?:node_modules|\.[^\\/]+|var|coverage)[\\/]/;

/**
 * @param onChange  called with the first file of those that changed together
 * @throws SettingsError for a folder that cannot be watched
 */
export function watchFolders(folders: readonly string[], onChange: (file: string) => void): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let first: string | undefined;
  const watchers = folders.map((folder): FSWatcher => {
    try {
      return watch(folder, { recursive: true, persistent: false }, (_event, name) => {
        if (name === null || !isSource.test(name) || isForeign.test(name)) return;
        first ??= name;
        clearTimeout(timer);
        timer = setTimeout(() => {
          const file = first!;
          first = undefined;
          onChange(file);
        }, settleMs);
      });
    } catch (cause) {
      throw invalidSetting("watch", `watch: cannot watch ${folder} (${(cause as NodeJS.ErrnoException).code})`, cause);
    }
  });
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
