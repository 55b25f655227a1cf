// The server of a configuration, with its modules: for processes that serve, and those that run the jobs of modules.

import type { SystemOptions } from "@bk/modules";
import type { Queue } from "@bk/queue";

import type { MetricsOptions } from "../metrics/served-metrics.js";
import { sampleTables } from "../sample-tables.js";
import { type BkServer, createServer } from "../server.js";
import type { Configuration } from "../settings/configuration.js";
import { databaseOf, masterKeyOf, tokenKeyOf } from "../settings/home.js";
import { loadModules } from "../settings/load-modules.js";
import { loadTables } from "../settings/load-tables.js";
import { proxyOf } from "../settings/read-proxy.js";
import { version } from "../version.js";
import { withNeeded } from "./all-modules.js";
import { isSample } from "./announce.js";
import { namingDatabase } from "./open-database.js";
import type { ProcessLog } from "./process-log.js";
import { sharedUrl } from "./process-parts.js";
import { resetMails } from "./reset-mails.js";
import { serverJobs } from "./server-jobs.js";

export interface Making {
  /** What admins may do to this process and those beside it. */
  readonly system: Pick<SystemOptions, "processes" | "reload" | "restart">;
  /** Somebody started this process, who keeps what such processes share. */
  readonly isShared: boolean;
  /** A job goes on past its time. */
  readonly onStuck: () => void;
  /** Undefined where nothing is measured. */
  readonly metrics: MetricsOptions | undefined;
}

export interface MadeServer extends Pick<BkServer, "db" | "listen" | "setLimits" | "unready"> {
  /** Names of the tables that the data API serves. */
  readonly tables: readonly string[];
  /** Queues that this process alone has. */
  readonly ownQueues: readonly Queue[];
  /** Those that all processes reach. */
  readonly sharedQueues: readonly Queue[];
  readonly runsJobs: boolean;
  close(options?: { readonly idleMs?: number }): Promise<void>;
}

/** @throws SettingsError, and what `createServer` throws */
export async function makeServer(configuration: Configuration, { log, level, access }: ProcessLog, making: Making): Promise<MadeServer> {
  const { config } = configuration;
  // Where several processes serve, those who share the port share what they know, too.
  const shared = making.isShared ? sharedUrl(configuration) : undefined;
  const cache = configuration.cache ?? shared;
  const bus = configuration.bus ?? shared;
  const { tables, moduleRules } =
    configuration.tables === undefined
      ? { tables: isSample(configuration) ? sampleTables : {}, moduleRules: {} }
      : await loadTables(configuration.tables);
  const own = await loadModules(configuration, log);
  if (own.failure !== undefined) throw own.failure;
  const jobs = await serverJobs(configuration, log, making.onStuck);
  const made: { server?: BkServer } = {};
  const system = {
    app: `bk-server/${version}`,
    logLevel: level,
    params: () => paramsOf(config),
    ...jobs.system(() => made.server!),
    ...making.system,
  };
  const modules = withNeeded(own.modules, configuration, system, jobs.push);
  const masterKey = masterKeyOf(configuration);
  const isBehindProxy = config.get("behind-proxy");
  const proxy = isBehindProxy ? undefined : proxyOf(config);
  const mails = await resetMails(configuration, log);
  const end = async (): Promise<void> => {
    await mails?.close();
    await jobs.close();
  };
  const db = databaseOf(configuration);
  const server = await namingDatabase(configuration, () =>
    createServer({
      db,
      tables,
      modules,
      moduleRules,
      moduleSettings: config as never,
      jobs: jobs.ofModules,
      masterKey,
      home: configuration.home,
      ...(cache === undefined ? {} : { cache }),
      ...(bus === undefined ? {} : { bus }),
      tokenKey: tokenKeyOf(configuration, masterKey),
      ...(configuration.cors === undefined ? {} : { cors: configuration.cors }),
      // Packed files would be as old as they are.
      ...(configuration.static === undefined ? {} : { static: { ...configuration.static, precompressed: !configuration.development } }),
      // Each process would be another state of the pages.
      liveReload: configuration.development && config.get("workers") <= 1,
      ...(configuration.locales === undefined ? {} : { locales: configuration.locales }),
      messageKeys: { scheme: configuration.signatureScheme },
      trustedProxies: configuration.trustedProxies,
      behindOwnProxy: isBehindProxy,
      tlsRedirectPort: configuration.tlsRedirectPort,
      ...(proxy === undefined ? {} : { proxy }),
      auth: { rules: { networks: configuration.networks } },
      login: {
        ...(mails === undefined ? {} : { mail: mails.mail }),
        ...(configuration.loginRedirect === undefined ? {} : { redirect: configuration.loginRedirect }),
        ...(configuration.sessionDomain === undefined ? {} : { sessionDomain: configuration.sessionDomain }),
      },
      ...(making.metrics === undefined ? {} : { metrics: making.metrics }),
      accessLog: access,
      limits: configuration.limits,
      log,
    }),
  ).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  made.server = server;
  return {
    ownQueues: [...(mails === undefined ? [] : [mails.queue]), ...(jobs.isShared ? [] : jobs.queues)],
    sharedQueues: jobs.isShared ? jobs.queues : [],
    runsJobs: (jobs.runsHere && server.jobNames.length > 0) || (jobs.push?.work ?? false) !== false,
    db: server.db,
    tables: Object.keys(tables),
    listen: server.listen,
    setLimits: server.setLimits,
    unready: server.unready,
    async close(options) {
      await server.close(options);
      await end();
    },
  };
}

/** Every setting and what holds, without secrets. */
function paramsOf(config: Configuration["config"]): Record<string, unknown> {
  return Object.fromEntries(config.list().map(({ name, text }) => [name, text]));
}
