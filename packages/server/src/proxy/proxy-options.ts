// What is said of requests that are passed on to other servers.

import { isAbsolute } from "node:path";

import { BkError } from "@bk/core";

/** Servers that requests are passed on to, and which. */
export interface ProxyTarget {
  /** For the log, and for the cookie of `sticky`: letters, digits, `_`. */
  readonly name: string;
  /** Where to: `http://host:port`, `https://host`, or `unix:/path` for a socket of this machine. Several share the requests. */
  readonly to: readonly string[];
  /** What is looked for in the name of the host, in lower case, without its port. Default: all hosts. */
  readonly host?: RegExp | undefined;
  /** What is looked for in the path, as it was sent, without its query. Default: all paths, but those of this server's own health. */
  readonly path?: RegExp | undefined;
  /** Limits of its own. Default those of all. */
  readonly limits?: ProxyLimits | undefined;
}

/** A request that is about to be passed on. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly target: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Of the client: of the connection, or what a trusted proxy says. */
  readonly address: string;
  /** The name of the target. */
  readonly to: string;
  /** It asks for a WebSocket. */
  readonly isUpgrade: boolean;
}

/** What holds for a target. */
export interface ProxyLimits {
  /**
   * How long an upstream may be silent, in milliseconds, until the reply is 504, or one that has begun is cut; 0: for as long as it likes, as streams of events and
   * WebSockets always may. Default 30,000.
   */
  readonly timeoutMs?: number | undefined;
  /** Most connections for requests to an upstream; more wait for `connectTimeoutMs`, and then get 503. Default 256. */
  readonly maxConnections?: number | undefined;
  /** Most bytes of a body; beyond: 413. Default 100 MB. */
  readonly maxBodyBytes?: number | undefined;
}

export interface ProxyOptions extends ProxyLimits {
  /** The first that fits counts, those with a host before those with a path before those for everything. What fits none is served here. */
  readonly targets: readonly ProxyTarget[];
  /** Which upstream of a target is next: in turn, or the one with the fewest requests and WebSockets. Default `round-robin`. */
  readonly balance?: "round-robin" | "least-connections" | undefined;
  /** Whether a client stays with its upstream: by a cookie, by its address, or not. Default `none`. */
  readonly sticky?: "cookie" | "address" | "none" | undefined;
  /** How long a connection may take, in milliseconds. Default 3,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long an upstream gets no requests that took no connection, in milliseconds. Default 2,000. */
  readonly outMs?: number | undefined;
  /** Certificates, as PEM texts, that upstreams of `https:` are verified by. Default: those of Node. */
  readonly ca?: readonly string[] | undefined;
  /** A path that upstreams are asked for; one that does not answer with 2xx or 3xx gets no requests. Default: none. */
  readonly health?: { readonly path: string; readonly intervalMs: number } | undefined;
  /** Asked before a request is passed on; a reply that it gives is sent in its place. What it throws becomes an error reply. */
  readonly check?: ((request: ProxiedRequest) => Response | undefined | Promise<Response | undefined>) | undefined;
}

export const proxyDefaults = {
  balance: "round-robin",
  sticky: "none",
  timeoutMs: 30_000,
  connectTimeoutMs: 3000,
  outMs: 2000,
  maxConnections: 256,
  maxBodyBytes: 100 * 1024 * 1024,
} as const;

type Defaulted = keyof typeof proxyDefaults;
/** With defaults in their places. */
export type ProxySettings = Omit<ProxyOptions, Defaulted> & { readonly [Name in Defaulted]: NonNullable<ProxyOptions[Name]> };

/** @throws BkError `invalid` naming what is wrong */
export function proxySettings(options: ProxyOptions): ProxySettings {
  const settings = withOwn(proxyDefaults, options) as ProxySettings;
  for (const { name, to, host, path } of settings.targets) {
    if (!/^\w+$/.test(name)) throw invalid(`${JSON.stringify(name)} is no name of a target`);
    if (to.length === 0) throw invalid(`the target ${name} names no server`);
    for (const url of to) if (!isUpstreamUrl(url)) throw invalid(`the target ${name}: ${upstreamForm}`);
    for (const pattern of [host, path])
      if (pattern !== undefined && (pattern.global || pattern.sticky)) throw invalid("a pattern must not have the flags g and y");
  }
  const names = settings.targets.map(({ name }) => name);
  if (new Set(names).size < names.length) throw invalid("two targets have one name");
  for (const own of [settings, ...settings.targets.map((target) => settingsOf(settings, target))])
    for (const name of ["timeoutMs", "connectTimeoutMs", "outMs", "maxConnections", "maxBodyBytes"] as const) {
      const least = name === "timeoutMs" ? 0 : 1;
      if (!Number.isSafeInteger(own[name]) || own[name] < least) throw invalid(`${name} must be an integer from ${least}`);
    }
  if (settings.health !== undefined && !/^\/[!-~]*$/.test(settings.health.path)) throw invalid("the path of health must begin with /");
  return settings;
}

/** Those of a target. */
export const settingsOf = (settings: ProxySettings, { limits = {} }: ProxyTarget): ProxySettings =>
  withOwn(settings, limits) as ProxySettings;

/** What is given as undefined is not given. */
const withOwn = (defaults: object, given: object): object => ({
  ...defaults,
  ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
});

export const upstreamForm = "a server is written as http://host:port, https://host or unix:/path, without a path behind the host";

export function isUpstreamUrl(text: string): boolean {
  if (text.startsWith("unix:")) return isAbsolute(text.slice("unix:".length));
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && pathname === "/" && search + hash + username + password === "";
}

const invalid = (what: string): BkError => new BkError("invalid", `proxy: ${what}`, { detail: { field: "proxy" } });
