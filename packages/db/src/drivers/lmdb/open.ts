import type { open } from "lmdb";

import { sharedHandles } from "../../engines/shared-handles.js";
import { DbError } from "../../errors.js";
import { openError } from "./errors.js";
import type { OrderedMap } from "../../engines/kv/ordered-map.js";
import { type Database, lmdbMap, pageSize } from "./map.js";
import type { LmdbOptions } from "./options.js";

/**
 * Opens a file as a map. LMDB opens a file once in a process, so the pools that name it share one handle.
 *
 * @throws DbError `driver-missing` without the client; why the file cannot be opened, with its path
 */
export const openMap = sharedHandles(async (path: string, { sync }: LmdbOptions): Promise<OrderedMap> => {
  const openDatabase = await loadClient();
  try {
    const database: Database = openDatabase({
      path,
      pageSize,
      keyEncoding: "binary",
      encoding: "string",
      noSync: !sync,
      // It makes a promise that nobody has: rejected when a commit fails, that ends the process. Writes of one turn are one commit without it too.
      eventTurnBatching: false,
    });
    return lmdbMap(database);
  } catch (error) {
    throw openError(error, path);
  }
});

async function loadClient(): Promise<typeof open> {
  try {
    return (await import("lmdb")).open;
  } catch (cause) {
    throw new DbError("driver-missing", "LMDB needs its client; run: npm install lmdb", { driver: "lmdb", cause });
  }
}
