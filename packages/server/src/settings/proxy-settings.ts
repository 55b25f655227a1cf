// Servers that requests are passed on to, as settings.

import { defineConfig, integer, oneOf, type OptionType, string } from "@bk/core";

import { bool, bytes, duration, regexp, shownBytes, words } from "../config/value-types.js";
import { isUpstreamUrl, proxyDefaults, upstreamForm } from "../proxy/proxy-options.js";
import { workerCount } from "./worker-count.js";

const upstreams: OptionType<readonly string[]> = {
  mustBe: `servers between commas; ${upstreamForm}`,
  read(given) {
    const urls = words().read(given);
    return urls !== undefined && urls.length > 0 && urls.every(isUpstreamUrl) ? urls : undefined;
  },
};

const group = "Proxy";

export const proxyParameters = defineConfig({
  "proxy-*-to": {
    value: "urls",
    type: upstreams,
    help: "servers that requests are passed on to: those of a target, named by the word in the middle; several share them",
    group,
  },
  "proxy-*-host": {
    value: "regexp",
    type: regexp,
    help: "the hosts whose requests that target gets, in lower case, without a port",
    group,
  },
  "proxy-*-path": { value: "regexp", type: regexp, help: "the paths whose requests it gets; without both it gets all", group },
  "proxy-reverse": {
    value: "urls",
    type: upstreams,
    aliases: ["api-proxy-reverse"],
    help: "servers that all other requests are passed on to",
    group,
  },
  "api-proxy-host-*": {
    value: "regexp",
    word: "https?://[^=\\s]+",
    type: regexp,
    help: "as backendjs has it: the URL is in the name, what hosts must look like is the value; better as proxy-<name>-to and proxy-<name>-host",
    group,
  },
  "api-proxy-url-*": {
    value: "urls",
    word: "[^=\\s]+",
    type: upstreams,
    help: "as backendjs has it: what paths must look like is in the name, the URL is the value; better as proxy-<name>-to and proxy-<name>-path",
    group,
  },
  "proxy-workers": {
    value: "number",
    type: workerCount,
    default: 0,
    help: "processes that take all connections, pass on what is for other servers, and hand the rest to the web processes, if there are any; 0: who serves passes on, too",
    group,
  },
  "proxy-balance": {
    value: "how",
    type: oneOf(["round-robin", "least-connections"]),
    default: proxyDefaults.balance,
    help: "which server of a target is next: in turn, or the one with the fewest requests and WebSockets",
    group,
  },
  "proxy-sticky": {
    value: "how",
    type: oneOf(["none", "cookie", "address"]),
    default: proxyDefaults.sticky,
    help: "whether a client stays with its server: by a cookie, by its address, or not",
    group,
  },
  "proxy-timeout": {
    value: "time",
    type: duration({ min: 1 }),
    default: proxyDefaults.timeoutMs,
    shownDefault: "30s",
    help: "how long a server may be silent; then 504. Streams of events and WebSockets may be for longer",
    group,
  },
  "proxy-connect-timeout": {
    value: "time",
    type: duration({ min: 1 }),
    default: proxyDefaults.connectTimeoutMs,
    shownDefault: "3s",
    help: "how long a connection to it may take; then another one is asked, else 504",
    group,
  },
  "proxy-out": {
    value: "time",
    type: duration({ min: 1 }),
    default: proxyDefaults.outMs,
    shownDefault: "2s",
    help: "how long a server that takes no connection gets no more requests",
    group,
  },
  "proxy-max-connections": {
    value: "number",
    type: integer({ min: 1 }),
    default: proxyDefaults.maxConnections,
    help: "most connections of a process to a server for requests, streams of events among them; more wait, and then get 503",
    group,
  },
  "proxy-max-body": {
    value: "bytes",
    type: bytes({ min: 1 }),
    default: proxyDefaults.maxBodyBytes,
    shownDefault: shownBytes(proxyDefaults.maxBodyBytes),
    help: "most bytes of a body that is passed on; beyond: 413",
    group,
  },
  "proxy-ca": {
    value: "files",
    type: words(),
    help: "certificates as PEM that servers of https are verified by; default: those of Node",
    group,
  },
  "proxy-health": {
    value: "path",
    type: string("a path such as /health/ready", (text) => /^\/[!-~]*$/.test(text)),
    help: "a path that servers are asked for; one that does not answer with 2xx or 3xx gets no requests; default: they are not asked",
    group,
  },
  "proxy-health-interval": {
    value: "time",
    type: duration({ min: 100 }),
    default: 5000,
    shownDefault: "5s",
    help: "how often they are asked",
    group,
  },
  "behind-proxy": {
    value: "flag",
    type: bool,
    default: false,
    early: true,
    help: "set by a server for the processes that it starts: connections come from its proxy processes",
    group: "Processes",
  },
  "web-socket-path": {
    value: "path",
    type: string(),
    early: true,
    help: "set by a server for the processes that it starts: where its web processes are reached",
    group: "Processes",
  },
});
