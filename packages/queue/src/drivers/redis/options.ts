// What the URL and the settings say, checked.

import { either, flag, integer, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";

import { wrongOption } from "../../errors.js";

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

export interface RedisSettings {
  readonly kind: "alone" | "cluster" | "sentinel";
  /** Of a cluster some of its nodes, of `sentinel` the sentinels. */
  readonly hosts: readonly RedisHost[];
  /** The name by which the sentinels know the primary. */
  readonly primary: string | undefined;
  readonly tls: boolean | Readonly<Record<string, unknown>>;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly database: number;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** What the keys of work queues begin with; default `bk:`. Channels are as they are. */
  readonly prefix: string;
  /** Whether channels are those of the node that has their slot, in a cluster. */
  readonly sharded: boolean;
}

const anyString = string("a string", () => true);
const types = {
  database: integer(),
  username: anyString,
  password: anyString,
  sentinelUsername: anyString,
  sentinelPassword: anyString,
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("node:tls")),
  connectTimeoutMs: integer({ min: 1 }),
  pingIntervalMs: integer({ min: 100 }),
  sharded: flag,
  prefix: string("a string without braces and U+0000", (text) => !/[{}\0]/.test(text)),
};

/** @throws QueueError `invalid` naming the field */
export function redisSettings({ url, options }: { url: string; options: Readonly<Record<string, unknown>> }): RedisSettings {
  const wrong = wrongOption("redis");
  const parsed = parseConnectUrl(url);
  const kind = parsed.scheme === "redis-cluster" ? "cluster" : parsed.scheme === "redis-sentinel" ? "sentinel" : "alone";
  const [primary, inPath] = kind === "sentinel" ? (parsed.path ?? "").split("/") : [undefined, parsed.path];
  const given = readOptions({ ...(inPath === undefined ? {} : { database: inPath }), ...parsed.options, ...options }, types, wrong);
  if (kind === "sentinel" && !primary) throw wrong("url", "the URL names no primary; write redis-sentinel://host1,host2/name");
  if (kind === "alone" && parsed.hosts.length > 1)
    throw wrong("url", "the URL names several hosts; write redis-cluster:// for a cluster, redis-sentinel://…/name for sentinels");
  const { database = 0 } = given;
  if (kind === "cluster" && database !== 0) throw wrong("database", 'option "database" must be 0: a cluster has no other');
  if (kind !== "cluster" && given.sharded === true) throw wrong("sharded", 'option "sharded" is for redis-cluster://');
  const hosts = parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;
  const port = kind === "sentinel" ? 26_379 : 6379;
  return {
    kind,
    hosts: hosts.map((each) => ({ port, ...each })),
    primary,
    tls: given.tls ?? parsed.scheme === "rediss",
    username: given.username ?? parsed.user,
    password: given.password ?? parsed.password,
    sentinelUsername: given.sentinelUsername,
    sentinelPassword: given.sentinelPassword,
    database,
    connectTimeoutMs: given.connectTimeoutMs ?? 5000,
    pingIntervalMs: given.pingIntervalMs ?? 15_000,
    prefix: given.prefix ?? "bk:",
    sharded: given.sharded ?? false,
  };
}
