// The limits of a server as settings.

import { integer, type Parameter } from "@bk/core";

import { defaultLimits, liveLimits, type ServerLimits } from "../limits.js";

const limitHelp: Readonly<Record<keyof ServerLimits, string>> = {
  maxBodyBytes: "most bytes of a request body",
  maxJsonDepth: "how deep JSON may be nested",
  maxParameters: "most parameters of a query or form",
  maxCount: "most rows of a page",
  maxItems: "most items of a batch, keys of a list, and values in lists of a filter",
  maxFilterTests: "most comparisons in a filter",
  maxFilterPatterns: "how many of them may look inside of texts (contains, ends_with, like, ilike)",
  maxFilterDepth: "how deep $or, $and and $not may be nested",
  maxReplyBytes: "most bytes of a reply with rows",
  maxScanRows: "most rows that /data/scan sends admins; 0: it is not served",
  requestTimeoutMs: "longest time for a request to arrive",
  headersTimeoutMs: "longest time for its headers to arrive",
  callTimeoutMs: "longest time of a database call",
  hookTimeoutMs: "longest time of a hook of the app or a module",
  keepAliveMs: "how long an idle connection is kept",
  maxConnections: "most connections at a time",
  maxSignatureMs: "longest that a signature that changes something may hold",
  maxAttempts: "most wrong signatures of an address for a login, in a minute; 0: no limit",
  maxSocketMessageBytes: "most bytes of a message of a WebSocket",
  maxSocketRequests: "requests of a WebSocket that may run at a time",
  maxSocketUnreadBytes: "bytes that may wait for a WebSocket or a stream of events that is not read",
  maxSockets: "most WebSockets at a time, those that are passed on among them; beyond: 503; 0: no limit",
  maxSocketsPerSecond: "most WebSockets that may be asked for in a second; beyond: 503; 0: no limit",
  socketBeatMs: "how often the client of a WebSocket is asked whether it is there",
  streamCheckMs: "how often it is asked whether who listens to a stream or a WebSocket may still",
  maxDelayMs: "how late the event loop may be, in milliseconds, until requests are refused with 503; 0: that does not count",
  maxRunning: "requests that may run at a time; beyond: 503; 0: no limit",
  maxUtilization: "percent of the time that the event loop may be busy; beyond: 503; 0: no limit",
  maxHeapBytes: "bytes of the JavaScript heap; beyond: 503; 0: no limit",
  maxRssBytes: "bytes of memory of the process; beyond: 503; 0: no limit",
  shutdownMs: "how long running requests are waited for at the end",
};

/** Limits of which 0 says something else. */
const mayBeZero: ReadonlySet<keyof ServerLimits> = new Set([
  "maxAttempts",
  "maxScanRows",
  "maxSockets",
  "maxSocketsPerSecond",
  "maxDelayMs",
  "maxRunning",
  "maxUtilization",
  "maxHeapBytes",
  "maxRssBytes",
] as const);

export const limitNames = Object.keys(limitHelp) as (keyof ServerLimits)[];

/** `maxBodyBytes` → `max-body-bytes` */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A server of an app of one's own decides itself whether it refuses. */
const usual: ServerLimits = { ...defaultLimits, maxDelayMs: 3000 };

const oldLimitNames: Readonly<Partial<Record<keyof ServerLimits, readonly string[]>>> = {
  maxDelayMs: ["api-max-latency"],
  maxRunning: ["api-max-request-queue", "api-max-requests"],
  maxUtilization: ["api-max-cpu-util"],
  maxHeapBytes: ["api-max-memory-heap"],
  maxRssBytes: ["api-max-memory-rss"],
};

const live: ReadonlySet<string> = new Set(liveLimits);

export const limitSettings = Object.fromEntries(
  limitNames.map((name) => [
    kebab(name),
    {
      value: "number",
      type: integer({ min: mayBeZero.has(name) ? 0 : 1 }),
      default: usual[name],
      aliases: oldLimitNames[name] ?? [],
      live: live.has(name),
      help: limitHelp[name],
      group: "Limits",
    },
  ]),
) as Record<string, Parameter<number>>;
