import { integer, oneOf, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";

import type { DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";
import { bytesToBase64 } from "../../schema/bytes.js";

/**
 * When what is written can be found by selects, searches and counts; gets see it at once.
 *
 * - `always`: each of them has the index refreshed, and sees what anybody has written;
 * - `reads`: the first of them that follows writes of this pool does;
 * - `writes`: every write has it refreshed; `wait`: every write waits for the server's next refresh;
 * - `none`: at the server's next refresh, `index.refresh_interval`. Those with `consistent` always have it refreshed.
 */
export type Refresh = "always" | "reads" | "writes" | "wait" | "none";

/** What is used of a client of `@elastic/elasticsearch` (8, 9) or `@opensearch-project/opensearch` (3). It is the app's: it is not closed with the pool. */
export interface ClientObject {
  readonly transport: {
    request(params: object, options: object): PromiseLike<unknown> & { abort?(): unknown };
  };
}

/** The settings of a pool, from its URL and its options. */
export interface ElasticOptions {
  /** Where the server is reached, in the order given; empty where a client is handed in. */
  readonly nodes: readonly { readonly base: string; readonly address: string; readonly port: number }[];
  readonly client: ClientObject | undefined;
  /** The header by which requests are allowed; undefined: none. */
  readonly authorization: string | undefined;
  /** Begins the name of every index. */
  readonly prefix: string;
  readonly refresh: Refresh;
  /** Of indexes that are made; undefined: as the server does. */
  readonly shards: number | undefined;
  readonly replicas: number | undefined;
  /** Longest wait for the answer to one request. */
  readonly timeoutMs: number;
  /** Longest request: `http.max_content_length` of the server. */
  readonly maxRequestBytes: number;
}

const count = integer({ min: 1 });
const text = string();
const types = {
  protocol: oneOf(["http", "https"]),
  username: text,
  password: text,
  apiKey: text,
  client: settingsOf<ClientObject>("a client: what `new Client({ … })` of @elastic/elasticsearch or @opensearch-project/opensearch gives"),
  prefix: string("lower-case letters, digits and any of _ . - behind a letter or digit, at most 100", (prefix) =>
    /^(?:[a-z0-9][a-z0-9_.-]{0,99})?$/.test(prefix),
  ),
  refresh: oneOf(["always", "reads", "writes", "wait", "none"]),
  shards: count,
  replicas: integer(),
  timeoutMs: count,
  maxRequestBytes: count,
};

const defaultPort = 9200;
const wrong = wrongOption("elasticsearch");

/** @throws DbError `invalid` that names the option; never repeats a value */
export function elasticOptions({ url, options: given }: DriverOptions): ElasticOptions {
  const parsed = parseConnectUrl(url);
  const options = readOptions({ ...parsed.options, ...given }, types, wrong);
  const { client, prefix = "" } = options;
  if (parsed.path !== undefined) throw wrong("url", "the URL takes no path after the host; write ?prefix=app- for indexes of one app");
  if (client !== undefined && (parsed.hosts.length > 0 || options.protocol !== undefined))
    throw wrong("client", "a client knows its own server; leave host and protocol out, as in opensearch:");
  if (client !== undefined && typeof client.transport?.request !== "function")
    throw wrong("client", 'option "client" is no client of @elastic/elasticsearch or @opensearch-project/opensearch');
  const authorization = authorizationOf({
    user: options.username ?? parsed.user,
    password: options.password ?? parsed.password,
    apiKey: options.apiKey,
  });
  if (client !== undefined && authorization !== undefined) throw wrong("client", "a client has its own credentials; leave these out");
  const hosts = client !== undefined ? [] : parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;
  const protocol = options.protocol ?? (parsed.scheme.endsWith("+https") ? "https" : "http");
  return {
    nodes: hosts.map(({ host, port = defaultPort }) => {
      const address = host.includes(":") ? `[${host}]` : host;
      return { base: `${protocol}://${address}:${port}`, address: host, port };
    }),
    client,
    authorization,
    prefix,
    refresh: options.refresh ?? "reads",
    shards: options.shards,
    replicas: options.replicas,
    timeoutMs: options.timeoutMs ?? 30_000,
    maxRequestBytes: options.maxRequestBytes ?? 100 * 1024 * 1024,
  };
}

function authorizationOf({ user, password, apiKey }: Record<"user" | "password" | "apiKey", string | undefined>): string | undefined {
  if (apiKey !== undefined) {
    if (user !== undefined || password !== undefined) throw wrong("apiKey", 'option "apiKey" goes without user and password');
    return `ApiKey ${apiKey}`;
  }
  if (user === undefined && password === undefined) return undefined;
  if (user === undefined) throw wrong("username", 'option "username" is missing beside password');
  const bytes = new TextEncoder().encode(`${user}:${password ?? ""}`);
  return `Basic ${bytesToBase64(bytes)}`;
}
