import { either, flag, integer, oneOf, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";
import type { ConnectionOptions } from "node:tls";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

/** Settings of a PostgreSQL pool, in the URL's query or in the pool's options. */
export interface PostgresOptions {
  /** Most connections. Default 10. */
  readonly max: number;
  /** Schema of the tables. Default `public`. */
  readonly schema: string;
  /** TLS: true, or settings of `node:tls`; in a URL `ssl=true`, or `sslmode=disable | no-verify | require | verify-full`. Default: none. */
  readonly ssl: boolean | ConnectionOptions | undefined;
  /** The server ends statements that take longer, in milliseconds. Default: as the server is configured. */
  readonly statementTimeoutMs: number | undefined;
  /** How long making a connection may take, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs: number;
  /** Name of the app in the server's activity and logs. */
  readonly applicationName: string | undefined;
}

export interface PostgresLocation extends PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
}

// As pg itself reads them: "require" trusts nobody whose certificate does not hold.
const sslModes = {
  disable: false,
  "no-verify": { rejectUnauthorized: false },
  require: true,
  "verify-ca": true,
  "verify-full": true,
} as const;

// Longer names are cut short by the server without a word.
const name = string("a string of 1 to 63 bytes", (text) => text !== "" && Buffer.byteLength(text) <= 63);
const types = {
  max: integer({ min: 1 }),
  schema: name,
  ssl: either(flag, settingsOf<ConnectionOptions>("node:tls")),
  sslmode: oneOf(Object.keys(sslModes) as (keyof typeof sslModes)[]),
  statementTimeoutMs: integer(),
  connectTimeoutMs: integer({ min: 1 }),
  applicationName: name,
};

const wrong = wrongOption("postgres");

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function postgresOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): PostgresLocation {
  const { hosts, user, password, path, options: inUrl } = parseConnectUrl(url);
  if (hosts.length > 1) throw wrong("url", "the URL has several hosts; name one, such as that of a proxy");
  const options = readOptions({ ...inUrl, ...given }, types, wrong);
  return {
    host: hosts[0]?.host ?? "localhost",
    port: hosts[0]?.port ?? 5432,
    user,
    password,
    database: path,
    max: options.max ?? 10,
    schema: options.schema ?? "public",
    ssl: options.ssl ?? (options.sslmode === undefined ? undefined : sslModes[options.sslmode]),
    statementTimeoutMs: options.statementTimeoutMs,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    applicationName: options.applicationName,
  };
}
