// What a primary and the processes that it started tell each other.

import type { LogLevel } from "@bk/core";

import type { Family } from "../metrics/family.js";
import type { TlsMaterial } from "../tls/material.js";

/** What is asked for: what is measured, or statistics. */
export type GatheredKind = "metrics" | "stats";
/** What all processes tell: families that are put together, or parts by process. */
export type Gathered = readonly Family[] | Readonly<Record<string, unknown>>;

/** What a server looks after now and then. */
export type UpkeepTask = "clean" | "watch-logs";

/** Of a worker to its primary. */
export type FromWorker =
  /** It serves. */
  | { readonly bk: "ready" }
  /** It lives; said at an interval. */
  | { readonly bk: "beat"; readonly rss: number; readonly files: number | undefined }
  /** It has the connection that was sent to it first of those that it has not said so of. */
  | { readonly bk: "taken" }
  /** It met an error that nobody handled: it finishes what runs, and ends. */
  | { readonly bk: "faulty" }
  /** Somebody asked it for a rolling restart of all. */
  | { readonly bk: "roll" }
  /** Somebody asked it to read the configuration again, everywhere. */
  | { readonly bk: "reload" }
  /** It asks what all processes tell. */
  | { readonly bk: "gather"; readonly id: number; readonly kind: GatheredKind }
  /** It tells what it was asked for; null: it has none. */
  | { readonly bk: "part"; readonly id: number; readonly part: unknown }
  /** What it has counted in all: it ends now. */
  | { readonly bk: "last"; readonly families: readonly Family[] };

/** Of a primary to a worker. */
export type ToWorker =
  /** Comes with a socket: serve it. */
  | { readonly bk: "connection"; readonly isTls: boolean }
  /** What TLS is spoken with from now on. */
  | { readonly bk: "tls"; readonly material: TlsMaterial }
  /** Say that nothing more is to come. */
  | { readonly bk: "unready" }
  /** Take nothing new, finish what runs, end. */
  | { readonly bk: "drain" }
  | { readonly bk: "log-level"; readonly level: LogLevel }
  | { readonly bk: "reload" }
  /** Do a piece of upkeep, as the user that this process is. */
  | { readonly bk: "upkeep"; readonly task: UpkeepTask }
  /** It is to tell something. */
  | { readonly bk: "tell"; readonly id: number; readonly kind: GatheredKind }
  /** What all processes tell, which it asked for. */
  | { readonly bk: "gathered"; readonly id: number; readonly gathered: Gathered };

const kinds: ReadonlySet<unknown> = new Set([
  "ready",
  "beat",
  "taken",
  "faulty",
  "roll",
  "reload",
  "gather",
  "part",
  "last",
  "connection",
  "tls",
  "unready",
  "log-level",
  "drain",
  "upkeep",
  "tell",
  "gathered",
]);

/** Others use the same channel: libraries of the app. */
export function isMessage(message: unknown): message is FromWorker | ToWorker {
  return typeof message === "object" && message !== null && kinds.has((message as { bk?: unknown }).bk);
}
