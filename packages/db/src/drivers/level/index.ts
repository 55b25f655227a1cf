// The LevelDB driver: the engine of ordered key-value stores over a map in files. README.md says how rows are kept.

import type { Driver, DriverOptions } from "../../driver.js";
import { type KvCommand, kvDriver } from "../../engines/kv/engine.js";
import { kvStoreOver } from "../../engines/kv/ordered-map.js";
import { classifyLevel } from "./errors.js";
import { openMap } from "./open.js";
import { levelOptions } from "./options.js";

/**
 * Opens the LevelDB database in a folder, made when it is missing. It is of this process alone until it is closed; pools
 * of one process that name the same folder share it.
 *
 * @throws DbError `driver-missing` without the client; `invalid` for a bad URL or setting, or a file; `unavailable` when
 *   another process has it open; what is wrong with the folder, with its path
 */
export async function levelDriver(options: DriverOptions): Promise<Driver<KvCommand>> {
  const location = levelOptions(options);
  const map = await openMap(location.path, location);
  const store = kvStoreOver({ ...map, apply: (checks, puts, deletes) => map.apply(checks, puts, deletes, location.sync) });
  return kvDriver("level", store, {
    clock: options.clock,
    classify: classifyLevel,
    capabilities: { group: { get: { most: 1000, outcome: "whole" }, put: { most: 256, outcome: "whole" } } },
  });
}
