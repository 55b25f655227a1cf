import { parseConnectUrl } from "@bk/core";
import type { SslOptions } from "mysql2";
import type { DriverOptions } from "../../driver.js";
import { type DbError, invalid } from "../../errors.js";

/** Settings of a MySQL or MariaDB pool, in the URL's query or in the pool's options. */
export interface MysqlOptions {
  /** Most connections. Default 10. */
  readonly max: number;
  /** TLS: true, or settings of `node:tls`; in a URL `ssl=true`. Default: none. */
  readonly ssl: SslOptions | undefined;
  /** How long making a connection may take, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs: number;
}

export interface MysqlLocation extends MysqlOptions {
  /** By the URL's scheme; with `mariadb` the driver uses what MariaDB alone has. */
  readonly engine: "mysql" | "mariadb";
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string;
}

const known = ["max", "ssl", "connectTimeoutMs"];

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function mysqlOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): MysqlLocation {
  const { scheme, hosts, user, password, path, options: inUrl } = parseConnectUrl(url);
  const engine = scheme === "mariadb" ? "mariadb" : "mysql";
  const wrong = (field: string, message: string): DbError => invalid(`${engine}: ${message}`, { driver: engine, detail: { field } });
  const options: Readonly<Record<string, unknown>> = { ...inUrl, ...given };

  const count = (name: string, otherwise: number): number => {
    const value = options[name] ?? otherwise;
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number < 2 ** 31) return number;
    throw wrong(name, `option "${name}" must be a whole number, 1 or more`);
  };
  const tls = (): SslOptions | undefined => {
    const value = options["ssl"] ?? false;
    if (value === true || value === "true" || value === "1") return {};
    if (value === false || value === "false" || value === "0") return undefined;
    if (typeof value === "object") return value as SslOptions;
    throw wrong("ssl", 'option "ssl" must be true, false or settings of node:tls');
  };

  if (hosts.length > 1) throw wrong("url", "the URL has several hosts; name one, such as that of a proxy");
  if (path === undefined) throw wrong("url", `the URL names no database; write ${engine}://user:password@host/database`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw wrong(unknown, `unknown option "${unknown}"; there are ${known.join(", ")}`);
  return {
    engine,
    host: hosts[0]?.host ?? "localhost",
    port: hosts[0]?.port ?? 3306,
    user,
    password,
    database: path,
    max: count("max", 10),
    ssl: tls(),
    connectTimeoutMs: count("connectTimeoutMs", 10_000),
  };
}
