// What can be told of a process: the names are those of the original collector.

import { cpus, freemem, hostname, loadavg, networkInterfaces, totalmem } from "node:os";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

import type { Clock } from "@bk/core";

import type { WholeCache } from "../contract/cache.js";
import type { ModuleDb } from "../contract/database.js";
import { Histogram } from "./histogram.js";
import type { RequestStats } from "./request-stats.js";
import type { StatNumbers, StatPart } from "./stat-part.js";

export interface Stats {
  /** What this process tells. What ends in `_0` counts since the last call. */
  read(): Promise<StatPart>;
  close(): Promise<void>;
}

const everyMs = 30_000;

export interface StatsOptions {
  readonly db: Pick<ModuleDb, "metrics">;
  readonly cache: WholeCache;
  readonly requests: RequestStats;
  readonly clock: Clock;
  /** Name and version of the app. */
  readonly app?: string | undefined;
}

export function processStats({ db, cache, requests, clock, app }: StatsOptions): Stats {
  const startedMs = clock.now();
  const delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const gauges = {
    rss: new Histogram(clock),
    heap: new Histogram(clock),
    avg: new Histogram(clock),
    free: new Histogram(clock),
    util: new Histogram(clock),
  };
  const last = new Map<string, number>();
  let used = { cpu: process.cpuUsage(), atMs: performance.now() };

  function sample(): void {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    const atMs = performance.now();
    gauges.rss.add(memory.rss);
    gauges.heap.add(memory.heapUsed);
    gauges.avg.add(loadavg()[2]!);
    gauges.free.add(freemem());
    const usedMs = (cpu.user + cpu.system - used.cpu.user - used.cpu.system) / 1000;
    gauges.util.add((100 * usedMs) / Math.max(1, atMs - used.atMs));
    used = { cpu, atMs };
  }

  const over = new AbortController();
  sample();
  const sampling = (async () => {
    for (;;) {
      await clock.sleep(everyMs, over.signal);
      sample();
    }
  })().catch(() => undefined); // That it was ended.

  /** What was added since the last call. */
  function since(name: string, now: number): number {
    const before = last.get(name) ?? 0;
    last.set(name, now);
    return now - before;
  }

  return {
    async read() {
      sample();
      const ip = address();
      const facts: StatNumbers = {
        id: `${ip}-${process.pid}`,
        ip,
        ctime: startedMs,
        mtime: clock.now(),
        type: "web",
        host: hostname(),
        pid: process.pid,
        worker: 0,
        cpus: cpus().length,
        mem: totalmem(),
        ...(app === undefined ? {} : { app }),
      };
      const sums: Record<string, number> = {};
      // Nothing was measured yet: not a number.
      const most: Record<string, number> = { latency: Number.isFinite(delay.mean) ? delay.mean / 1e6 : 0 };
      delay.reset();
      for (const [pool, { calls, errors, retries, cached }] of Object.entries(db.metrics())) {
        const name = `pool_${pool}`;
        sums[`${name}_count`] = calls;
        sums[`${name}_req_0`] = since(`${name}_req`, calls);
        sums[`${name}_err_0`] = since(`${name}_err`, errors);
        sums[`${name}_retries_0`] = since(`${name}_retries`, retries);
        if (cached !== undefined) Object.assign(sums, { [`${name}_hits`]: cached.hits, [`${name}_misses`]: cached.misses });
      }
      const ofRequests = requests.read(since);
      const { hits, misses, sets, deletes, count, bytes } = await cache.stats();
      Object.assign(sums, ofRequests.sums, { cache_hits: hits, cache_misses: misses, cache_inserted: sets, cache_deleted: deletes });
      if (count !== undefined) most["cache_count"] = count;
      if (bytes !== undefined) most["cache_size"] = bytes;
      const ofProcess = Object.entries(gauges).map(([name, gauge]) => [name, gauge.state]);
      return { facts, sums, most, histograms: { ...Object.fromEntries(ofProcess), ...ofRequests.histograms } };
    },
    async close() {
      over.abort();
      delay.disable();
      await sampling;
    },
  };
}

/** The machine's first address that others reach it by. */
function address(): string {
  for (const each of Object.values(networkInterfaces()).flatMap((list) => list ?? []))
    if (!each.internal && each.family === "IPv4") return each.address;
  return "127.0.0.1";
}

/** The same as text for Prometheus. */
export function prometheusText(stats: Readonly<Record<string, unknown>>): string {
  const numbers = Object.entries(stats).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  return numbers.map(([name, value]) => `bk_${name.replaceAll(/\W/g, "_")} ${value}\n`).join("");
}
