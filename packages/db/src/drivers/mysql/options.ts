import { either, flag, integer, parseConnectUrl, readOptions, settingsOf } from "@bk/core";
import type { SslOptions } from "mysql2";
import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";

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

const types = { max: integer({ min: 1 }), ssl: either(flag, settingsOf<SslOptions>("node:tls")), connectTimeoutMs: integer({ min: 1 }) };

/**
 * Reads the URL and the settings of a pool; the pool's options win over the URL's.
 *
 * @throws DbError `invalid` that names the option
 */
export function mysqlOptions({ url, options: given }: Pick<DriverOptions, "url" | "options">): MysqlLocation {
  const { scheme, hosts, user, password, path, options: inUrl } = parseConnectUrl(url);
  const engine = scheme === "mariadb" ? "mariadb" : "mysql";
  const wrong = wrongOption(engine);
  if (hosts.length > 1) throw wrong("url", "the URL has several hosts; name one, such as that of a proxy");
  if (path === undefined) throw wrong("url", `the URL names no database; write ${engine}://user:password@host/database`);
  const { max = 10, ssl = false, connectTimeoutMs = 10_000 } = readOptions({ ...inUrl, ...given }, types, wrong);
  return {
    engine,
    host: hosts[0]?.host ?? "localhost",
    port: hosts[0]?.port ?? 3306,
    user,
    password,
    database: path,
    max,
    ssl: typeof ssl === "object" ? ssl : ssl ? {} : undefined,
    connectTimeoutMs,
  };
}
