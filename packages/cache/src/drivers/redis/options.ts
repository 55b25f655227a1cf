// What the URL and the driver's options say, checked.

import { either, flag, integer, list, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

/** One server, or several that stand in for each other; one behind sentinels; a cluster. */
export type RedisMode = "servers" | "sentinel" | "cluster";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface RedisOptions {
  readonly mode: RedisMode;
  /** Servers, sentinels or nodes. */
  readonly hosts: readonly Address[];
  /** The name by which the sentinels know the primary. */
  readonly primaryName: string | undefined;
  readonly tls: boolean | Readonly<Record<string, unknown>>;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly database: number;
  readonly connectTimeoutMs: number;
  /** How long a server may be silent while it owes an answer; then the connection is given up. */
  readonly silenceMs: number;
}

const anyString = string("a string", () => true);
const types = {
  database: integer(),
  username: anyString,
  password: anyString,
  sentinelUsername: anyString,
  sentinelPassword: anyString,
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("node:tls")),
  servers: list,
  connectTimeoutMs: integer({ min: 1 }),
  silenceMs: integer({ min: 1 }),
};

const wrong = wrongOption("redis");

/** @throws CacheError `invalid` naming the field */
export function redisOptions({ url, options }: Pick<DriverOptions, "url" | "options">): RedisOptions {
  const parsed = parseConnectUrl(url);
  const mode = parsed.scheme === "redis-cluster" ? "cluster" : parsed.scheme === "redis-sentinel" ? "sentinel" : "servers";
  const [primaryName, inPath] = mode === "sentinel" ? splitPath(parsed.path) : [undefined, parsed.path];
  if (mode === "sentinel" && !primaryName)
    throw wrong("url", "the URL names the primary after the sentinels: redis-sentinel://host1,host2/name");
  const given = readOptions({ ...(inPath ? { database: inPath } : {}), ...parsed.options, ...options }, types, wrong);
  const { database = 0 } = given;
  if (mode === "cluster" && database !== 0) throw wrong("database", 'option "database" must be 0: a cluster has no other');
  const defaultPort = mode === "sentinel" ? 26_379 : 6379;
  const inUrl = parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;
  return {
    mode,
    hosts: [...inUrl, ...(given.servers ?? []).map(addressOf)].map(({ host, port = defaultPort }) => ({ host, port })),
    primaryName,
    tls: given.tls ?? parsed.scheme === "rediss",
    username: given.username ?? parsed.user,
    password: given.password ?? parsed.password,
    sentinelUsername: given.sentinelUsername,
    sentinelPassword: given.sentinelPassword,
    database,
    connectTimeoutMs: given.connectTimeoutMs ?? 5_000,
    silenceMs: given.silenceMs ?? 10_000,
  };
}

function splitPath(path: string | undefined): [name: string | undefined, database: string | undefined] {
  const [name, database] = (path ?? "").split("/");
  return [name, database];
}

function addressOf(text: string): { host: string; port?: number } {
  const [first] = parseConnectUrl(`redis://${text}`).hosts;
  if (first === undefined) throw wrong("servers", 'option "servers" must be names, or names with ports as "name:port"');
  return first;
}
