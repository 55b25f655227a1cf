import { parseConnectUrl } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { invalid } from "../../errors.js";

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
}

export interface SqliteLocation extends SqliteOptions {
  /** The file, or `:memory:`. */
  readonly path: string;
}

const modes = ["off", "normal", "full", "extra"] as const;

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function sqliteOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): SqliteLocation {
  const { path, hosts, options: inUrl } = parseConnectUrl(url);
  if (hosts.length > 0)
    throw invalid("sqlite: the URL has a host; write sqlite:app.db, sqlite:/var/app.db or sqlite::memory:", { driver: "sqlite" });
  if (path === undefined) throw invalid("sqlite: the URL has no path; write sqlite:app.db or sqlite::memory:", { driver: "sqlite" });
  const options: Readonly<Record<string, unknown>> = { ...inUrl, ...given };
  const known = ["readonly", "busyTimeoutMs", "synchronous", "cacheMb", "mmapMb"];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalid(`sqlite: unknown option "${unknown}"; there are ${known.join(", ")}`, { driver: "sqlite" });
  return {
    path,
    readonly: flag(options, "readonly"),
    busyTimeoutMs: count(options, "busyTimeoutMs", 5_000),
    synchronous: mode(options),
    cacheMb: count(options, "cacheMb", 50),
    mmapMb: count(options, "mmapMb", 0),
  };
}

function flag(options: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = options[name] ?? false;
  if (value === true || value === "true" || value === "1") return true;
  if (value === false || value === "false" || value === "0") return false;
  throw invalid(`sqlite: option "${name}" must be true or false`, { driver: "sqlite" });
}

function count(options: Readonly<Record<string, unknown>>, name: string, otherwise: number): number {
  const value = options[name] ?? otherwise;
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number < 2 ** 31) return number;
  throw invalid(`sqlite: option "${name}" must be a whole number, 0 or more`, { driver: "sqlite" });
}

function mode(options: Readonly<Record<string, unknown>>): SqliteOptions["synchronous"] {
  const value = options["synchronous"] ?? "normal";
  const found = modes.find((name) => name === value);
  if (found === undefined) throw invalid(`sqlite: option "synchronous" must be one of ${modes.join(", ")}`, { driver: "sqlite" });
  return found;
}
