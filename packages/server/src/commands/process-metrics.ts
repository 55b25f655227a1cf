// What a process of bk-server measures, and how it learns what the others do.

import type { Log } from "@bk/core";
import type { SystemOptions } from "@bk/modules";

import { faultFields } from "../fault-fields.js";
import { listenForMetrics, type MetricsListener } from "../metrics/metrics-listener.js";
import type { Family } from "../metrics/family.js";
import { Metrics } from "../metrics/metrics.js";
import type { MetricsOptions } from "../metrics/served-metrics.js";
import type { Owner } from "../processes/privileges.js";
import type { AsChild, ChildHandlers } from "../processes/as-child.js";
import type { Configuration } from "../settings/configuration.js";
import { metricsPlace, networksOf } from "../settings/metric-settings.js";

type StatLink = NonNullable<SystemOptions["processes"]>;
type OwnStats = Parameters<StatLink["answer"]>[0];

export interface ProcessMetrics {
  readonly metrics: Metrics;
  /** What the primary is told that asks. */
  readonly tell: ChildHandlers["tell"];
  readonly onFault: ChildHandlers["onFault"];
  /** For `createServer`; undefined where nothing is measured. */
  served(supervised: AsChild | undefined): MetricsOptions | undefined;
  /** For the module `system`. */
  stats(supervised: AsChild): StatLink;
}

export function processMetrics({ config }: Configuration, log: Log): ProcessMetrics {
  const metrics = new Metrics();
  const isOn = config.get("metrics");
  let ownStats: OwnStats | undefined;
  return {
    metrics,
    tell: (kind) => (kind === "stats" ? ownStats?.() : isOn ? metrics.collect() : undefined),
    onFault: (error) => log.error("what this process measured could not be told", faultFields(error)),
    served: (supervised) =>
      isOn
        ? {
            registry: metrics,
            allow: allowed(config),
            ...(supervised === undefined ? {} : { read: async () => (await supervised.gather("metrics")) as readonly Family[] }),
          }
        : undefined,
    stats: (supervised) => ({
      answer: (own) => void (ownStats = own),
      ask: async () => (await supervised.gather("stats")) as Awaited<ReturnType<StatLink["ask"]>>,
    }),
  };
}

/** Listens where `metrics-listen` says; undefined where it does not. */
export async function listenedMetrics(
  { config }: Configuration,
  read: () => Promise<readonly Family[]>,
  log: Log,
  owner: Owner | undefined,
): Promise<MetricsListener | undefined> {
  const place = config.get("metrics-listen");
  return place === undefined || !config.get("metrics")
    ? undefined
    : listenForMetrics(metricsPlace(place)!, allowed(config), read, log, owner);
}

function allowed(config: Configuration["config"]): string[] {
  return networksOf(config.get("metrics-allow-ip") ?? "");
}
