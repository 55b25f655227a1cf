// Serves in this process, which may be one of several that a primary started.

import { setTimeout as sleep } from "node:timers/promises";

import { BkError } from "@bk/core";

import { liveLimits } from "../limits.js";
import type { AsChild } from "../processes/as-child.js";
import { openPorts, type Places } from "../processes/ports.js";
import { become, giveFolder, ownerOf } from "../processes/privileges.js";
import { serviceManager } from "../processes/service-manager.js";
import { watchStuck } from "../processes/watch-stuck.js";
import { varFolder } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { limitsOf } from "../settings/read-settings.js";
import { logFailedJobs } from "../logging/failed-jobs.js";
import { kebab } from "../settings/limit-settings.js";
import { version } from "../version.js";
import { announce } from "./announce.js";
import { attachable } from "./attach.js";
import { type Certificates, certificatesOf, tlsEndOf } from "./certificates.js";
import { makeServer } from "./make-server.js";
import { processLog, type ProcessLog } from "./process-log.js";
import {
  control,
  fleetOf,
  finishOnFault,
  follow,
  idleMs,
  reloader,
  type StopSignals,
  stopSignals,
  stuckAfterMs,
  supervision,
} from "./process-parts.js";
import { measureJobs, measureQueues } from "../metrics/work-metrics.js";
import { familiesOf } from "../metrics/metrics.js";
import { logWatch } from "./log-watch.js";
import { listenedMetrics, processMetrics } from "./process-metrics.js";
import { beginUpkeep, upkeep } from "./upkeep.js";
import { whenFree } from "./when-free.js";

/** Serves in this process; the promise resolves when it was told to stop and everything is closed. */
export async function serveHere(configuration: Configuration): Promise<void> {
  const { config } = configuration;
  const processed = processLog(configuration);
  const { log, level } = processed;
  const reload = reloader(config, processed, () => certificates?.reload());
  const stop = stopSignals();
  const measured = processMetrics(configuration, log);
  // What it cannot do is said before anything is served.
  logWatch(configuration);
  const supervised = supervision(configuration, {
    drain: stop.now,
    reload,
    logLevel: level.set,
    unready: () => unready(),
    tell: measured.tell,
    onFault: measured.onFault,
    upkeep: (task) => upkeep(task, configuration, log),
  });
  const certificates = supervised === undefined ? certificatesOf(configuration, log) : undefined;
  let unready = (): void => undefined;
  const metrics = measured.served(supervised);
  if (metrics !== undefined) processed.measure(measured.metrics);
  const server = await stop.starting(
    makeServer(configuration, processed, {
      isShared: supervised !== undefined,
      onStuck: () => stop.now("a job that goes on past its time"),
      metrics,
      system: {
        ...(supervised === undefined ? {} : { processes: measured.stats(supervised) }),
        reload() {
          // The others of this server, too.
          supervised?.send({ bk: "reload" });
          certificates?.reload();
          return config.reload();
        },
        ...(supervised === undefined ? {} : { restart: () => supervised.send({ bk: "roll" }) }),
      },
    }),
  );
  if (metrics !== undefined) measureQueues(measured.metrics, server.ownQueues, false);
  if (metrics !== undefined && server.runsJobs) measureJobs(measured.metrics);
  if (server.runsJobs) logFailedJobs(log);
  let shell: { close(): void } | undefined;
  let listener: { close(): void } | undefined;
  try {
    const tls = await tlsEndOf(configuration, supervised ?? certificates, log);
    const ports = certificates === undefined ? undefined : await whenFree(() => openPorts(configuration.places, log), log);
    const where = {
      port: configuration.port,
      host: configuration.host,
      from: supervised === undefined ? ports : { url: config.get("front-url")!, accept: supervised.accept },
      tls,
    };
    const { url } = await whenFree(() => server.listen(where), log);
    const owner = supervised === undefined ? ownerOf({ uid: config.get("uid"), gid: config.get("gid") }) : undefined;
    if (supervised === undefined) listener = await listenedMetrics(configuration, () => familiesOf(measured.metrics), log, owner);
    if (owner !== undefined) {
      giveFolder(varFolder(configuration.home), owner);
      become(owner);
    }
    shell = await attachable(configuration, log, { db: server.db, config, tables: server.tables, log });
    follow(config, processed);
    config.onChange((changed) => {
      const limits = limitsOf(config);
      const changes = Object.fromEntries(liveLimits.filter((name) => changed.has(kebab(name))).map((name) => [name, limits[name]]));
      server.setLimits(changes);
    });
    const end =
      supervised === undefined
        ? await beginAlone(configuration, processed, ports ?? { url }, { reload, stop, certificates })
        : beginSupervised(supervised);
    unready = server.unready;
    finishOnFault(processed, stop, supervised);
    log.info(`${await stop.asked}: finishing what runs`);
    server.unready();
    await end();
  } finally {
    shell?.close();
    listener?.close();
    supervised?.close();
    certificates?.close();
    await server.close(supervised === undefined ? {} : { idleMs });
    if (metrics !== undefined) await supervised?.last(await measured.metrics.collect());
    await processed.close();
  }
  // What an app or a library left open keeps no process that was told to end.
  if (supervised !== undefined) process.exit(0);
}

interface Beginning {
  readonly reload: () => void;
  readonly stop: StopSignals;
  readonly certificates: Certificates | undefined;
}

/** Says that it serves, and listens to commands; what is given back ends that, once load balancers may have noticed. */
async function beginAlone(
  configuration: Configuration,
  { log, level }: ProcessLog,
  at: Places,
  { reload, stop, certificates }: Beginning,
): Promise<() => Promise<void>> {
  const startedAt = Date.now();
  const cannotRestart = (): void => log.warn("a server that serves alone is not restarted; see --workers");
  // Of a server in a terminal it says that the terminal is gone.
  if (!process.stdout.isTTY) process.on("SIGHUP", reload);
  process.on("SIGUSR2", cannotRestart);
  const fleet = await fleetOf(configuration, log, {
    reload,
    restart: cannotRestart,
    logLevel: level.set,
  });
  const controlled = await control(configuration, log, {
    status: () => ({ version, pid: process.pid, url: at.url, plainUrl: at.plainUrl, startedAt, processes: [] }),
    restart: () =>
      Promise.reject(new BkError("unsupported", "a server that serves alone cannot be restarted without an interruption; see --workers")),
    reload: async () => [...(await configuration.config.reload()), ...(certificates?.reload() ?? [])],
    stop: () => stop.now("a command"),
    kill() {
      throw new BkError("unsupported", "a server that serves alone has no processes to end; see stop, and --workers");
    },
  });
  const endUpkeep = beginUpkeep(configuration, (task) => upkeep(task, configuration, log));
  announce(configuration, at, log);
  const manager = serviceManager(log);
  manager.ready(`serves at ${at.url}`);
  return async () => {
    manager.stopping();
    await sleep(configuration.config.get("drain-delay"));
    await fleet?.close();
    controlled?.close();
    endUpkeep();
  };
}

/** Says that it serves, and is watched to its end. The primary waits for load balancers itself. */
function beginSupervised(supervised: AsChild): () => Promise<void> {
  supervised.ready();
  watchStuck(stuckAfterMs);
  return () => Promise.resolve();
}
