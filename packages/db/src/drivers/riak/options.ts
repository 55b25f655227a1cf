// What the URL and the pool's options say, checked.

import { integer, parseConnectUrl, readOptions, string } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

export interface RiakOptions {
  /** `http://host:8098`, or `https:` with `riaks:`. */
  readonly base: string;
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** What the names of all buckets begin with; default `bk.`. */
  readonly prefix: string;
  /** The bucket type, made and activated by an admin; default: that of Riak. */
  readonly bucketType: string | undefined;
  /** Most requests at once, each of which has a connection; default 32. */
  readonly maxConnections: number;
}

const anyString = string("a string", () => true);
const types = {
  username: anyString,
  password: anyString,
  prefix: string("letters, digits and any of _.-", (text) => /^[\w.-]*$/.test(text)),
  bucketType: string("letters, digits and any of _.-", (text) => /^[\w.-]+$/.test(text)),
  maxConnections: integer({ min: 1 }),
};

const wrong = wrongOption("riak");

/** @throws DbError `invalid` naming the field */
export function riakOptions({ url, options }: Pick<DriverOptions, "url" | "options">): RiakOptions {
  const { scheme, hosts, path, user, password, options: inUrl } = parseConnectUrl(url);
  const given = readOptions({ ...inUrl, ...options }, types, wrong);
  if (hosts.length > 1) throw wrong("url", "the URL names several hosts; write that of one node, or of what stands before them");
  if (path !== undefined) throw wrong("url", 'the URL has a path, and Riak no databases; write the option "prefix"');
  const isSecure = scheme === "riaks";
  const { host, port = 8098 } = hosts[0] ?? { host: "127.0.0.1" };
  return {
    base: `${isSecure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`,
    host,
    port,
    username: given.username ?? user,
    password: given.password ?? password,
    prefix: given.prefix ?? "bk.",
    bucketType: given.bucketType,
    maxConnections: given.maxConnections ?? 32,
  };
}
