// Settings of what is measured.

import { networkTest } from "@bk/auth";
import { defineConfig, string } from "@bk/core";

import { bool } from "../config/value-types.js";

const isNetworks = (text: string): boolean => typeof networkTest(networksOf(text)) === "function";

/** The networks of a comma list. */
export const networksOf = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

/** Where to listen: a port and a host, or the path of a socket. */
export type MetricsPlace = { readonly port: number; readonly host: string } | { readonly path: string };

/** Undefined for a text that is no place. */
export function metricsPlace(text: string): MetricsPlace | undefined {
  if (text.startsWith("/")) return { path: text };
  const [, host = "127.0.0.1", port] = /^(?:\[?([\w.:-]+?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  return port === undefined || Number(port) > 65_535 ? undefined : { port: Number(port), host };
}

export const metricSettings = defineConfig({
  metrics: {
    value: "flag",
    type: bool,
    default: true,
    help: "counts requests, calls on tables and more, for admins at /metrics as text for Prometheus",
    group: "Metrics",
  },
  "metrics-allow-ip": {
    value: "list",
    type: string("addresses and networks such as 10.0.0.0/8", isNetworks),
    help: "networks that may read /metrics without an account; default: none",
    group: "Metrics",
  },
  "metrics-listen": {
    value: "place",
    type: string("a port, a host and port such as 0.0.0.0:9464, or the path of a socket", (text) => metricsPlace(text) !== undefined),
    help: "where /metrics is served beside the server's own port, to whoever reaches it, or to metrics-allow-ip alone: a port of this machine, a host and port such as 0.0.0.0:9464, or the path of a socket; default: nowhere",
    group: "Metrics",
  },
});
