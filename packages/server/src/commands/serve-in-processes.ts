// The primary of several processes: it keeps them running, and what they share.

import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { openCache } from "@bk/cache";
import { openPubSub } from "@bk/queue";

import { invalidSetting } from "../config/errors.js";
import type { PrivateSocket } from "../processes/private-socket.js";
import type { FromWorker, ToWorker } from "../processes/messages.js";
import { Metrics } from "../metrics/metrics.js";
import type { MetricsListener } from "../metrics/metrics-listener.js";
import { measureProcess } from "../metrics/process-metrics.js";
import type { Child } from "../processes/child.js";
import { beginUpkeep } from "./upkeep.js";
import { Gatherer } from "../processes/gather.js";
import { Front } from "../processes/front.js";
import { localSocket } from "../processes/local-socket.js";
import { ownArguments, withArguments } from "../processes/own-arguments.js";
import { Pool, type PoolOptions, StartFailed } from "../processes/pool.js";
import type { Places } from "../processes/ports.js";
import { watchFolders } from "../processes/watch-folders.js";
import { giveFolder, ownerOf } from "../processes/privileges.js";
import { serviceManager } from "../processes/service-manager.js";
import { masterKeyOf, varFolder } from "../settings/home.js";
import { proxyOf } from "../settings/read-proxy.js";
import { limitsOf } from "../settings/read-settings.js";
import type { Configuration } from "../settings/configuration.js";
import { version } from "../version.js";
import { announce, announceUrl } from "./announce.js";
import { attachable } from "./attach.js";
import { certificatesOf } from "./certificates.js";
import { logWatch } from "./log-watch.js";
import { listenedMetrics } from "./process-metrics.js";
import { processLog } from "./process-log.js";
import { whenFree } from "./when-free.js";
import { control, fleetOf, follow, reloader, sharedUrl, stopSignals } from "./process-parts.js";
import { needsServer } from "./server-jobs.js";

/** Beyond what requests and jobs get to finish. */
const graceMs = 5000;
/** Pages of a folder that is made while somebody works, and templates. */
const sourcesAndPages = /\.(?:[cm]?[jt]s|json|html|css)$/;

