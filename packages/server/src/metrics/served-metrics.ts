// What a server measures of itself, and `/metrics`, where that is read.

import { networkTest } from "@bk/auth";
import type { Cache } from "@bk/cache";
import { BkError } from "@bk/core";
import type { Db } from "@bk/db";
import type { Hook } from "@bk/modules";
import type { Hono, MiddlewareHandler } from "hono";

import { forbidden, replyHeaders, wrongMethod } from "../error-response.js";
import { moduleCaller } from "../modules/caller.js";
import type { AddressOf } from "../request/client-address.js";
import type { ServerEnv } from "../routes/server-context.js";
import { exposition, expositionType } from "./exposition.js";
import type { OpenCounts } from "../listen.js";
import type { Family } from "./family.js";
import { familiesOf, Metrics } from "./metrics.js";
import { measureProcess } from "./process-metrics.js";
import { measureProxied, type MeasureProxied } from "./proxy-metrics.js";
import { measureRequests } from "./request-metrics.js";
import { measureCache, measureDb } from "./work-metrics.js";

export interface MetricsOptions {
  /** Addresses and networks that may read `/metrics` without an account. Default none: it is for admins. */
  readonly allow?: readonly string[] | undefined;
  /** Where the app has metrics of its own. Default a new one. */
  readonly registry?: Metrics;
  /** What `/metrics` tells: of several processes, those of all. Default what the registry has. */
  readonly read?: () => Promise<readonly Family[]>;
}

export interface ServedMetrics {
  readonly hooks: readonly Hook[];
  /** Counts the requests that come after it. */
  middleware(app: Hono<ServerEnv>): MiddlewareHandler<ServerEnv>;
  route(app: Hono<ServerEnv>, addressOf: AddressOf): void;
  /** @param counts  undefined while nothing listens */
  measureOpen(counts: () => OpenCounts | undefined): void;
  /** Counts requests that are passed on to other servers. */
  proxied(): MeasureProxied;
  measureRefused(refused: () => Readonly<Record<string, number>>): void;
  close(): void;
}

const path = "/metrics";

/** @throws BkError `invalid` for an address that is none, or a registry that another server has */
export function servedMetrics(options: MetricsOptions, { db, cache }: { db: Db; cache: Cache | undefined }): ServedMetrics {
  const { allow = [], registry: metrics = new Metrics() } = options;
  const { read = () => familiesOf(metrics) } = options;
  const isAllowed = networkTest(allow);
  if (typeof isAllowed !== "function")
    throw new BkError("invalid", `metrics: ${JSON.stringify(isAllowed.wrong.slice(0, 60))} is no address or network such as 10.0.0.0/8`, {
      detail: { field: "metrics.allow" },
    });
  const isOpenFor = (address: string | undefined): boolean => address !== undefined && isAllowed(address);
  const ends = [measureProcess(metrics), measureDb(metrics, db)];
  if (cache !== undefined) measureCache(metrics, cache);
  return {
    // Networks that are refused everything are refused this, too.
    hooks:
      allow.length === 0
        ? []
        : [{ on: "accessCheck", path: /^\/metrics$/, run: ({ address }) => (isOpenFor(address) ? { status: 200 } : undefined) }],
    middleware: (app) => measureRequests(metrics, () => app.routes.map((route) => route.path)),
    route(app, addressOf) {
      app.all(path, async (context) => {
        const { method } = context.req;
        if (method !== "GET" && method !== "HEAD") throw wrongMethod(method, ["GET"], "path");
        if (!moduleCaller(context.get("allowed").account).isAdmin && !isOpenFor(addressOf(context))) throw forbidden("this is for admins");
        return new Response(exposition(await read()), { headers: { ...replyHeaders, "content-type": expositionType } });
      });
    },
    measureOpen(counts) {
      const names = { connections: "Connections", sockets: "WebSockets", streams: "Streams of events" } as const;
      for (const [name, what] of Object.entries(names) as [keyof OpenCounts, string][])
        metrics.read({ name: `bk_${name}_open`, help: `${what} that are open`, read: () => [[[], counts()?.[name] ?? 0]] });
    },
    proxied: () => measureProxied(metrics),
    measureRefused(refused) {
      metrics.read({
        name: "bk_overload_total",
        help: "Requests that were refused while there were too many, by the limit",
        type: "counter",
        labels: ["limit"],
        read: () => Object.entries(refused()).map(([limit, count]) => [[limit], count]),
      });
    },
    close() {
      for (const end of ends) end();
    },
  };
}
