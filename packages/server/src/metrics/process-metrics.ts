// What is told of a process: memory, processor, event loop, garbage collection, files.

import { monitorEventLoopDelay, performance, PerformanceObserver, constants } from "node:perf_hooks";

import { openFiles } from "../processes/open-files.js";
import { version } from "../version.js";
import type { Metrics } from "./metrics.js";

/** How long the delays of the event loop are looked back on. */
const delayWindowMs = 30_000;
const resolutionMs = 20;
const gcKinds: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weakcb"],
]);

/** @returns ends it */
export function measureProcess(metrics: Metrics): () => void {
  const gauge = (name: string, help: string, value: () => number | undefined): void =>
    metrics.read({
      name,
      help,
      read() {
        const now = value();
        return now === undefined ? [] : [[[], now]];
      },
    });
  metrics.read({
    name: "bk_info",
    help: "Versions that run; always 1",
    labels: ["version", "node"],
    read: () => [[[version, process.version], 1]],
  });
  gauge("bk_start_time_seconds", "When the process began, in seconds since 1970", () => performance.timeOrigin / 1000);
  gauge("bk_rss_bytes", "Memory of the process", () => process.memoryUsage.rss());
  gauge("bk_heap_bytes", "Used bytes of the JavaScript heap", () => process.memoryUsage().heapUsed);
  gauge("bk_heap_total_bytes", "Bytes of the JavaScript heap", () => process.memoryUsage().heapTotal);
  gauge("bk_external_bytes", "Bytes that JavaScript objects hold outside of the heap", () => process.memoryUsage().external);
  gauge("bk_files_open", "Open files and sockets", openFiles);
  metrics.read({
    name: "bk_cpu_seconds_total",
    help: "Time of processors that was used",
    labels: ["mode"],
    type: "counter",
    read() {
      const { user, system } = process.cpuUsage();
      return [
        [["user"], user / 1e6],
        [["system"], system / 1e6],
      ];
    },
  });
  metrics.read({
    name: "bk_event_loop_seconds_total",
    help: "Time that the event loop was busy, and that it waited",
    labels: ["state"],
    type: "counter",
    read() {
      const { active, idle } = performance.eventLoopUtilization();
      return [
        [["active"], active / 1000],
        [["idle"], idle / 1000],
      ];
    },
  });
  let used = performance.eventLoopUtilization();
  gauge("bk_event_loop_utilization", "The part of the time that the event loop was busy, since it was asked for before", () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, used);
    used = now;
    return utilization;
  });
  const stopDelays = measureDelays(metrics);
  const stopGc = measureGc(metrics);
  return () => {
    stopDelays();
    stopGc();
  };
}

function measureDelays(metrics: Metrics): () => void {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  // It tells the times between its looks.
  const seconds = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000) : 0;
  const measured = (): [string[], number][] => [
    [["mean"], seconds(delays.mean)],
    [["p50"], seconds(delays.percentile(50))],
    [["p99"], seconds(delays.percentile(99))],
    [["max"], seconds(delays.max)],
  ];
  let before: [string[], number][] | undefined;
  // What was read is not lost to the next who reads: each time has its end by the clock.
  const timer = setInterval(() => {
    before = measured();
    delays.reset();
  }, delayWindowMs).unref();
  metrics.read({
    name: "bk_event_loop_delay_seconds",
    help: "How late the event loop was, in the last 30 seconds that are over",
    labels: ["stat"],
    read: () => before ?? measured(),
  });
  return () => {
    clearInterval(timer);
    delays.disable();
  };
}

function measureGc(metrics: Metrics): () => void {
  const times = metrics.histogram({ name: "bk_gc_seconds", help: "Collections of garbage", labels: ["kind"] });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // The types of Node leave it out.
      const { duration, detail } = entry as typeof entry & { readonly detail: { readonly kind: number } };
      times.observe([gcKinds.get(detail.kind) ?? "other"], duration / 1000);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}
