import { either, flag, integer, list, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";
import type { CacheDriver, Call, Capabilities, DriverOptions } from "../../driver.js";
import { type CasEntry, casDriver, type CasStore } from "../../engines/cas.js";
import { wrongOption } from "../../errors.js";
import { type KeyMatch, keyMatcher } from "../../keys.js";
import { fromJson, type StoredJson, toJson } from "../../stored.js";
import { HazelcastConnection, type HazelcastMap } from "./connection.js";

const types = {
  servers: list,
  mapName: string(),
  username: string(),
  password: string(),
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("node:tls")),
  connectTimeoutMs: integer({ min: 1 }),
};

const capabilities: Capabilities = Object.freeze({
  scope: "global",
  peek: false,
  keys: true,
  lists: true,
  ttlStepMs: 1,
  locks: "engine",
  time: "caller",
  maxValueBytes: undefined,
});

const wrong = wrongOption("hazelcast");

/**
 * Hazelcast 5 through hazelcast-client: `hazelcast://host1,host2/cluster`. Entries lie in one map, option `mapName` (`bk-cache`).
 *
 * Nothing is connected before the first call.
 *
 * @throws CacheError `invalid` naming the field for a wrong URL or option; `driver-missing` when hazelcast-client is not installed
 */
export async function hazelcastDriver({ url, options, clock, log, events }: DriverOptions): Promise<CacheDriver> {
  const parsed = parseConnectUrl(url);
  const given = readOptions({ ...parsed.options, ...options }, types, wrong);
  const hosts = parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;
  const connection = await HazelcastConnection.make({
    clusterName: parsed.path ?? "dev",
    members: [...hosts.map(({ host, port = 5701 }) => `${host.includes(":") ? `[${host}]` : host}:${port}`), ...(given.servers ?? [])],
    mapName: given.mapName ?? "bk-cache",
    username: given.username ?? parsed.user,
    password: given.password ?? parsed.password,
    tls: given.tls ?? false,
    connectTimeoutMs: given.connectTimeoutMs ?? 5_000,
    log,
    events,
  });

  /** An entry says itself when it expires: the cluster counts in seconds, and forgets the time of one that is replaced. */
  const entryOf = (key: string, text: string | null | undefined): CasEntry<string> | undefined => {
    if (text === null || text === undefined) return undefined;
    const [, expiresAt, value] = JSON.parse(text) as [string, number, StoredJson];
    if (expiresAt !== 0 && expiresAt <= clock.now()) return undefined;
    return { value: fromJson(value), version: text, expiresAt };
  };
  /** The version makes every text another one, so that a value that came back is not taken for the one before. */
  const textOf = (value: string | Uint8Array, ttlMs: number): string => {
    const version = Array.from(clock.randomBytes(9), (byte) => byte.toString(36)).join("");
    return JSON.stringify([version, ttlMs === 0 ? 0 : clock.now() + ttlMs, toJson(value)]);
  };
  /** When the cluster may drop it: after its time, by the clock of the cluster. */
  const dropAfter = (ttlMs: number): number => (ttlMs === 0 ? 0 : Math.ceil(ttlMs / 1000) * 1000 + 1000);

  const ask = <T>(call: Call, work: (map: HazelcastMap) => Promise<T>): Promise<T> => connection.ask(call, work);

  const store: CasStore<string> = {
    async get(keys, call) {
      if (keys.length === 1) return [entryOf(keys[0]!, await ask(call, (map) => map.get(keys[0]!)))];
      // In no order, and without those that are missing.
      const found = new Map(await ask(call, (map) => map.getAll([...new Set(keys)])));
      return keys.map((key) => entryOf(key, found.get(key)));
    },
    async set(key, value, ttlMs, expected, call) {
      const text = textOf(value, ttlMs);
      if (expected === undefined) {
        await ask(call, (map) => map.set(key, text, dropAfter(ttlMs)));
        return true;
      }
      if (expected !== null) return replace(key, expected, text, ttlMs, call);
      const there = await ask(call, (map) => map.putIfAbsent(key, text, dropAfter(ttlMs)));
      if (there === null || there === undefined) return true;
      return entryOf(key, there) === undefined && replace(key, there, text, ttlMs, call);
    },
    async del(key, expected, call) {
      if (expected !== undefined) return (await ask(call, (map) => map.remove(key, expected))) === true;
      const there = await ask(call, (map) => map.remove(key));
      return entryOf(key, there as string | null) !== undefined;
    },
  };

  async function replace(key: string, from: string, to: string, ttlMs: number, call: Call): Promise<boolean> {
    const isDone = await ask(call, (map) => map.replaceIfSame(key, from, to));
    // What is left behind by a call that ends here is missing all the same when its time is over.
    if (isDone) await ask(call, (map) => map.setTtl(key, dropAfter(ttlMs)));
    return isDone;
  }

  async function* keysOf(match: KeyMatch, call: Call): AsyncGenerator<readonly string[]> {
    const matches = keyMatcher(match);
    const keys = (await ask(call, (map) => map.keySet())).filter(matches);
    for (let at = 0; at < keys.length; at += 1000) {
      const some = keys.slice(at, at + 1000);
      // Those whose time is over may still lie there.
      const found = await store.get(some, call, "anywhere");
      yield some.filter((_key, i) => found[i] !== undefined);
    }
  }

  const driver = casDriver({ name: "hazelcast", capabilities, store, clock });
  return {
    ...driver,
    get isReady() {
      return connection.isReady;
    },
    keys: keysOf,
    async clear(match, call) {
      const matches = keyMatcher(match);
      const keys = (await ask(call, (map) => map.keySet())).filter(matches);
      for (let at = 0; at < keys.length; at += 1000) await driver.del(keys.slice(at, at + 1000), call);
    },
    stats: async (call) => ({ count: await ask(call, (map) => map.size()) }),
    close: () => connection.close(),
  };
}
