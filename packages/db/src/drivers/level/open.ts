import type { ClassicLevel } from "classic-level";

import { sharedHandles } from "../../engines/shared-handles.js";
import { DbError } from "../../errors.js";
import { openError } from "./errors.js";
import { type LevelMap, levelMap } from "./map.js";

/**
 * Opens a folder as a map. LevelDB locks it, so the pools of this process that name it share one handle.
 *
 * @throws DbError `driver-missing` without the client; why the folder cannot be opened, with its path
 */
export const openMap = sharedHandles(async (path: string, { cacheMb }: { readonly cacheMb: number }): Promise<LevelMap> => {
  const Level = await loadClient();
  const database = new Level(path, { cacheSize: cacheMb * 1_000_000 });
  try {
    await database.open();
  } catch (error) {
    throw openError(error, path);
  }
  return levelMap(database);
});

async function loadClient(): Promise<typeof ClassicLevel> {
  try {
    return (await import("classic-level")).ClassicLevel;
  } catch (cause) {
    throw new DbError("driver-missing", "LevelDB needs its client; run: npm install classic-level", { driver: "level", cause });
  }
}
