import { BkError } from "@bk/core";

/** The limits of a server; each has a default and is a setting of `bk-server` too. */
export interface ServerLimits {
  /** Most bytes of a body; beyond: 413. */
  readonly maxBodyBytes: number;
  /** How deep JSON may be nested. */
  readonly maxJsonDepth: number;
  /** Most parameters of a query or form. */
  readonly maxParameters: number;
  /** Most rows of a page. */
  readonly maxCount: number;
  /** Most items of a batch, keys of a list, and values in the lists of a filter. */
  readonly maxItems: number;
  /** Most comparisons in a filter. */
  readonly maxFilterTests: number;
  /** How many of them may look inside of texts: `contains`, `ends_with`, `like`, `ilike` and their opposites. */
  readonly maxFilterPatterns: number;
  /** How deep `$or`, `$and` and `$not` may be nested. */
  readonly maxFilterDepth: number;
  /** Most bytes of a reply with rows; beyond: 413. */
  readonly maxReplyBytes: number;
  /** Most rows of `/data/scan`, which sends admins all rows of a table. Default 0: it is not served. */
  readonly maxScanRows: number;
  /** Longest time for a whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** Longest time for its headers to arrive. */
  readonly headersTimeoutMs: number;
  /** Longest time of a call of the database; then 504. */
  readonly callTimeoutMs: number;
  /** Longest time of a hook; then 504. */
  readonly hookTimeoutMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** Most connections at a time. */
  readonly maxConnections: number;
  /** Longest that the signature of a request that changes something may still hold; it is remembered that long. */
  readonly maxSignatureMs: number;
  /** Wrong signatures of one address for one login, within a minute; then 429. 0: no limit. Needs a socket, which knows the address. */
  readonly maxAttempts: number;
  /** Most bytes of a message of a WebSocket; beyond: it is closed with 1009. */
  readonly maxSocketMessageBytes: number;
  /** Requests of one WebSocket that may run at a time; beyond: 429. */
  readonly maxSocketRequests: number;
  /** Bytes that may wait for a WebSocket or a stream of events whose client does not read; beyond: it is closed with 1013, or cut off. */
  readonly maxSocketUnreadBytes: number;
  /** WebSockets that may be open at a time, those that are passed on among them; beyond: 503. 0: no limit. Default 0. */
  readonly maxSockets: number;
  /** WebSockets that may be asked for in a second; beyond: 503. 0: no limit. Default 0. */
  readonly maxSocketsPerSecond: number;
  /** How often the client of a WebSocket is asked whether it is there; one that says nothing until the next time is cut off. */
  readonly socketBeatMs: number;
  /** How often it is asked whether who listens to a stream or a WebSocket may still: both end so long after a logout, at most. */
  readonly streamCheckMs: number;
  /** How late the event loop may be until requests are refused with 503; 0: that does not count. Default 0. */
  readonly maxDelayMs: number;
  /** Requests that may run at a time; beyond: 503. 0: no limit. Default 0. */
  readonly maxRunning: number;
  /** Percent of the time that the event loop may be busy; beyond: 503. 0: no limit. Default 0. */
  readonly maxUtilization: number;
  /** Bytes of the JavaScript heap; beyond: 503. 0: no limit. Default 0. */
  readonly maxHeapBytes: number;
  /** Bytes of memory of the process; beyond: 503. 0: no limit. Default 0. */
  readonly maxRssBytes: number;
  /** How long `close` waits for running requests. */
  readonly shutdownMs: number;
}

export const defaultLimits: ServerLimits = Object.freeze({
  maxBodyBytes: 1024 * 1024,
  maxJsonDepth: 32,
  maxParameters: 1000,
  maxCount: 1000,
  maxItems: 1000,
  maxFilterTests: 100,
  maxFilterPatterns: 10,
  maxFilterDepth: 8,
  maxReplyBytes: 16 * 1024 * 1024,
  maxScanRows: 0,
  requestTimeoutMs: 60_000,
  headersTimeoutMs: 20_000,
  callTimeoutMs: 30_000,
  hookTimeoutMs: 10_000,
  keepAliveMs: 10_000,
  maxConnections: 10_000,
  maxSignatureMs: 900_000,
  maxAttempts: 20,
  maxSocketMessageBytes: 1024 * 1024,
  maxSocketRequests: 16,
  maxSocketUnreadBytes: 1024 * 1024,
  maxSockets: 0,
  maxSocketsPerSecond: 0,
  socketBeatMs: 30_000,
  streamCheckMs: 15_000,
  maxDelayMs: 0,
  maxRunning: 0,
  maxUtilization: 0,
  maxHeapBytes: 0,
  maxRssBytes: 0,
  shutdownMs: 30_000,
});

/** Limits that may be changed while a server runs; the others are looked at when it is made. */
export const liveLimits = [
  "maxParameters",
  "maxCount",
  "maxItems",
  "maxFilterTests",
  "maxFilterPatterns",
  "maxFilterDepth",
  "maxReplyBytes",
  "maxScanRows",
  "requestTimeoutMs",
  "headersTimeoutMs",
  "keepAliveMs",
  "maxConnections",
  "maxSockets",
  "maxSocketsPerSecond",
  "shutdownMs",
] as const satisfies readonly (keyof ServerLimits)[];
export type LiveLimits = Pick<ServerLimits, (typeof liveLimits)[number]>;

/** @throws BkError `invalid` for a limit that is not one of `liveLimits`, or no number */
export function changesOf(changes: Partial<LiveLimits>): Partial<LiveLimits> {
  for (const [name, value] of Object.entries(changes)) {
    if (!liveLimits.some((live) => live === name))
      throw new BkError("invalid", `${name} cannot be changed while the server runs; there are ${liveLimits.join(", ")}`, {
        detail: { field: name },
      });
    if (!Number.isSafeInteger(value) || value < 0)
      throw new BkError("invalid", `${name} must be an integer from 0`, { detail: { field: name } });
  }
  return changes;
}
