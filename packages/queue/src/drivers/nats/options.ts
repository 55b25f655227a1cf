// What the URL and the settings say, checked.

import { either, flag, integer, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";

import { wrongOption } from "../../errors.js";

export interface NatsOptions {
  readonly servers: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  /** The text of a credentials file (`.creds`). */
  readonly credentials: string | undefined;
  /** The seed of an nkey. */
  readonly nkeySeed: string | undefined;
  readonly tls: boolean | Readonly<Record<string, unknown>>;
  /** The name of the connection, as the server's monitoring shows it. */
  readonly name: string | undefined;
  /** What subjects for answers begin with; default `_INBOX`. */
  readonly inboxPrefix: string;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
}

const anyString = string("a string", () => true);

const types = {
  user: anyString,
  password: anyString,
  token: string(),
  credentials: string(),
  nkeySeed: string(),
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("TLS: certFile, cert, caFile, ca, keyFile, key, handshakeFirst")),
  name: string(),
  inboxPrefix: string("a subject", (text) => /^[^\s.*>]+(?:\.[^\s.*>]+)*$/.test(text)),
  connectTimeoutMs: integer({ min: 1 }),
  pingIntervalMs: integer({ min: 100 }),
};

/**
 * @param others  options that somebody else reads
 * @throws QueueError `invalid` naming the field
 */
export function natsOptions(
  { url, options }: { url: string; options: Readonly<Record<string, unknown>> },
  others: readonly string[] = [],
): NatsOptions {
  const parsed = parseConnectUrl(url);
  const wrong = wrongOption("nats");
  const own = Object.entries({ ...parsed.options, ...options }).filter(([name]) => !others.includes(name));
  const given = readOptions(Object.fromEntries(own), types, wrong);
  if (parsed.path !== undefined) throw wrong("url", "the URL has a path, which NATS has no use for");
  const hosts = parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;
  // A user without a password is a token, as in the URLs of other clients.
  const isToken = parsed.user !== undefined && parsed.password === undefined && given.password === undefined;
  return {
    servers: hosts.map(({ host, port = 4222 }) => `${host.includes(":") ? `[${host}]` : host}:${port}`),
    user: given.user ?? (isToken ? undefined : parsed.user),
    password: given.password ?? parsed.password,
    token: given.token ?? (isToken ? parsed.user : undefined),
    credentials: given.credentials,
    nkeySeed: given.nkeySeed,
    tls: given.tls ?? parsed.scheme !== "nats",
    name: given.name,
    inboxPrefix: given.inboxPrefix ?? "_INBOX",
    connectTimeoutMs: given.connectTimeoutMs ?? 5000,
    pingIntervalMs: given.pingIntervalMs ?? 20_000,
  };
}
