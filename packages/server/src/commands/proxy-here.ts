// Passes requests on in this process, which a primary started: to other servers, and the rest to the web processes. No code of the app runs in it, and
// no database is opened.

import { HttpError, notFound, plainResponse } from "../error-response.js";
import { jsonReply } from "../json-reply.js";
import { listen } from "../listen.js";
import { accessLogOf } from "../logging/access-options.js";
import { measureProcess } from "../metrics/process-metrics.js";
import { measureProxied } from "../metrics/proxy-metrics.js";
import { overload } from "../middleware/overload.js";
import { tlsRedirect } from "../middleware/tls-redirect.js";
import { watchStuck } from "../processes/watch-stuck.js";
import { createProxy } from "../proxy/proxy.js";
import type { ProxyOptions } from "../proxy/proxy-options.js";
import { ownPaths } from "../proxy/targets.js";
import { secureTest } from "../request/scheme.js";
import type { Configuration } from "../settings/configuration.js";
import { proxyOf } from "../settings/read-proxy.js";
import { limitsOf } from "../settings/read-settings.js";
import { tlsEndOf } from "./certificates.js";
import { processLog } from "./process-log.js";
import { processMetrics } from "./process-metrics.js";
import { finishOnFault, follow, idleMs, reloader, stopSignals, stuckAfterMs, supervision } from "./process-parts.js";
import { upkeep } from "./upkeep.js";

/** The name of the target that the server's own web processes are. */
const own = "bk";

/** The promise does not resolve: the process ends when it is told to. */
export async function proxyHere(configuration: Configuration): Promise<void> {
  const { config, limits } = configuration;
  const processed = processLog(configuration);
  const { log, level } = processed;
  const stop = stopSignals();
  let isReady = true;
  const unready = (): void => void (isReady = false);
  const { metrics, tell, onFault } = processMetrics(configuration, log);
  const supervised = supervision(configuration, {
    drain: stop.now,
    reload: reloader(config, processed),
    logLevel: level.set,
    unready,
    tell,
    onFault,
    upkeep: (task) => upkeep(task, configuration, log),
  });
  const isMeasured = config.get("metrics");
  if (isMeasured) {
    measureProcess(metrics);
    processed.measure(metrics);
  }
  const guard = overload({ ...limits, maxUtilization: limits.maxUtilization / 100 });
  const { trustedProxies, tlsRedirectPort } = configuration;
  const redirect = tlsRedirectPort === undefined ? undefined : tlsRedirect(tlsRedirectPort, secureTest(trustedProxies));
  const proxy = createProxy(withOwn(proxyOf(config), configuration), {
    trustedProxies,
    networks: configuration.networks,
    overload: guard,
    redirect,
    own,
    access: accessLogOf(processed.access, log),
    measure: isMeasured ? measureProxied(metrics) : undefined,
    log,
  });
  /** What is for nobody else. */
  const answer = (request: Request): Response => {
    const path = new URL(request.url).pathname;
    if (!ownPaths.test(path)) return plainResponse(notFound("nothing is served at this path"));
    return isReady || path !== "/health/ready" ? jsonReply("{}") : plainResponse(new HttpError("unavailable", "the server is ending"));
  };
  const tls = await tlsEndOf(configuration, supervised, log);
  const from = supervised === undefined ? undefined : { url: config.get("front-url")!, accept: supervised.accept };
  const listener = await listen(answer, { port: configuration.port, host: configuration.host, from, tls }, limits, log, { proxy });
  follow(config, processed);
  config.onChange(() => listener.setLimits(limitsOf(config)));
  finishOnFault(processed, stop, supervised);
  supervised?.ready();
  watchStuck(stuckAfterMs);
  log.info(`${await stop.asked}: finishing what runs`);
  unready();
  supervised?.close();
  await listener.close(limitsOf(config).shutdownMs, idleMs);
  proxy.close();
  guard?.close();
  await config.close();
  if (isMeasured) await supervised?.last(await metrics.collect());
  await processed.close();
  process.exit(0);
}

/** The targets of the settings, and behind them the server's own web processes, which have limits of their own. */
function withOwn(given: ProxyOptions | undefined, { config, limits }: Configuration): ProxyOptions {
  const { targets, ...others } = given ?? { targets: [] };
  const path = config.get("web-socket-path");
  if (path === undefined) return { ...others, targets };
  const takesAll = targets.some((target) => target.host === undefined && target.path === undefined);
  const ofOwn = {
    name: own,
    to: [`unix:${path}`],
    path: takesAll ? ownPaths : /^/,
    limits: { timeoutMs: 0, maxConnections: limits.maxConnections, maxBodyBytes: Number.MAX_SAFE_INTEGER },
  };
  return { ...others, targets: [...targets, ofOwn] };
}
