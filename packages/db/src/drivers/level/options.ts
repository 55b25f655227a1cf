import { flag, integer, parseConnectUrl, readOptions } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

/** Settings of a LevelDB pool, in the URL's query or in the pool's options. */
export interface LevelOptions {
  /**
   * Whether a write waits for the disk. Default false: acknowledged writes survive the end of the process, however it
   * ends; the last ones before a power failure may be lost.
   */
  readonly sync: boolean;
  /** Memory for blocks of the files, in MB. Default 32. */
  readonly cacheMb: number;
}

export interface LevelLocation extends LevelOptions {
  /** The folder of the database. */
  readonly path: string;
}

const types = { sync: flag, cacheMb: integer({ min: 1 }) };

const wrong = wrongOption("level");

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function levelOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): LevelLocation {
  const { path, hosts, options: inUrl } = parseConnectUrl(url);
  if (hosts.length > 0) throw wrong("url", "the URL has a host; write level:folder or level:/var/lib/folder");
  if (path === undefined) throw wrong("url", "the URL has no path; write level:folder or level:/var/lib/folder");
  const { sync = false, cacheMb = 32 } = readOptions({ ...inUrl, ...given }, types, wrong);
  return { path, sync, cacheMb };
}
