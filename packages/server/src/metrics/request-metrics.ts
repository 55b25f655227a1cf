// Counts requests by the pattern of their route, never by what callers write.

import { performance } from "node:perf_hooks";

import type { MiddlewareHandler } from "hono";

import { controlsOf } from "../data/controls.js";
import type { ServerEnv, ServerRequest } from "../routes/server-context.js";
import type { Metrics } from "./metrics.js";

/** The pattern of the route that a request was for: a name of a small set. */
export function routeOf(context: ServerRequest, known: ReadonlySet<string>): string {
  const endpoint = context.get("found")?.served.endpoint;
  if (endpoint !== undefined) return endpoint.path;
  if (context.get("file") !== undefined) return "file";
  const { path } = context.req;
  const at = path.indexOf("/", "/data/".length);
  const route = path.startsWith("/data/") && at > 0 ? path.slice(0, at) : path;
  return known.has(route) ? route : "other";
}

const dataCalls = [...Object.keys(controlsOf), "scan", "columns", "keys", "batch", "openapi.json"].map((call) => `/data/${call}`);

/** @param routes  the paths that are served beside those of modules; asked for once, when all are known */
export function measureRequests(metrics: Metrics, routes: () => readonly string[]): MiddlewareHandler<ServerEnv> {
  const times = metrics.histogram({ name: "bk_api_req_seconds", help: "Requests, until their reply begins", labels: ["route"] });
  const statuses = metrics.counter({
    name: "bk_api_status_total",
    help: "Replies, by route and status",
    labels: ["route", "status"],
  });
  let running = 0;
  metrics.read({ name: "bk_api_nreq", help: "Requests that run", read: () => [[[], running]] });
  let known: ReadonlySet<string> | undefined;
  return async (context, next) => {
    const startedAt = performance.now();
    running++;
    try {
      await next();
    } finally {
      running--;
      const route = routeOf(context, (known ??= new Set([...routes().filter((path) => !path.includes("*")), ...dataCalls])));
      times.observe([route], (performance.now() - startedAt) / 1000);
      statuses.add([route, String(context.res.status)]);
    }
  };
}
