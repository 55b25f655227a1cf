// What a primary and the processes that it started tell each other.

import type { LogLevel } from "@bk/core";

/** Of a worker to its primary. */
export type FromWorker =
  /** It serves. */
  | { readonly bk: "ready" }
  /** It lives; said at an interval. */
  | { readonly bk: "beat"; readonly rss: number; readonly files: number | undefined }
  /** Somebody asked it for a rolling restart of all. */
  | { readonly bk: "roll" }
  /** Somebody asked it to read the configuration again, everywhere. */
  | { readonly bk: "reload" };

/** Of a primary to a worker. */
export type ToWorker =
  /** Comes with a socket: serve it. */
  | { readonly bk: "connection" }
  /** Say that nothing more is to come. */
  | { readonly bk: "unready" }
  /** Take nothing new, finish what runs, end. */
  | { readonly bk: "drain" }
  | { readonly bk: "log-level"; readonly level: LogLevel }
  | { readonly bk: "reload" };

const kinds: ReadonlySet<unknown> = new Set(["ready", "beat", "roll", "reload", "connection", "unready", "log-level", "drain"]);

/** Others use the same channel: libraries of the app. */
export function isMessage(message: unknown): message is FromWorker | ToWorker {
  return typeof message === "object" && message !== null && kinds.has((message as { bk?: unknown }).bk);
}
