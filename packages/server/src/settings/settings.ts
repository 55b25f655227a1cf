// Every parameter of bk-server beside those of the configuration itself: one entry each makes its option, its environment variable, its
// name in a configuration file, its help and its line in the reference.

import { isCookieDomain } from "@bk/auth";
import { defineConfig, integer, oneOf, type OptionType, string } from "@bk/core";

import { moduleNames } from "@bk/modules";

import { configSettings } from "../config/config-settings.js";
import { roles } from "../config/facts.js";
import { Names } from "../config/define-config.js";
import { bool, bytes, duration, words } from "../config/value-types.js";
import { isOrigin } from "../middleware/cors.js";
import { isRedirect } from "../middleware/login-redirect.js";
import { limitSettings } from "./limit-settings.js";
import { logLevelSetting, logSettings } from "./log-settings.js";
import { logWatchSettings } from "./log-watch-settings.js";
import { metricSettings } from "./metric-settings.js";
import { pushSettings } from "./push-settings.js";
import { moduleSettings } from "./module-settings.js";
import { isNetworkList } from "./network-rules.js";
import { proxyParameters } from "./proxy-settings.js";
import { tlsSettings } from "./tls-settings.js";
import { upkeepSettings } from "./upkeep-settings.js";
import { webParameters } from "./web-settings.js";
import { workerCount } from "./worker-count.js";

const isModuleList = (text: string): boolean =>
  text === "none" || text.split(",").every((name) => name.trim() === "all" || moduleNames.includes(name.trim()));

const networkList = string("a list of networks such as 10.0.0.0/8, with a type of accounts and a path before it or not", isNetworkList);

const ofLength = (min: number): OptionType<string> => string(`at least ${min} characters long`, (text) => text.length >= min);

/** Settings that every command takes. */
export const commonSettings = defineConfig({
  ...configSettings,
  db: {
    value: "url",
    type: string(),
    help: "the database, such as postgres://user@host/name",
    shownDefault: "SQLite in var/bk.db",
    dns: true,
  },
  "db-pool": {
    value: "name",
    type: string(),
    dns: true,
    help: "the pool that is the main database, of those given as --db-<name>-pool url",
  },
  "db-*-pool": { value: "url", type: string(), help: "a pool of the database, named by the word in the middle" },
  "db-*-tables": { value: "list", type: words(), help: "the tables that lie in that pool" },
  ...moduleSettings,
  tables: { value: "file", type: string(), help: "the tables to serve: .js, .mjs, .ts or .mts that exports `tables`, or .json" },
  "master-key": {
    value: "text",
    type: ofLength(32),
    secret: true,
    shownDefault: "made in var/master.key",
    help: "encrypts the secrets of accounts; better given as BK_MASTER_KEY or BK_MASTER_KEY_FILE",
    group: "Security",
  },
  "token-key": {
    value: "text",
    type: ofLength(16),
    secret: true,
    shownDefault: "derived from the master key",
    help: "seals page tokens",
    group: "Security",
  },
  ...logLevelSetting,
});

/** Where the server is: for the server itself, and for whoever calls it. */
export const placeSettings = defineConfig({
  port: { value: "number", type: integer({ max: 65_535 }), default: 8000, aliases: ["api-port"], help: "0 takes a free one" },
  host: {
    value: "address",
    type: string(),
    default: "127.0.0.1",
    aliases: ["bind", "api-bind"],
    help: "127.0.0.1 is this machine alone, 0.0.0.0 all",
  },
});

