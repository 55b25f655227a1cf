// What the URL and the pool's options say, checked.

import { either, flag, integer, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

export interface RedisOptions {
  readonly isCluster: boolean;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean | Readonly<Record<string, unknown>>;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** What all keys begin with; default `bk:`. */
  readonly prefix: string;
  /** The hash tag of tables that have none in their settings; default: each table has its own. */
  readonly tag: string | undefined;
  /** Number of the database; default 0. A cluster has that one only. */
  readonly database: number;
  /** Milliseconds that opening a connection may take; default 10,000. */
  readonly connectTimeoutMs: number;
  /** Milliseconds that a command may take before it fails with `timeout`; default: as long as the caller waits. */
  readonly commandTimeoutMs: number | undefined;
}

const defaultPort = 6379;
const anyString = string("a string", () => true);
/** Joins tables in one slot of a cluster. */
export const tagOption = string("letters, digits and underscores", (text) => /^\w+$/.test(text));
const types = {
  prefix: string("a string without braces and U+0000", (text) => !/[{}\0]/.test(text)),
  tag: tagOption,
  database: integer(),
  username: anyString,
  password: anyString,
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("node:tls")),
  connectTimeoutMs: integer({ min: 1 }),
  commandTimeoutMs: integer({ min: 1 }),
};

const wrong = wrongOption("redis");

/** @throws DbError `invalid` naming the field */
export function redisOptions({ url, options }: DriverOptions): RedisOptions {
  const parsed = parseConnectUrl(url);
  const isCluster = parsed.scheme === "redis-cluster";
  const inPath = parsed.path === undefined ? {} : { database: parsed.path };
  const given = readOptions({ ...inPath, ...parsed.options, ...options }, types, wrong);
  if (parsed.hosts.length > 1 && !isCluster) throw wrong("url", "the URL names several hosts; write redis-cluster:// for a cluster");
  const hosts = parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;
  const { database = 0 } = given;
  if (isCluster && database !== 0) throw wrong("database", 'option "database" must be 0: a cluster has no other');
  return {
    isCluster,
    hosts: hosts.map(({ host, port = defaultPort }) => ({ host, port })),
    tls: given.tls ?? parsed.scheme === "rediss",
    username: given.username ?? parsed.user,
    password: given.password ?? parsed.password,
    prefix: given.prefix ?? "bk:",
    tag: given.tag,
    database,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    commandTimeoutMs: given.commandTimeoutMs,
  };
}
