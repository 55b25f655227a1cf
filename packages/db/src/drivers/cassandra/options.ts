import { either, flag, integer, oneOf, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";
import type { ConnectionOptions } from "node:tls";

import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

/** Settings of a Cassandra pool, in the URL's query or in the pool's options. */
export interface CassandraOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly keyspace: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The data center that calls go to. Default: that of the first host that answers. */
  readonly localDataCenter: string | undefined;
  /**
   * `quorum`: the replicas of all data centers agree on a write, and reads see it. `localQuorum`: those of the local data
   * center do; right only where all who write are in that one. Default `quorum`.
   */
  readonly consistency: "quorum" | "localQuorum";
  /** How `sync` makes a keyspace that is missing: the number of replicas in each data center. Default: 3, or as many as there are nodes. */
  readonly replicas: number | undefined;
  /** TLS: true, or settings of `node:tls`. Default: none. */
  readonly tls: boolean | ConnectionOptions;
  /** How long making a connection may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs: number;
  /** How long the server may take for one request, in milliseconds. Default 30,000. */
  readonly requestTimeoutMs: number;
}

const anyString = string("a string", () => true);
const types = {
  username: anyString,
  password: anyString,
  localDataCenter: string(),
  consistency: oneOf(["quorum", "localQuorum"]),
  replicas: integer({ min: 1 }),
  tls: either(flag, settingsOf<ConnectionOptions>("node:tls")),
  connectTimeoutMs: integer({ min: 1 }),
  requestTimeoutMs: integer({ min: 1 }),
};

const wrong = wrongOption("cassandra");
const defaultPort = 9042;

/** @throws DbError `invalid` that names the option */
export function cassandraOptions({ url, options }: Pick<DriverOptions, "url" | "options">): CassandraOptions {
  const { hosts, user, password, path, options: inUrl } = parseConnectUrl(url);
  if (path === undefined) throw wrong("url", "the URL names no keyspace; write cassandra://host/keyspace");
  if (!/^[A-Za-z0-9_]{1,48}$/.test(path)) throw wrong("url", "a keyspace has letters, digits and underscores, at most 48 in all");
  const given = readOptions({ ...inUrl, ...options }, types, wrong);
  const ports = new Set(hosts.map(({ port = defaultPort }) => port));
  if (ports.size > 1) throw wrong("url", "all hosts of a cluster have one port");
  return {
    hosts: hosts.length === 0 ? ["127.0.0.1"] : hosts.map(({ host }) => host),
    port: hosts[0]?.port ?? defaultPort,
    keyspace: path,
    username: given.username ?? user,
    password: given.password ?? password,
    localDataCenter: given.localDataCenter,
    consistency: given.consistency ?? "quorum",
    replicas: given.replicas,
    tls: given.tls ?? false,
    connectTimeoutMs: given.connectTimeoutMs ?? 5_000,
    requestTimeoutMs: given.requestTimeoutMs ?? 30_000,
  };
}