/** Of mails. */
export const mailSettings = defineConfig({
  "mail-transport": {
    aliases: ["email-transport"],
    value: "url",
    type: string(),
    secret: true,
    help: "how tokens are mailed to people who forgot their secret, such as smtps://user:password@host; better given as BK_MAIL_TRANSPORT; needs mail-from; default: none are",
    group: "Mail",
  },
  "mail-from": {
    value: "address",
    type: string(),
    aliases: ["email-from"],
    help: "who mails are from, such as app@example.com",
    group: "Mail",
  },
  "mail-page": {
    value: "url",
    type: string("a URL such as https://app.example.com/new-secret", (text) => /^https?:\/\/[^\s#]+$/.test(text)),
    help: "the page that asks for the new secret: it gets the token behind a #; default: mails have the token alone",
    group: "Mail",
  },
});

/** Settings of the server alone. */
export const serveSettings = defineConfig({
  cache: {
    value: "url",
    type: string(),
    dns: true,
    aliases: ["ipc-cache", "cache-default"],
    help: "a cache that servers which share the work share, such as redis://host: used signatures, failed attempts, tables with the setting cached; default: none",
  },
  modules: {
    value: "list",
    type: string(`all, none, or a list of ${moduleNames.join(", ")}`, isModuleList),
    shownDefault: "all when neither tables nor a database is given, else none",
    help: `features beside the data API, in a comma list: ${moduleNames.join(", ")}, or all, or none`,
  },
  "sign-up": {
    value: "who",
    type: oneOf(["open", "admin"]),
    default: "admin",
    help: "who may add accounts over HTTP: open, everybody; admin, admins alone",
    group: "Security",
  },
  "pushcart-token": {
    value: "text",
    type: ofLength(16),
    secret: true,
    help: "what whoever registers a client of pushcart must show; better given as BK_PUSHCART_TOKEN; default: nobody can",
    group: "Security",
  },
  "signature-scheme": {
    value: "scheme",
    type: oneOf(["http", "https"]),
    shownDefault: "as each request came",
    help: "http or https, as clients write it into message signatures (RFC 9421): https behind a proxy that ends TLS and is not among trusted-proxies",
    group: "Security",
  },
  bus: {
    value: "url",
    type: string(),
    dns: true,
    help: "what modules of servers that share the work tell each other by, such as redis://host or nats://host; default: this process alone",
  },
  role: {
    value: "role",
    type: oneOf(roles),
    default: "server",
    early: true,
    help: "set by a server for the processes that it starts",
    group: "Processes",
  },
  "front-url": {
    value: "url",
    type: string(),
    early: true,
    help: "set by a server for the processes that it starts: where it listens",
    group: "Processes",
  },
  workers: {
    value: "number",
    type: workerCount,
    default: 0,
    help: "web processes that share the port: a number, or auto, one for each core but one; 0: this process alone serves",
    group: "Processes",
  },
  "job-workers": {
    value: "number",
    type: workerCount,
    default: 0,
    help: "processes that run jobs; needs jobs and queue",
    group: "Processes",
  },
  development: {
    value: "flag",
    type: bool,
    default: false,
    help: "for whoever makes an app: sources are watched, pages in browsers load themselves anew, the log is for people; bk-server dev says so",
    group: "Processes",
  },
  watch: {
    value: "folders",
    type: words(),
    shownDefault: "none; with development the home folder",
    help: "for development: when a script or a JSON file in these folders changes, a new process takes over once it serves; while it cannot start, the old one goes on",
    group: "Processes",
  },
  jobs: { value: "file", type: string(), help: "a file that exports `jobs`, made by defineJobs of @bk/queue", group: "Processes" },
  queue: {
    value: "url",
    type: string(),
    aliases: ["ipc-queue", "queue-default"],
    help: "where jobs wait, such as redis://host or db:postgres://host/name",
    group: "Processes",
  },
  "queue-name": { value: "name", type: string(), default: "default", help: "the name of that queue", group: "Processes" },
  "job-concurrency": { value: "number", type: integer({ min: 1 }), default: 1, help: "jobs at once in each process", group: "Processes" },
  "job-max-run": { value: "time", type: duration({ min: 1 }), help: "longest time of a job; default: none", group: "Processes" },
  "ready-timeout": {
    value: "time",
    type: duration({ min: 1 }),
    default: 30_000,
    shownDefault: "30s",
    help: "how long a new process may take until it serves, and a module to load and to start",
    group: "Processes",
  },
  attach: {
    value: "flag",
    type: bool,
    shownDefault: "true, in the run mode production false",
    help: "whether bk-server attach reaches the processes of a server, for their user alone; what is typed is logged",
    group: "Processes",
  },
  "config-auto-restart": {
    value: "flag",
    type: bool,
    default: false,
    live: true,
    help: "replaces web and job processes, one after another, when a setting changes that is not live",
    group: "Processes",
  },
  "drain-delay": {
    value: "time",
    type: duration(),
    default: 0,
    help: "how long the server goes on when it is told to end, with /health/ready at 503, so that load balancers notice",
    group: "Processes",
  },
  "stuck-after": {
    value: "time",
    type: duration(),
    default: 60_000,
    shownDefault: "1m",
    help: "a process that is not heard for so long is ended, and killed after half as long again; 0: never",
    group: "Processes",
  },
  "restart-delay": {
    value: "time",
    type: duration({ min: 1 }),
    default: 1000,
    shownDefault: "1s",
    help: "before a process that crashed is started again; doubled each time, to a minute",
    group: "Processes",
  },
  "max-restarts": {
    value: "number",
    type: integer(),
    default: 0,
    help: "crashes of a process in ten minutes after which the server ends; 0: it never gives up",
    group: "Processes",
  },
  "max-worker-memory": {
    value: "bytes",
    type: bytes(),
    default: 0,
    help: "a process that holds more is replaced; 0: never",
    group: "Processes",
  },
  "max-worker-files": {
    value: "number",
    type: integer(),
    default: 0,
    help: "a process with more open files and sockets is replaced; 0: never",
    group: "Processes",
  },
  uid: {
    value: "user",
    type: string(),
    help: "the user to become, by name or number, once the port is open; for a server that root starts",
    group: "Processes",
  },
  gid: { value: "group", type: string(), help: "the group to become; default: that of the user", group: "Processes" },
  "bus-secret": {
    value: "text",
    type: ofLength(16),
    secret: true,
    shownDefault: "derived from the master key",
    help: "signs commands that all servers of a bus carry out; servers that share them need the same",
    group: "Security",
  },
  ...mailSettings,
  ...pushSettings,
  ...webParameters,
  "locales-path": {
    value: "list",
    type: words(),
    help: "folders with translations of what the server says, a file for each language such as es.json; default: none. They hold before those of packages",
  },
  locales: { value: "list", type: words(), help: "the languages that are loaded, such as en,es; default: all that there are files of" },
  "cors-origins": {
    value: "list",
    type: string(
      "* or a list of origins such as https://app.example.com",
      (text) => text === "*" || text.split(",").every((origin) => isOrigin(origin.trim())),
    ),
    help: "origins whose pages may call, such as https://app.example.com, or *; default: none",
    group: "Security",
  },
  "cors-credentials": { value: "flag", type: bool, default: false, help: "lets their pages send cookies", group: "Security" },
  "cors-headers": {
    value: "list",
    type: words(),
    help: "request headers that their pages may send, beside those of signed requests",
    group: "Security",
  },
  "trusted-proxies": {
    value: "list",
    type: words(),
    default: [],
    help: "addresses and networks, such as 10.0.0.0/8, whose X-Forwarded-For and X-Forwarded-Proto are believed",
    group: "Security",
  },
  "allow-ip": {
    value: "list",
    type: networkList,
    help: "networks that requests may come from alone, such as 10.0.0.0/8; for a path: /system/* 10.0.0.0/8; for a type of accounts: admin 10.0.0.0/8; default: everywhere",
    group: "Security",
  },
  "deny-ip": {
    value: "list",
    type: networkList,
    help: "networks that requests may not come from, likewise; default: none",
    group: "Security",
  },
  "login-redirect": {
    value: "url",
    type: string("a path or a URL", isRedirect),
    help: "where browsers go that open a page without a session: an open path, or a URL; default: they get 401",
    group: "Security",
  },
  "session-domain": {
    aliases: ["api-session-domain"],
    value: "domain",
    type: string("a domain of two names or more, such as example.com", isCookieDomain),
    help: "whose hosts all get the cookie of a session, such as example.com; default: the host alone",
    group: "Security",
  },
  "status-touch": {
    value: "flag",
    type: bool,
    default: false,
    help: "every request of an account says that it is there, for /status/get",
  },
  ...tlsSettings,
  ...logSettings,
  ...metricSettings,
  ...upkeepSettings,
  ...logWatchSettings,
  ...proxyParameters,
  ...limitSettings,
});

export const allSettings = defineConfig({ ...commonSettings, ...placeSettings, ...serveSettings });

/** Finds them by the names that people write. */
export const settingNames = new Names(allSettings);
