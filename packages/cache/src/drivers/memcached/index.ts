import { createHash } from "node:crypto";
import { either, flag, integer, list, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";
import type { CacheDriver, Call, Capabilities, DriverOptions } from "../../driver.js";
import { type CasEntry, casDriver, type CasStore, type Place } from "../../engines/cas.js";
import { CacheError, wrongOption } from "../../errors.js";
import { fromBytes, toBytes } from "../../stored.js";
import { type Answer, MemcachedServer } from "./connection.js";
import { Ring } from "./ring.js";

const anyString = string("a string", () => true);
const types = {
  servers: list,
  username: anyString,
  password: anyString,
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("node:tls")),
  failover: flag,
  flush: flag,
  connectTimeoutMs: integer({ min: 1 }),
  silenceMs: integer({ min: 1 }),
  maxValueBytes: integer({ min: 1 }),
};

const capabilities: Omit<Capabilities, "maxValueBytes"> = Object.freeze({
  scope: "global",
  peek: false,
  keys: false,
  lists: false,
  ttlStepMs: 1000,
  locks: "evictable",
  time: "caller",
});

const wrong = wrongOption("memcached");
/** Longer times are taken for times since 1970. */
const longestRelativeSeconds = 30 * 86_400;
/** What a value may take where the server's own limit (`-I`) is 1 MiB: less what it keeps beside it. */
const usualMaxBytes = 1024 * 1024 - 1024;

/**
 * memcached 1.6 and later, over the meta protocol: `memcached://host1,host2`. Keys are shared out by consistent hashing; those of a server
 * that is away go to the next one, but for locks and limits.
 *
 * @throws CacheError `invalid` naming the field for a wrong URL or option
 */
export async function memcachedDriver(options: DriverOptions): Promise<CacheDriver> {
  const parsed = parseConnectUrl(options.url);
  if (parsed.path !== undefined) throw wrong("url", "the URL has no path");
  const given = readOptions({ ...parsed.options, ...options.options }, types, wrong);
  const { failover = true, flush = false, maxValueBytes = usualMaxBytes } = given;
  // As long as one of several is there, so is the store.
  const onChange = (error?: unknown): void => {
    if (all.some((server) => server.isReady)) options.events?.connected();
    else options.events?.lost(error);
  };
  const hosts = [...parsed.hosts, ...(given.servers ?? []).map(addressOf)];
  const servers = (hosts.length === 0 ? [{ host: "127.0.0.1" }] : hosts).map(({ host, port = 11_211 }) => ({
    // As libketama names them: without the usual port.
    name: port === 11_211 ? host : `${host}:${port}`,
    server: new MemcachedServer({
      host,
      port,
      user: given.username ?? parsed.user,
      password: given.password ?? parsed.password,
      tls: given.tls ?? false,
      connectTimeoutMs: given.connectTimeoutMs ?? 5_000,
      silenceMs: given.silenceMs ?? 10_000,
      log: options.log,
      onChange,
    }),
  }));
  const ring = new Ring(servers.map(({ name, server }) => [name, server] as const));
  const all = servers.map(({ server }) => server);

  /** Sends to the key's server; or, where nothing was sent since it is away, to the next. */
  async function send(key: string, command: Buffer, call: Call, place: Place): Promise<Answer> {
    let last: unknown;
    for (const server of ring.serversOf(key)) {
      try {
        return await server.send(command, call);
      } catch (error) {
        if (!failover || place === "home" || !(error instanceof CacheError) || error.code !== "unavailable" || error.outcome !== "none")
          throw error;
        last = error;
      }
    }
    throw last;
  }

  const store: CasStore<string> = {
    get: (keys, call, place) =>
      Promise.all(
        keys.map(async (key): Promise<CasEntry<string> | undefined> => {
          const { name, flags } = keyOf(key);
          const { words, value } = await send(name, Buffer.from(`mg ${name} v c t${flags}\r\n`, "latin1"), call, place);
          if (value === undefined) return undefined;
          const seconds = Number(flagOf(words, "t") ?? -1);
          return {
            value: fromBytes(value),
            version: flagOf(words, "c") ?? "",
            expiresAt: seconds < 0 ? 0 : options.clock.now() + seconds * 1000,
          };
        }),
      ),
    async set(key, value, ttlMs, expected, call, place) {
      const { name, flags } = keyOf(key);
      const bytes = toBytes(value);
      const condition = expected === undefined ? "" : expected === null ? " ME" : ` C${expected}`;
      const head = `ms ${name} ${bytes.length} T${secondsOf(ttlMs)}${condition}${flags}\r\n`;
      const { words } = await send(name, Buffer.concat([Buffer.from(head, "latin1"), bytes, Buffer.from("\r\n")]), call, place);
      return words[0] === "HD";
    },
    async del(key, expected, call, place) {
      const { name, flags } = keyOf(key);
      const condition = expected === undefined ? "" : ` C${expected}`;
      const { words } = await send(name, Buffer.from(`md ${name}${condition}${flags}\r\n`, "latin1"), call, place);
      return words[0] === "HD";
    },
  };

  return {
    ...casDriver({ name: "memcached", capabilities: { ...capabilities, maxValueBytes }, store, clock: options.clock }),
    get isReady() {
      return all.some((server) => server.isReady);
    },
    async clear({ pattern }, call) {
      if (pattern !== undefined || !flush)
        throw new CacheError(
          "unsupported",
          "memcached lists no keys (capability keys); with the option flush clear() empties the whole servers, and tags drop values by groups",
          { detail: { capability: "keys" } },
        );
      await Promise.all(all.map((server) => server.send(Buffer.from("flush_all\r\n"), call)));
    },
    async close() {
      await Promise.all(all.map((server) => server.close()));
    },
  };

  function secondsOf(ttlMs: number): number {
    if (ttlMs === 0) return 0;
    // Its clock ticks once a second, and the first tick may come at once: one more, so that nothing ends early, locks least of all.
    const seconds = Math.ceil(ttlMs / 1000) + 1;
    return seconds <= longestRelativeSeconds ? seconds : Math.ceil((Date.now() + ttlMs) / 1000) + 1;
  }
}

/** A key as it is sent: printable and short, else by its digest, in binary so that it meets no other. */
function keyOf(key: string): { readonly name: string; readonly flags: string } {
  if (key.length <= 250 && /^[\x21-\x7e]+$/.test(key)) return { name: key, flags: "" };
  return { name: createHash("sha256").update(key).digest("base64"), flags: " b" };
}

const flagOf = (words: readonly string[], flag: string): string | undefined =>
  words.find((word, i) => i > 1 && word.startsWith(flag))?.slice(1);

function addressOf(text: string): { host: string; port?: number } {
  const [first] = parseConnectUrl(`memcached://${text}`).hosts;
  if (first === undefined) throw wrong("servers", 'option "servers" must be names, or names with ports as "name:port"');
  return first;
}
