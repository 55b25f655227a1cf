import { flag, parseConnectUrl, readOptions } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

/** Settings of an LMDB pool, in the URL's query or in the pool's options. */
export interface LmdbOptions {
  /**
   * Whether a write waits for the disk. Default true: acknowledged writes survive a power failure. False: they survive the
   * end of the process alone, and a power failure may damage the file.
   */
  readonly sync: boolean;
}

export interface LmdbLocation extends LmdbOptions {
  /** The folder of the database, or its file where the name has an extension. */
  readonly path: string;
}

const types = { sync: flag };

const wrong = wrongOption("lmdb");

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function lmdbOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): LmdbLocation {
  const { path, hosts, options: inUrl } = parseConnectUrl(url);
  if (hosts.length > 0) throw wrong("url", "the URL has a host; write lmdb:app.mdb or lmdb:/var/lib/app.mdb");
  if (path === undefined) throw wrong("url", "the URL has no path; write lmdb:app.mdb or lmdb:/var/lib/app.mdb");
  const { sync = true } = readOptions({ ...inUrl, ...given }, types, wrong);
  return { path, sync };
}
