import { parseConnectUrl } from "@bk/core";

import type { DriverOptions } from "../../driver.js";
import { type DbError, invalid } from "../../errors.js";

/** The settings of a pool, from its URL and its options. */
export interface DynamoOptions {
  /** Undefined: the region's own address. */
  readonly endpoint: string | undefined;
  /** Undefined: what the SDK finds in its own settings. */
  readonly region: string | undefined;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string } | undefined;
  /** Begins the name of every table. */
  readonly prefix: string;
  /** How often a throttled request is sent, the first time included. */
  readonly maxAttempts: number;
  /** Longest wait for the answer to one request. */
  readonly timeoutMs: number;
  /** Longest wait until a table or index that is being made can be used. */
  readonly waitMs: number;
  /** Read units a second that selects may use: a number, or `table` for what the table is provisioned with. */
  readonly useCapacity: number | "table" | undefined;
  /** The part of that which is used, above 0 up to 1. */
  readonly factorCapacity: number;
}

const names: ReadonlySet<string> = new Set([
  "region",
  "accessKeyId",
  "secretAccessKey",
  "sessionToken",
  "protocol",
  "prefix",
  "maxAttempts",
  "timeoutMs",
  "waitMs",
  "useCapacity",
  "factorCapacity",
]);

/** @throws DbError `invalid` that names the option; never repeats a value */
export function readOptions({ url, options: given }: DriverOptions): DynamoOptions {
  const { hosts, path, user, password, options: inUrl } = parseConnectUrl(url);
  if (user !== undefined || password !== undefined) throw wrong("url", "takes no user; write ?accessKeyId=…&secretAccessKey=…");
  if (hosts.length > 1) throw wrong("url", "names several hosts");
  const [host] = hosts;
  if (host !== undefined && path !== undefined) throw wrong("url", "takes no path after the host");
  const all: Record<string, unknown> = { ...inUrl, ...given };
  for (const name of Object.keys(all)) if (!names.has(name)) throw wrong(name, "is not an option");

  const region = text(all, "region") ?? path ?? (host === undefined ? undefined : "us-east-1");
  const protocol = text(all, "protocol") ?? "http";
  if (protocol !== "http" && protocol !== "https") throw wrong("protocol", 'must be "http" or "https"');
  const prefix = text(all, "prefix") ?? "";
  if (!/^[A-Za-z0-9_.-]{0,100}$/.test(prefix)) throw wrong("prefix", "may have letters, digits, and any of _ . -");
  const address = host?.host.includes(":") === true ? `[${host.host}]` : host?.host;
  return {
    endpoint: host === undefined ? undefined : `${protocol}://${address}${host.port === undefined ? "" : `:${host.port}`}`,
    region,
    credentials: credentialsIn(all),
    prefix,
    maxAttempts: count(all, "maxAttempts", 5),
    timeoutMs: count(all, "timeoutMs", 30_000),
    waitMs: count(all, "waitMs", 600_000),
    useCapacity: all["useCapacity"] === "table" ? "table" : positive(all, "useCapacity"),
    factorCapacity: fraction(all),
  };
}

function credentialsIn(all: Record<string, unknown>): DynamoOptions["credentials"] {
  const accessKeyId = text(all, "accessKeyId");
  const secretAccessKey = text(all, "secretAccessKey");
  const sessionToken = text(all, "sessionToken");
  if (accessKeyId === undefined && secretAccessKey === undefined && sessionToken === undefined) return undefined;
  if (accessKeyId === undefined) throw wrong("accessKeyId", "is missing beside secretAccessKey");
  if (secretAccessKey === undefined) throw wrong("secretAccessKey", "is missing beside accessKeyId");
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function text(all: Record<string, unknown>, name: string): string | undefined {
  const value = all[name];
  if (value === undefined) return undefined;
  if (typeof value !== "string" || (value === "" && name !== "prefix")) throw wrong(name, "must be text that is not empty");
  return value;
}

function positive(all: Record<string, unknown>, name: string): number | undefined {
  const value = all[name];
  if (value === undefined) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number) || number <= 0) throw wrong(name, "must be a number above 0");
  return number;
}

function count(all: Record<string, unknown>, name: string, fallback: number): number {
  const value = positive(all, name) ?? fallback;
  if (!Number.isSafeInteger(value)) throw wrong(name, "must be an integer from 1");
  return value;
}

function fraction(all: Record<string, unknown>): number {
  const value = positive(all, "factorCapacity") ?? 1;
  if (value > 1) throw wrong("factorCapacity", "must be above 0 and at most 1");
  return value;
}

function wrong(field: string, what: string): DbError {
  return invalid(`dynamodb: ${field} ${what}`, { driver: "dynamodb", detail: { field } });
}
