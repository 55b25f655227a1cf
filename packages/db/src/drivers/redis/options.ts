// What the URL and the pool's options say, checked.

import { parseConnectUrl } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { type DbError, invalid } from "../../errors.js";

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
const known = new Set(["prefix", "tag", "database", "username", "password", "tls", "connectTimeoutMs", "commandTimeoutMs"]);

/** @throws DbError `invalid` naming the field */
export function redisOptions({ url, options }: DriverOptions): RedisOptions {
  const parsed = parseConnectUrl(url);
  const isCluster = parsed.scheme === "redis-cluster";
  const given: Readonly<Record<string, unknown>> = { ...parsed.options, ...options };
  const unknown = Object.keys(given).find((name) => !known.has(name));
  if (unknown !== undefined) throw wrong(unknown, `is no option; there are ${[...known].join(", ")}`);
  if (parsed.hosts.length > 1 && !isCluster) throw wrong("url", "names several hosts; write redis-cluster:// for a cluster");
  const hosts = parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;

  const database = numberOf(given["database"] ?? parsed.path, "database", 0, 0);
  if (isCluster && database !== 0) throw wrong("database", "must be 0: a cluster has no other");
  const prefix = textOf(given["prefix"], "prefix") ?? "bk:";
  if (/[{}\0]/.test(prefix)) throw wrong("prefix", "must not contain braces or U+0000");
  const tag = textOf(given["tag"], "tag");
  if (tag !== undefined && !isTag(tag)) throw wrong("tag", "must be letters, digits and underscores");
  const commandTimeoutMs = given["commandTimeoutMs"];
  return {
    isCluster,
    hosts: hosts.map(({ host, port = defaultPort }) => ({ host, port })),
    tls: tlsOf(given["tls"]) ?? parsed.scheme === "rediss",
    username: textOf(given["username"], "username") ?? parsed.user,
    password: textOf(given["password"], "password") ?? parsed.password,
    prefix,
    tag,
    database,
    connectTimeoutMs: numberOf(given["connectTimeoutMs"], "connectTimeoutMs", 10_000, 1),
    commandTimeoutMs: commandTimeoutMs === undefined ? undefined : numberOf(commandTimeoutMs, "commandTimeoutMs", 0, 1),
  };
}

export function isTag(tag: unknown): tag is string {
  return typeof tag === "string" && /^\w+$/.test(tag);
}

function wrong(field: string, what: string): DbError {
  return invalid(`redis: ${field} ${what}`, { driver: "redis", detail: { field } });
}

function textOf(value: unknown, field: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw wrong(field, "must be text");
}

function numberOf(value: unknown, field: string, byDefault: number, least: number): number {
  if (value === undefined) return byDefault;
  // In a URL everything is text.
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number >= least) return number;
  throw wrong(field, `must be an integer from ${least}`);
}

function tlsOf(value: unknown): RedisOptions["tls"] | undefined {
  if (value === undefined) return undefined;
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  throw wrong("tls", "must be true, false or an object of TLS options");
}
