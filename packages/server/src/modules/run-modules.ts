// Starts the modules of a server with what it lends them: a cache and a bus in this process where none is given.

import type { MasterKey } from "@bk/auth";
import type { Cache } from "@bk/cache";
import type { Log } from "@bk/core";
import type { BackendModule } from "@bk/modules";
import { openPubSub, type PubSub } from "@bk/queue";
import { openCache } from "@bk/cache";

import type { Dispatching } from "./endpoint-routes.js";
import { endpointMap } from "./endpoint-map.js";
import { type Lent, moduleHost } from "./host.js";
import { moduleConfig, type SettingsSource } from "./module-config.js";
import { type JobsOptions, moduleJobs } from "./module-jobs.js";
import { type RunningModules, startModules } from "./start-modules.js";

/** What of a server's options modules depend on. */
export interface RunOptions {
  readonly modules: readonly BackendModule[];
  readonly bus: string | PubSub | undefined;
  readonly settings: SettingsSource | undefined;
  readonly jobs: JobsOptions | false | undefined;
  /** How long one may take to end. */
  readonly shutdownMs: number;
}

export interface RunWith extends Pick<Lent, "db" | "sessions" | "policy" | "rules" | "folder"> {
  readonly cache: Cache | undefined;
  readonly masterKey: MasterKey | undefined;
  readonly dispatchedBy: () => Dispatching;
  readonly log: Log;
  /** What ends with the server, the last first. */
  readonly open: (() => Promise<void>)[];
}

const noModules: RunningModules = {
  endpoints: endpointMap([]),
  hooks: [],
  jobs: undefined,
  drain: () => undefined,
  close: () => Promise.resolve(),
};

export async function runModules(
  options: RunOptions,
  { cache: given, dispatchedBy, open, log, ...lent }: RunWith,
): Promise<RunningModules> {
  const { modules, settings, shutdownMs } = options;
  if (modules.length === 0) return noModules;
  const cache = given ?? (await cacheOf("local:", log, open))!;
  const bus = await busOf(options.bus, log, open);
  const jobs = moduleJobs(options.jobs ?? {}, { cache, bus, log, closeTimeoutMs: shutdownMs });
  const host = moduleHost({ ...lent, cache, bus, log, hasAccounts: modules.some(({ name }) => name === "accounts") });
  const running = await startModules(modules, host, {
    own: (module) => ({ config: moduleConfig(module, settings), jobs: jobs.of(module.name) }),
    dispatchedBy,
    jobs,
    closeMs: shutdownMs,
  });
  open.push(running.close);
  open.push(() => jobs.close());
  await jobs.work();
  return running;
}

/** The cache of the options, if there is one; its own ends with the server. */
export async function cacheOf(given: string | Cache | undefined, log: Log, open: (() => Promise<void>)[]): Promise<Cache | undefined> {
  if (typeof given !== "string") return given;
  const cache = await openCache(given, { log });
  open.push(() => cache.close());
  return cache;
}

async function busOf(given: string | PubSub = "local:", log: Log, open: (() => Promise<void>)[]): Promise<PubSub> {
  if (typeof given !== "string") return given;
  const bus = await openPubSub(given, { log });
  open.push(() => bus.close());
  return bus;
}
