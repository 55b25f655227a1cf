import { parseConnectUrl } from "@bk/core";
import type { ConnectionOptions } from "node:tls";
import type { DriverOptions } from "../../driver.js";
import { type DbError, invalid } from "../../errors.js";

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

const known = ["max", "schema", "ssl", "sslmode", "statementTimeoutMs", "connectTimeoutMs", "applicationName"];

// As pg itself reads them: "require" trusts nobody whose certificate does not hold.
const sslModes: Readonly<Record<string, boolean | ConnectionOptions>> = {
  disable: false,
  "no-verify": { rejectUnauthorized: false },
  require: true,
  "verify-ca": true,
  "verify-full": true,
};

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function postgresOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): PostgresLocation {
  const { hosts, user, password, path, options: inUrl } = parseConnectUrl(url);
  if (hosts.length > 1) throw wrong("url", "the URL has several hosts; name one, such as that of a proxy");
  const options: Readonly<Record<string, unknown>> = { ...inUrl, ...given };
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw wrong(unknown, `unknown option "${unknown}"; there are ${known.join(", ")}`);
  return {
    host: hosts[0]?.host ?? "localhost",
    port: hosts[0]?.port ?? 5432,
    user,
    password,
    database: path,
    max: count(options, "max", 1) ?? 10,
    schema: text(options, "schema") ?? "public",
    ssl: ssl(options),
    statementTimeoutMs: count(options, "statementTimeoutMs", 0),
    connectTimeoutMs: count(options, "connectTimeoutMs", 1) ?? 10_000,
    applicationName: text(options, "applicationName"),
  };
}

function count(options: Readonly<Record<string, unknown>>, name: string, least: number): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= least && number < 2 ** 31) return number;
  throw wrong(name, `option "${name}" must be a whole number, ${least} or more`);
}

function text(options: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  // Longer names are cut short by the server without a word.
  if (typeof value === "string" && value !== "" && Buffer.byteLength(value) <= 63) return value;
  throw wrong(name, `option "${name}" must be a text of 1 to 63 bytes`);
}

function ssl(options: Readonly<Record<string, unknown>>): boolean | ConnectionOptions | undefined {
  const { ssl: value, sslmode } = options;
  if (value === undefined && sslmode === undefined) return undefined;
  if (value === undefined) {
    const mode = typeof sslmode === "string" && Object.hasOwn(sslModes, sslmode) ? sslModes[sslmode] : undefined;
    if (mode === undefined) throw wrong("sslmode", `option "sslmode" must be one of ${Object.keys(sslModes).join(", ")}`);
    return mode;
  }
  if (value === true || value === "true" || value === "1") return true;
  if (value === false || value === "false" || value === "0") return false;
  if (typeof value === "object" && value !== null) return value as ConnectionOptions;
  throw wrong("ssl", 'option "ssl" must be true, false or settings of node:tls');
}

function wrong(field: string, message: string): DbError {
  return invalid(`postgres: ${message}`, { driver: "postgres", detail: { field } });
}
