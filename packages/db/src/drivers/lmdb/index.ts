// The LMDB driver: the engine of ordered key-value stores over a map in files. README.md says how rows are kept.

import type { Driver, DriverOptions } from "../../driver.js";
import { type KvCommand, kvDriver } from "../../engines/kv/engine.js";
import { kvStoreOver } from "../../engines/kv/ordered-map.js";
import { classifyLmdb } from "./errors.js";
import { openMap } from "./open.js";
import { lmdbOptions } from "./options.js";

/**
 * Opens the LMDB database in a folder, or in a file where the name has an extension; it is made when it is missing. Several
 * processes may have it open at once.
 *
 * @throws DbError `driver-missing` without the client; `invalid` for a bad URL or setting; what is wrong with the file, with its path
 */
export async function lmdbDriver(options: DriverOptions): Promise<Driver<KvCommand>> {
  const location = lmdbOptions(options);
  return kvDriver("lmdb", kvStoreOver(await openMap(location.path, location)), {
    clock: options.clock,
    classify: classifyLmdb,
    capabilities: { group: { put: { most: 256, outcome: "whole" } } },
  });
}
