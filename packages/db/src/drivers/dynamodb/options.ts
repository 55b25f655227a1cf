import { either, type Host, integer, number, oneOf, parseConnectUrl, readOptions, type ReadOptions, string } from "@bk/core";

import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

/** The settings of a pool, from its URL and its options. */
export interface DynamoOptions {
  /** Undefined: the region's own address. */
  readonly endpoint: string | undefined;
  /** The server of `endpoint`. */
  readonly server: { readonly address: string; readonly port: number | undefined } | undefined;
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
  /** How long a process may go on with what it knows of a table's indexes; `sync` waits for two before it fills a later one. */
  readonly leaseMs: number;
  /** Read units a second that selects may use: a number, or `table` for what the table is provisioned with. */
  readonly useCapacity: number | "table" | undefined;
  /** The part of that which is used, above 0 up to 1. */
  readonly factorCapacity: number;
}

const text = string();
const count = integer({ min: 1 });
const types = {
  region: text,
  accessKeyId: text,
  secretAccessKey: text,
  sessionToken: text,
  protocol: oneOf(["http", "https"]),
  prefix: string("at most 100 letters, digits, and any of _ . -", (prefix) => /^[A-Za-z0-9_.-]{0,100}$/.test(prefix)),
  maxAttempts: count,
  timeoutMs: count,
  waitMs: count,
  leaseMs: count,
  useCapacity: either(number(), oneOf(["table"])),
  factorCapacity: number({ max: 1 }),
};

const wrong = wrongOption("dynamodb");

/** @throws DbError `invalid` that names the option; never repeats a value */
export function dynamoOptions({ url, options: given }: DriverOptions): DynamoOptions {
  const { hosts, path, user, password, options: inUrl } = parseConnectUrl(url);
  if (user !== undefined || password !== undefined) throw wrong("url", "the URL takes no user; write ?accessKeyId=…&secretAccessKey=…");
  if (hosts.length > 1) throw wrong("url", "the URL names several hosts");
  const [host] = hosts;
  if (host !== undefined && path !== undefined) throw wrong("url", "the URL takes no path after the host");
  const options = readOptions({ ...inUrl, ...given }, types, wrong);
  return {
    endpoint: host === undefined ? undefined : endpointOf(host, options.protocol ?? "http"),
    server: host === undefined ? undefined : { address: host.host, port: host.port },
    region: options.region ?? path ?? (host === undefined ? undefined : "us-east-1"),
    credentials: credentialsIn(options),
    prefix: options.prefix ?? "",
    maxAttempts: options.maxAttempts ?? 5,
    timeoutMs: options.timeoutMs ?? 30_000,
    waitMs: options.waitMs ?? 600_000,
    leaseMs: options.leaseMs ?? 2_000,
    useCapacity: options.useCapacity,
    factorCapacity: options.factorCapacity ?? 1,
  };
}

/** The settings of a table: both capacities, or none. */
export function checkDynamoBag(
  bag: Readonly<Record<string, unknown>>,
  of: "table" | "column",
  fail: (setting: string, problem: string) => Error,
): void {
  const { readCapacity, writeCapacity } = readOptions(bag, of === "table" ? { readCapacity: count, writeCapacity: count } : {}, fail) as {
    readCapacity?: number;
    writeCapacity?: number;
  };
  if ((readCapacity === undefined) !== (writeCapacity === undefined))
    throw fail(readCapacity === undefined ? "readCapacity" : "writeCapacity", "readCapacity and writeCapacity go together");
}

function endpointOf({ host, port }: Host, protocol: string): string {
  const address = host.includes(":") ? `[${host}]` : host;
  return `${protocol}://${address}${port === undefined ? "" : `:${port}`}`;
}

function credentialsIn({ accessKeyId, secretAccessKey, sessionToken }: ReadOptions<typeof types>): DynamoOptions["credentials"] {
  if (accessKeyId === undefined && secretAccessKey === undefined && sessionToken === undefined) return undefined;
  if (accessKeyId === undefined) throw wrong("accessKeyId", 'option "accessKeyId" is missing beside secretAccessKey');
  if (secretAccessKey === undefined) throw wrong("secretAccessKey", 'option "secretAccessKey" is missing beside accessKeyId');
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