/** Serves in processes of its own; the promise resolves when all have ended, with the exit code. */
export async function serveInProcesses(configuration: Configuration): Promise<number> {
  const { config } = configuration;
  const processed = processLog(configuration);
  const { log, level } = processed;
  const owner = ownerOf({ uid: config.get("uid"), gid: config.get("gid") });
  const jobWorkers = config.get("job-workers");
  const watched = configuration.watch;
  // What is watched is started anew beside the old one.
  const webWorkers = Math.max(config.get("workers"), watched.length > 0 ? 1 : 0);
  const proxyWorkers = config.get("proxy-workers");
  // What is wrong with it is told before anything starts.
  if (proxyOf(config) === undefined && proxyWorkers > 0 && webWorkers === 0)
    throw invalidSetting("proxy-workers", "proxy-workers needs servers to pass requests on to, such as proxy-reverse, or workers");
  const workersServe = needsServer(configuration);
  if (jobWorkers > 0) {
    if (!config.has("jobs") && !workersServe)
      throw invalidSetting("jobs", "job-workers needs jobs, modules of the app that have some, or messages to devices");
    if (!config.has("queue")) throw invalidSetting("queue", "job-workers needs queue");
  }
  logWatch(configuration);
  // Read here, as root where that is who starts the server; the processes are told.
  const certificates = webWorkers + proxyWorkers === 0 ? undefined : certificatesOf(configuration, log);
  // Of several that start at once each would make a key.
  masterKeyOf(configuration);
  // What they share outlives each of them here.
  const url = sharedUrl(configuration);
  const shared = webWorkers === 0 && !workersServe ? [] : [await openCache(url, { log }), await openPubSub(url, { log })];
  if (owner !== undefined) giveFolder(varFolder(configuration.home), owner);
  const stop = stopSignals();
  let code = 0;
  let controlled: PrivateSocket | undefined;
  let shell: { close(): void } | undefined;
  let fleet: Awaited<ReturnType<typeof fleetOf>>;
  const manager = serviceManager(log);
  const startedAt = Date.now();
  const restartAll = async (why: string, role?: string): Promise<void> => {
    await Promise.all(pools.filter((pool) => role === undefined || pool.role === role).map((pool) => pool.roll(why)));
  };
  const restart = (why: string): void => void restartAll(why).catch((error: unknown) => log.error((error as Error).message));
  const reload = reloader(config, processed, () => certificates?.reload());
  const tellAll = (message: ToWorker): void => {
    for (const pool of pools) pool.send(message);
  };
  const reloadAll = (): void => {
    reload();
    tellAll({ bk: "reload" });
  };
  const metrics = new Metrics();
  const gatherer = new Gatherer(() => metrics.collect());
  const onMessage = (message: FromWorker, child: Child): void => {
    if (message.bk === "roll") restart("an admin asked for it");
    if (message.bk === "reload") reloadAll();
    if (message.bk === "gather") {
      const { id, kind } = message;
      void gatherer.gather(kind).then((gathered) => child.send({ bk: "gathered", id, gathered }));
    }
  };
  const options = (role: string, size: number): Omit<PoolOptions, "launch"> => ({
    role,
    size,
    log,
    throttle: { firstMs: config.get("restart-delay"), maxRestarts: config.get("max-restarts") },
    readyMs: config.get("ready-timeout"),
    endMs: () => limitsOf(config).shutdownMs + graceMs,
    silentMs: config.get("stuck-after"),
    maxRss: config.get("max-worker-memory"),
    maxFiles: config.get("max-worker-files"),
    onMessage,
    onStarted(child, slot) {
      gatherer.add(`${role}-${slot}`, child);
      if (certificates !== undefined && front.pool.role === role) child.send({ bk: "tls", material: certificates.material });
    },
    onGivenUp: () => {
      code = 1;
      stop.now("processes that end again and again");
    },
  });
  let at: Places | undefined;
  const behind = proxyWorkers > 0 && webWorkers > 0 ? await localSocket(owner) : undefined;
  const launch = (role: string, ...others: string[]): ChildProcess =>
    fork(process.argv[1]!, {
      env: withArguments([...ownArguments, `--role=${role}`, ...(at === undefined ? [] : [`--front-url=${at.url}`]), ...others]),
    });
  const web = new Pool({
    ...options("web", webWorkers),
    launch: () => launch("web", `--behind-proxy=${behind !== undefined}`),
    onReady: () => webFront.ready(),
  });
  const work = new Pool({ ...options("worker", jobWorkers), launch: () => launch("worker") });
  const proxies = new Pool({
    ...options("proxy", proxyWorkers),
    launch: () => launch("proxy", ...(behind === undefined ? [] : [`--web-socket-path=${behind.path}`])),
    onReady: () => front.ready(),
  });
  const webFront = new Front(web);
  /** What has the port. */
  const front = proxyWorkers > 0 ? new Front(proxies) : webFront;
  const pools = [web, work, proxies];
  certificates?.onTls((material) => front.pool.send({ bk: "tls", material }));
  if (config.get("metrics")) {
    measureProcess(metrics);
    processed.measure(metrics);
    measureRestarts(metrics, pools);
  }
  let listener: MetricsListener | undefined;
  let endUpkeep = (): void => undefined;
  const saved = new EventEmitter();
  // Files that are sent as they are need no other process.
  const watching = watchFolders(
    watched,
    (file) => {
      saved.emit("file");
      restart(`${file} changed`);
    },
    configuration.development ? { except: configuration.static?.roots ?? [], matches: sourcesAndPages } : {},
  );
  /** Somebody at work does not start the server again and again: what is saved next does. */
  const start = async (pool: Pool): Promise<void> => {
    while (true) {
      try {
        return await pool.start();
      } catch (error) {
        if (watched.length === 0 || !(error instanceof StartFailed)) throw error;
        log.error(`${error.message}; it is tried again when a file changes`);
        await once(saved, "file");
      }
    }
  };
  process.on("exit", () => pools.forEach((pool) => pool.kill()));
  process.on("SIGUSR2", () => restart("SIGUSR2"));
  // Of a server in a terminal it says that the terminal is gone.
  if (!process.stdout.isTTY) process.on("SIGHUP", reloadAll);
  try {
    listener = await listenedMetrics(configuration, () => gatherer.families(), log, owner);
    if (webWorkers + proxyWorkers > 0) at = await whenFree(() => front.ports.listen(configuration.places, log), log);
    if (behind !== undefined) {
      await webFront.ports.listenAtPath(behind.path, log);
      behind.give();
    }
    const started = await Promise.race([Promise.all(pools.map(start)), stop.asked]);
    if (typeof started !== "string") {
      shell = await attachable(configuration, log, { config, pools, log });
      follow(config, processed);
      config.onChange((changed) => {
        // New processes begin with what holds now.
        if (config.get("config-auto-restart") && [...changed].some((name) => config.explain(name)?.live === false))
          restart("the configuration changed");
      });
      controlled = await control(configuration, log, {
        status: () => ({
          version,
          pid: process.pid,
          url: at?.url,
          plainUrl: at?.plainUrl,
          startedAt,
          processes: pools.flatMap((pool) => pool.states),
        }),
        restart: (role) => restartAll("somebody asked for it", role),
        async reload() {
          processed.reopen();
          tellAll({ bk: "reload" });
          return [...(await config.reload()), ...(certificates?.reload() ?? [])];
        },
        stop: () => stop.now("a command"),
        kill(role) {
          log.warn(`a command ends the ${role} processes`);
          return pools.flatMap((pool) => (pool.role === role ? pool.interrupt() : []));
        },
      });
      fleet = await fleetOf(configuration, log, {
        reload: reloadAll,
        restart: () => restart("a command to the fleet"),
        logLevel(wanted) {
          level.set(wanted);
          tellAll({ bk: "log-level", level: wanted });
        },
      });
      // By one of the processes: the primary may be root's. By the same one each time, which knows whether it is still at it.
      endUpkeep = beginUpkeep(configuration, (task) => (web.first ?? work.first ?? proxies.first)?.send({ bk: "upkeep", task }));
      log.info(`${webWorkers} web, ${proxyWorkers} proxy and ${jobWorkers} job processes`);
      if (at === undefined) process.stdout.write("bk-server runs jobs\n");
      else if (webWorkers === 0) announceUrl(at);
      else announce(configuration, at, log);
      manager.ready(at === undefined ? "runs jobs" : `serves at ${at.url}`);
    }
    log.info(`${await stop.asked}: ending the processes`);
    manager.stopping();
    tellAll({ bk: "unready" });
    await sleep(config.get("drain-delay"));
  } catch (error) {
    // The process that ended has said why.
    if (!(error instanceof StartFailed)) throw error;
    code = error.exitCode;
  } finally {
    shell?.close();
    watching.close();
    certificates?.close();
    front.close();
    controlled?.close();
    listener?.close();
    endUpkeep();
    await fleet?.close();
    // What they have taken the web processes still have to answer.
    await proxies.end();
    webFront.close();
    await Promise.all(pools.map((pool) => pool.end()));
    behind?.remove();
    for (const each of shared) await each.close();
    await processed.close();
  }
  return code;
}

function measureRestarts(metrics: Metrics, pools: readonly Pool[]): void {
  metrics.read({
    name: "bk_process_restarts_total",
    help: "Processes that ended and were started again, by slot",
    type: "counter",
    labels: ["role", "slot"],
    read: () => pools.flatMap((pool) => pool.slots.map(({ number, restarts }) => [[pool.role, String(number)], restarts] as const)),
  });
}
