// Refusing requests while there are more than can be answered: a quick 503 is better than a late reply to nobody.

import { monitorEventLoopDelay, performance } from "node:perf_hooks";

import type { MiddlewareHandler } from "hono";

import { busy, errorResponse } from "../error-response.js";
import type { ServerEnv } from "../routes/server-context.js";

/** When the server takes no more; 0: that does not count. */
export interface OverloadLimits {
  /** How late the event loop may be, in milliseconds. */
  readonly maxDelayMs: number;
  /** How much of the time it may be busy, from 0 to 1. */
  readonly maxUtilization: number;
  /** Requests that may run at a time. */
  readonly maxRunning: number;
  /** Bytes of the JavaScript heap. */
  readonly maxHeapBytes: number;
  /** Bytes of memory of the process. */
  readonly maxRssBytes: number;
}

/** How loaded the process is. */
export interface Load {
  readonly delayMs: number;
  readonly utilization: number;
  readonly running: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
}

/** Monitors and those who can mend it are let in. */
const spared = /^\/(ping|health|system|metrics)(\/|$)/;
const sampleMs = 100;
/** Once refused, requests are taken again below this part of a limit. */
const relief = 0.8;

export interface Overload {
  /** Why a request for a path is refused now, which is counted; undefined when it is not. */
  refuses(path: string): keyof Load | undefined;
  /** A request begins; it has ended when the function that is given back is called. */
  begin(): () => void;
  readonly middleware: MiddlewareHandler<ServerEnv>;
  readonly load: () => Load;
  /** What has been refused, by why. */
  readonly refused: () => Readonly<Record<keyof Load, number>>;
  close(): void;
}

/** Undefined where no limit is set. */
export function overload(limits: OverloadLimits): Overload | undefined {
  if (Object.values(limits).every((limit) => limit === 0)) return undefined;
  const most: Readonly<Record<keyof Load, number>> = {
    delayMs: limits.maxDelayMs,
    utilization: limits.maxUtilization,
    running: limits.maxRunning,
    heapBytes: limits.maxHeapBytes,
    rssBytes: limits.maxRssBytes,
  };
  const names = (Object.keys(most) as (keyof Load)[]).filter((name) => most[name] > 0);
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  let used = performance.eventLoopUtilization();
  let [load, dueAt] = [{ delayMs: 0, utilization: 0, running: 0, heapBytes: 0, rssBytes: 0 }, performance.now() + sampleMs];
  let running = 0;
  let over: keyof Load | undefined;
  const refused = { delayMs: 0, utilization: 0, running: 0, heapBytes: 0, rssBytes: 0 };
  const sample = (): void => {
    const now = performance.now();
    const late = Math.max(now - dueAt, delays.percentile(99) / 1e6 - 10);
    dueAt = now + sampleMs;
    delays.reset();
    const next = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(next, used);
    used = next;
    // What was late a moment ago has a queue behind it.
    const delayMs = Math.max(0, late, load.delayMs / 2);
    const asks = most.heapBytes > 0 || most.rssBytes > 0;
    const { heapUsed, rss } = asks ? process.memoryUsage() : { heapUsed: 0, rss: 0 };
    load = { delayMs, utilization: (utilization + load.utilization) / 2, running, heapBytes: heapUsed, rssBytes: rss };
    over = names.find((name) => load[name] > most[name] * (name === over ? relief : 1));
  };
  const timer = setInterval(sample, sampleMs).unref();
  const refuses = (path: string): keyof Load | undefined => {
    const why = over ?? (most.running > 0 && running >= most.running ? "running" : undefined);
    if (why === undefined || spared.test(path)) return undefined;
    refused[why]++;
    return why;
  };
  const begin = (): (() => void) => {
    running++;
    return () => void running--;
  };
  const middleware: MiddlewareHandler<ServerEnv> = async (context, next) => {
    if (refuses(context.req.path) !== undefined) return errorResponse(context, busy());
    if (most.running === 0) return next();
    const end = begin();
    try {
      return await next();
    } finally {
      end();
    }
  };
  return {
    refuses,
    begin,
    middleware,
    load: () => load,
    refused: () => refused,
    close() {
      clearInterval(timer);
      delays.disable();
    },
  };
}
