import { BkError, either, flag, integer, oneOf, parseConnectUrl, readOptions } from "@bk/core";
import { SharedLink, sharedPath } from "@bk/core/shared";
import type { CacheDriver, Call, Capabilities, DriverOptions, DriverStats, Stored } from "../../driver.js";
import { CacheError, wrongOption } from "../../errors.js";
import type { ResultOf } from "../../operation.js";
import { fromJson, type StoredJson, toJson } from "../../stored.js";
import { defaultMax } from "../local/index.js";
import { LocalStore } from "../local/store.js";
import { received, sendable, type SharedCall, sharedService } from "./service.js";

const types = {
  max: integer({ min: 1 }),
  maxBytes: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  host: either(flag, oneOf(["auto"])),
};

const capabilities: Capabilities = Object.freeze({
  scope: "host",
  peek: false,
  keys: true,
  lists: true,
  ttlStepMs: 1,
  locks: "engine",
  time: "store",
  maxValueBytes: undefined,
});

/**
 * One store for the processes of this machine and user, kept by one of them: `shared:`, for the programs that run in one folder, or
 * `shared:name`. In a cluster of Node that is the primary, which has to open it too, so that the store outlives the workers.
 *
 * Options: `max` entries (100,000) and `maxBytes`, of the process that keeps the store; `host`: whether this process may keep it,
 * `auto` (default) unless it is a worker of a cluster; `true`: it does from now on.
 *
 * @throws CacheError `invalid` naming the field for a wrong URL or option
 */
export async function sharedDriver({ url, options, clock, log }: DriverOptions): Promise<CacheDriver> {
  const parsed = parseConnectUrl(url);
  const wrong = wrongOption("shared");
  if (parsed.hosts.length > 0) throw wrong("url", "the URL is shared: or shared:name");
  const { max = defaultMax, maxBytes, host } = readOptions({ ...parsed.options, ...options }, types, wrong);
  const link = new SharedLink({
    path: sharedPath(parsed.path),
    service: () => sharedService(new LocalStore({ max, maxBytes, clock })),
    log,
    ...(typeof host === "boolean" ? { host } : {}),
  });
  // Others wait for it, whether or not this process ever calls.
  if (host === true) await link.ready();

  const ask = async <T>(body: SharedCall, call: Call): Promise<T> => {
    try {
      if (!link.isReady) await link.ready();
      if (call.isGone) throw new CacheError("cancelled", "given up", { outcome: "none" });
      call.isSent = true;
      return (await link.call(body)) as T;
    } catch (error) {
      if (!(error instanceof BkError) || error instanceof CacheError) throw error;
      throw new CacheError(error.code, error.message, { outcome: error.outcome, detail: error.detail, cause: error });
    }
  };
  const stored = (value: StoredJson | null): Stored | undefined => (value === null ? undefined : fromJson(value));

  return {
    name: "shared",
    capabilities: { ...capabilities, maxValueBytes: maxBytes },
    get isReady() {
      return link.isReady;
    },
    get: async (key, call) => stored(await ask({ do: "get", key }, call)),
    getMany: async (keys, call) => (await ask<(StoredJson | null)[]>({ do: "getMany", keys }, call)).map(stored),
    put: (key, value, ttlMs, call) => ask({ do: "put", entries: [[key, toJson(value)]], ttlMs }, call),
    putMany: (entries, ttlMs, call) =>
      ask({ do: "put", entries: entries.map(([key, value]) => [key, toJson(value)] as const), ttlMs }, call),
    del: (keys, call) => ask({ do: "del", keys }, call),
    apply: async <Op extends Parameters<CacheDriver["apply"]>[1]>(key: string, operation: Op, call: Call) =>
      received(await ask({ do: "apply", key, operation: sendable(operation) }, call)) as ResultOf<Op>,
    async *keys(match, call) {
      yield await ask<string[]>({ do: "keys", match }, call);
    },
    clear: (match, call) => ask({ do: "clear", match }, call),
    stats: (call) => ask<DriverStats>({ do: "stats" }, call),
    close: () => link.close(),
  };
}
