import { ClientEvents, type Clock, integer, type Log, oneOf, readOptions, flag, silentLog, string, systemClock, BkError } from "@bk/core";
import { Cache } from "./cache.js";
import { Calls } from "./calls.js";
import { type CodecName, codecs } from "./codec.js";
import { CacheCore, type DownPolicy } from "./core.js";
import type { CacheDriver, OpenDriver } from "./driver.js";
import { driverFor, knownSchemes } from "./drivers/registry.js";
import { CacheError } from "./errors.js";
import { checkTtl } from "./options.js";

/** Settings of a cache. */
export interface CacheOptions {
  /**
   * What its keys begin with in the store, at most 200 characters; default `bk:`, and nothing for `local:`. Caches with prefixes of which neither
   * begins with the other do not see each other's entries.
   */
  readonly prefix?: string | undefined;
  /** When values expire of which nothing else is said, in milliseconds; default 0: never. */
  readonly ttlMs?: number | undefined;
  /** How values are stored: `json` (default) or `raw`, texts and bytes as they are. */
  readonly codec?: CodecName | undefined;
  /** Objects that come out are frozen; then `local:` gives one object to all who read it, without a copy. Default false. */
  readonly frozen?: boolean | undefined;
  /** How long a call may take, in milliseconds; default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** How many calls may wait for a connection; more are `unavailable` at once. Default 10,000. */
  readonly maxWaiting?: number | undefined;
  /** What reads do while the store cannot be reached; default `throw`. */
  readonly onDown?: DownPolicy | undefined;
  /** Settings of the driver, which win over those of the URL's query. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
}

const types = {
  prefix: string("a well-formed string of at most 200 characters", (text) => text.length <= 200 && text.isWellFormed()),
  ttlMs: { mustBe: "a number of milliseconds", read: (given: unknown) => (typeof given === "number" ? given : undefined) },
  codec: oneOf(["json", "raw"]),
  frozen: flag,
  timeoutMs: integer({ min: 1 }),
  maxWaiting: integer({ min: 0 }),
  onDown: oneOf(["throw", "miss", "stale"]),
};

/**
 * Opens a cache.
 *
 * Nothing is connected before the first call.
 *
 * @param store  a URL such as `local:` or `redis://127.0.0.1:6379`, or a driver of somebody else's: the function that opens it
 * @throws CacheError `invalid` naming the field for a wrong URL or option; `driver-missing` when the client package is not installed
 */
export async function openCache(store: string | OpenDriver, options: CacheOptions = {}): Promise<Cache> {
  const { clock = systemClock, log = silentLog, options: driverOptions = {}, ...settings } = options;
  const read = readOptions(settings as Readonly<Record<string, unknown>>, types, (field, problem) => {
    return new CacheError("invalid", `openCache: ${problem}`, { detail: { field } });
  });
  const { codec = "json", onDown = "throw", frozen = false, timeoutMs = 5_000, maxWaiting = 10_000 } = read;
  const ttlMs = checkTtl(read.ttlMs, 0);
  const events = new ClientEvents(log);
  const openOne = async (url: string, own: Readonly<Record<string, unknown>>): Promise<CacheDriver> => {
    const open = typeof store === "string" || url !== "" ? await driverOf(url) : store;
    try {
      return await open({ url, options: own, clock, log, events, bytes: codec === "raw", open: openOne });
    } catch (error) {
      if (!(error instanceof BkError) || error instanceof CacheError) throw error;
      throw new CacheError(error.code, error.message, { detail: error.detail, cause: error });
    }
  };
  const driver = await openOne(typeof store === "string" ? store : "", driverOptions);
  const prefix = read.prefix ?? (driver.capabilities.scope === "process" ? "" : "bk:");
  const calls = new Calls({ driver, timeoutMs, maxWaiting });
  return new Cache(new CacheCore({ driver, calls, codec: codecs[codec], prefix, ttlMs, isFrozen: frozen, onDown, clock, log, events }));
}

async function driverOf(url: unknown): Promise<OpenDriver> {
  const scheme = typeof url === "string" ? /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() : undefined;
  const open = scheme === undefined ? undefined : await driverFor(scheme);
  if (open !== undefined) return open;
  // The URL is not repeated: it may hold a password.
  throw new CacheError("invalid", `the URL of a cache begins with one of ${knownSchemes.map((name) => `${name}:`).join(" ")}`, {
    detail: { field: "url" },
  });
}
