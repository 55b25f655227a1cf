import { flag, integer, oneOf, parseConnectUrl, readOptions } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

/** Settings of a SQLite pool, in the URL's query or in the pool's options. */
export interface SqliteOptions {
  /** Open an existing file for reads alone. Default false. */
  readonly readonly: boolean;
  /** How long a write waits for another process's lock, in milliseconds. Default 5,000. */
  readonly busyTimeoutMs: number;
  /**
   * When a commit waits for the disk. `normal` (default): commits survive the end of the process, however it ends; the
   * last ones before a power failure may be lost, the file stays whole. `full`: they survive power failures too.
   */
  readonly synchronous: "off" | "normal" | "full" | "extra";
  /** Memory for pages of the file, in MB of each connection, taken as needed. Default 50: the inner pages of a table of a million rows fit. */
  readonly cacheMb: number;
  /** How much of the file, from its beginning, is mapped into memory, in MB. Default 0: nothing; a scan would count all of it as the process's. */
  readonly mmapMb: number;
  /**
   * Most threads that carry out statements which may take long, so that this process answers
   * meanwhile. Each is begun when it is needed. Default 2; 0: such statements hold the process up.
   */
  readonly threads: number;
  /** The size of the file from which on threads are used, in MB. Default 4; 0: always, for tables of any size. */
  readonly threadsFromMb: number;
}

export interface SqliteLocation extends SqliteOptions {
  /** The file, or `:memory:`. */
  readonly path: string;
}

const types = {
  readonly: flag,
  busyTimeoutMs: integer(),
  synchronous: oneOf(["off", "normal", "full", "extra"]),
  cacheMb: integer(),
  mmapMb: integer(),
  threads: integer({ max: 64 }),
  threadsFromMb: integer(),
};

const wrong = wrongOption("sqlite");

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function sqliteOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): SqliteLocation {
  const { path, hosts, options: inUrl } = parseConnectUrl(url);
  if (hosts.length > 0) throw wrong("url", "the URL has a host; write sqlite:app.db, sqlite:/var/app.db or sqlite::memory:");
  if (path === undefined) throw wrong("url", "the URL has no path; write sqlite:app.db or sqlite::memory:");
  const options = readOptions({ ...inUrl, ...given }, types, wrong);
  const {
    readonly = false,
    busyTimeoutMs = 5_000,
    synchronous = "normal",
    cacheMb = 50,
    mmapMb = 0,
    threads = 2,
    threadsFromMb = 4,
  } = options;
  return { path, readonly, busyTimeoutMs, synchronous, cacheMb, mmapMb, threads, threadsFromMb };
}
