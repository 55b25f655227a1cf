import { either, flag, type Host, integer, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";

import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

/** Settings of a MongoDB pool, in the URL's query or in the pool's options. */
export interface MongoOptions {
  /** Most connections to one server. Default 100. */
  readonly max: number;
  /** How long finding a server and connecting to it may take, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs: number;
  /** The database in which the user is known. Default: that of the path, else `admin`; of `mongodb+srv` what its record says. */
  readonly authSource: string | undefined;
  /** How the user signs in; default: as the server asks. */
  readonly authMechanism: string | undefined;
  /** Name of the replica set. */
  readonly replicaSet: string | undefined;
  /** Whether the one host is asked alone, whatever set it belongs to. */
  readonly directConnection: boolean | undefined;
  /** TLS: true, or settings of `node:tls`. Default: on for `mongodb+srv`. */
  readonly tls: boolean | Readonly<Record<string, unknown>> | undefined;
  /** Name of the app in the server's log. */
  readonly applicationName: string | undefined;
}

export interface MongoLocation extends MongoOptions {
  readonly isSrv: boolean;
  readonly hosts: readonly Host[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string;
}

const text = string();
const types = {
  max: integer({ min: 1 }),
  connectTimeoutMs: integer({ min: 1 }),
  authSource: text,
  authMechanism: text,
  replicaSet: text,
  directConnection: flag,
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("node:tls")),
  applicationName: string("a string of 1 to 128 bytes", (name) => name !== "" && new TextEncoder().encode(name).length <= 128),
};

const wrong = wrongOption("mongodb");

// https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions
const databaseName = /^[^/\\. "$*<>:|?\0]{1,63}$/;

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function mongoOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): MongoLocation {
  const { scheme, hosts, user, password, path, options: inUrl } = parseConnectUrl(url);
  const isSrv = scheme === "mongodb+srv";
  if (isSrv && (hosts.length !== 1 || hosts[0]!.port !== undefined)) throw wrong("url", "the URL of mongodb+srv has one host and no port");
  if (path !== undefined && !databaseName.test(path))
    throw wrong("url", "the path of the URL is no name of a database; write mongodb://host/name");
  const options = readOptions({ ...inUrl, ...given }, types, wrong);
  if (options.directConnection === true && (isSrv || hosts.length > 1))
    throw wrong("directConnection", 'option "directConnection" is for one host');
  return {
    isSrv,
    hosts: hosts.length === 0 ? [{ host: "localhost", port: 27017 }] : hosts,
    user,
    password,
    database: path ?? "test",
    max: options.max ?? 100,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    authSource: options.authSource ?? (isSrv || !isByPassword(options.authMechanism) ? undefined : path),
    authMechanism: options.authMechanism,
    replicaSet: options.replicaSet,
    directConnection: options.directConnection,
    tls: options.tls,
    applicationName: options.applicationName,
  };
}

/** Whether the server itself knows the users, each in a database; undefined: by the mechanism on which client and server agree. */
function isByPassword(mechanism: string | undefined): boolean {
  return mechanism === undefined || mechanism.startsWith("SCRAM-");
}
