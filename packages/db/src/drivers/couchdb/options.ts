// What the URL and the pool's options say, checked.

import { integer, parseConnectUrl, readOptions, string } from "@bk/core";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

export interface CouchOptions {
  /** `http://host:5984`, or `https:` with `couchdbs:`. */
  readonly base: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Most requests at once, each of which has a connection; default 32. */
  readonly maxConnections: number;
}

const anyString = string("a string", () => true);
const types = { username: anyString, password: anyString, maxConnections: integer({ min: 1 }) };

const wrong = wrongOption("couchdb");

/** @throws DbError `invalid` naming the field */
export function couchOptions({ url, options }: Pick<DriverOptions, "url" | "options">): CouchOptions {
  const { scheme, hosts, path, user, password, options: inUrl } = parseConnectUrl(url);
  const given = readOptions({ ...inUrl, ...options }, types, wrong);
  if (hosts.length > 1) throw wrong("url", "the URL names several hosts; write that of one node, or of what stands before them");
  const database = path?.replace(/^\//, "");
  if (database === undefined) throw wrong("url", "the URL names no database; write couchdb://host:5984/database");
  if (!/^[a-z][a-z0-9_$()+/-]*$/.test(database))
    throw wrong("url", "the name of the database must be small letters, digits and any of _$()+-/, and begin with a letter");
  const isSecure = scheme === "couchdbs";
  const { host, port = isSecure ? 6984 : 5984 } = hosts[0] ?? { host: "127.0.0.1" };
  return {
    base: `${isSecure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`,
    host,
    port,
    database,
    username: given.username ?? user,
    password: given.password ?? password,
    maxConnections: given.maxConnections ?? 32,
  };
}

/** The header of a user; none without one. */
export function authorizationOf({ username, password }: Pick<CouchOptions, "username" | "password">): Record<string, string> {
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}` };
}
