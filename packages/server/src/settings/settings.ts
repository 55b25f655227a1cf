// Every setting of bk-server: one line each makes its option, its environment variable and its name in a configuration file.

import { integer, logLevels, oneOf, type OptionType, string } from "@bk/core";

import { moduleNames } from "@bk/modules";

import { defaultLimits, type ServerLimits } from "../limits.js";
import { isOrigin } from "../middleware/cors.js";

export interface Setting {
  /** As an option and in a configuration file; in the environment `BK_` and the same in capitals with underscores. */
  readonly name: string;
  /** What the value is called in the help. */
  readonly value: string;
  readonly help: string;
  /** What a value must be; default: any text. */
  readonly type?: OptionType<unknown>;
}

const isModuleList = (text: string): boolean =>
  text === "none" || text.split(",").every((name) => name.trim() === "all" || moduleNames.includes(name.trim()));

const ofLength = (min: number): OptionType<string> => string(`at least ${min} characters long`, (text) => text.length >= min);

const limitHelp: Readonly<Record<keyof ServerLimits, string>> = {
  maxBodyBytes: "most bytes of a request body",
  maxJsonDepth: "how deep JSON may be nested",
  maxParameters: "most parameters of a query or form",
  maxCount: "most rows of a page",
  maxItems: "most items of a batch, keys of a list, and values in lists of a filter",
  maxFilterTests: "most comparisons in a filter",
  maxFilterPatterns: "how many of them may look inside of texts (contains, ends_with, like, ilike)",
  maxFilterDepth: "how deep $or, $and and $not may be nested",
  maxReplyBytes: "most bytes of a reply with rows",
  maxScanRows: "most rows that /data/scan sends admins; 0: it is not served",
  requestTimeoutMs: "longest time for a request to arrive",
  headersTimeoutMs: "longest time for its headers to arrive",
  callTimeoutMs: "longest time of a database call",
  hookTimeoutMs: "longest time of a hook of the app or a module",
  keepAliveMs: "how long an idle connection is kept",
  maxConnections: "most connections at a time",
  maxSignatureMs: "longest that a signature that changes something may hold",
  maxAttempts: "most wrong signatures of an address for a login, in a minute; 0: no limit",
  maxSocketMessageBytes: "most bytes of a message of a WebSocket",
  maxSocketRequests: "requests of a WebSocket that may run at a time",
  maxSocketUnreadBytes: "bytes that may wait for a WebSocket that is not read",
  socketBeatMs: "how often the client of a WebSocket is asked whether it is there",
  shutdownMs: "how long running requests are waited for at the end",
};

/** Limits of which 0 says something else. */
const mayBeZero: ReadonlySet<keyof ServerLimits> = new Set(["maxAttempts", "maxScanRows"] as const);

export const limitNames = Object.keys(limitHelp) as (keyof ServerLimits)[];

/** `maxBodyBytes` → `max-body-bytes` */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Settings that every command takes. */
export const commonSettings: readonly Setting[] = [
  {
    name: "home",
    value: "folder",
    help: "where var/ with the embedded database and keys is made, and etc/config is looked for; default: the current folder",
  },
  { name: "config", value: "file", help: "settings, one name=value a line; default: etc/config in the home folder, where there is one" },
  { name: "db", value: "url", help: "the database, such as postgres://user@host/name; default: SQLite in var/bk.db" },
  { name: "db-pool", value: "name", help: "the pool that is the main database, of those given as --db-<name>-pool url" },
  { name: "tables", value: "file", help: "the tables to serve: .js, .mjs or .ts that exports `tables`, or .json" },
  {
    name: "master-key",
    value: "text",
    help: "encrypts the secrets of accounts; better given as BK_MASTER_KEY; default: made in var/master.key",
    type: ofLength(32),
  },
  { name: "token-key", value: "text", help: "seals page tokens; default: derived from the master key", type: ofLength(16) },
  {
    name: "log-level",
    value: "level",
    help: `${logLevels.join(", ")}; default info`,
    type: oneOf(logLevels),
  },
];

/** Where the server is: for the server itself, and for whoever calls it. */
export const placeSettings: readonly Setting[] = [
  { name: "port", value: "number", help: "default 8000; 0 takes a free one", type: integer({ max: 65_535 }) },
  { name: "host", value: "address", help: "default 127.0.0.1, this machine alone; 0.0.0.0 for all" },
];

/** Settings of the server alone. */
export const serveSettings: readonly Setting[] = [
  ...placeSettings,
  {
    name: "cache",
    value: "url",
    help: "a cache that servers which share the work share, such as redis://host: used signatures, failed attempts, tables with the setting cached; default: none",
  },
  {
    name: "modules",
    value: "list",
    help: `features beside the data API, in a comma list: ${moduleNames.join(", ")}, or all, or none; default: all when neither tables nor a database is given, else none`,
    type: string(`all, none, or a list of ${moduleNames.join(", ")}`, isModuleList),
  },
  {
    name: "sign-up",
    value: "who",
    help: "who may add accounts over HTTP: open, everybody; admin, admins alone; default admin",
    type: oneOf(["open", "admin"]),
  },
  {
    name: "pushcart-token",
    value: "text",
    help: "what whoever registers a client of pushcart must show; better given as BK_PUSHCART_TOKEN; default: nobody can",
    type: ofLength(16),
  },
  {
    name: "signature-scheme",
    value: "scheme",
    help: "http or https, as clients write it into message signatures (RFC 9421): https behind a proxy that ends TLS; default http",
    type: oneOf(["http", "https"]),
  },
  {
    name: "bus",
    value: "url",
    help: "what modules of servers that share the work tell each other by, such as redis://host or nats://host; default: this process alone",
  },
  {
    name: "mail-transport",
    value: "url",
    help: "how tokens are mailed to people who forgot their secret, such as smtps://user:password@host; better given as BK_MAIL_TRANSPORT; needs mail-from; default: none are",
  },
  { name: "mail-from", value: "address", help: "who mails are from, such as app@example.com" },
  {
    name: "mail-page",
    value: "url",
    help: "the page that asks for the new secret: it gets the token behind a #; default: mails have the token alone",
    type: string("a URL such as https://app.example.com/new-secret", (text) => /^https?:\/\/[^\s#]+$/.test(text)),
  },
  { name: "log-format", value: "form", help: "text, or json: an object a line; default text", type: oneOf(["text", "json"]) },
  {
    name: "cors-origins",
    value: "list",
    help: "origins whose pages may call, such as https://app.example.com, or *; default: none",
    type: string(
      "* or a list of origins such as https://app.example.com",
      (text) => text === "*" || text.split(",").every((origin) => isOrigin(origin.trim())),
    ),
  },
  { name: "cors-credentials", value: "flag", help: "true lets their pages send cookies; default false", type: oneOf(["true", "false"]) },
  { name: "cors-headers", value: "list", help: "request headers that their pages may send, beside those of signed requests" },
  {
    name: "trusted-proxies",
    value: "list",
    help: "addresses and networks, such as 10.0.0.0/8, whose X-Forwarded-For is believed; default: none",
  },
  ...limitNames.map((name) => ({
    name: kebab(name),
    value: "number",
    help: `${limitHelp[name]}; default ${defaultLimits[name]}`,
    type: integer({ min: mayBeZero.has(name) ? 0 : 1 }),
  })),
];

export const allSettings: readonly Setting[] = [...commonSettings, ...serveSettings];

/** `db-pg-pool` and `db-pg-tables` name a pool. */
export const poolSetting = /^db-([a-z][a-z0-9_]*)-(pool|tables)$/;

export const environmentName = (name: string): string => `BK_${name.replaceAll("-", "_").toUpperCase()}`;
