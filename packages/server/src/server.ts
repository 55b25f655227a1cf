import { join } from "node:path";

import { type AccountStore, authTables, type AuthOptions, createAuth, type MasterKey, passwordPolicy, type RateRule } from "@bk/auth";
import { rowRules, type RowRulesOptions } from "@bk/auth/row-rules";
import type { Cache } from "@bk/cache";
import { BkError, type Log, silentLog } from "@bk/core";
import type { Db, OpenOptions, TableDefinitions } from "@bk/db";
import type { BackendModule, Hook } from "@bk/modules";
import type { PubSub } from "@bk/queue";
import type { Hono } from "hono";

import { createApp, openPaths, resetPaths } from "./app.js";
import { attemptsOf, noncesOf, ratesOf } from "./counts.js";
import { controlReader } from "./data/controls.js";
import type { ServedDb } from "./data/served-db.js";
import { servedTables } from "./data/served-table.js";
import { liveReload } from "./dev/live-reload.js";
import { serverHealth } from "./health.js";
import { hookMap } from "./hooks/hook-map.js";
import { secretNames } from "./hooks/private-names.js";
import { runHooks } from "./hooks/run-hooks.js";
import type { Dispatching } from "./modules/endpoint-routes.js";
import type { SettingsSource } from "./modules/module-config.js";
import { type JobCalls, jobCalls, type JobsOptions } from "./modules/module-jobs.js";
import { moduleRules, type RulesByTable } from "./modules/module-rules.js";
import { refusalWatch } from "./modules/refusal-watch.js";
import { cacheOf, runModules } from "./modules/run-modules.js";
import { type RunningModules, tablesOfModules } from "./modules/start-modules.js";
import { type LocalesGiven, localesOf } from "./locales/locales.js";
import { type AccessLogOptions, accessLogOf } from "./logging/access-options.js";
import { listen, type Listener, type ListenOptions } from "./listen.js";
import { changesOf, defaultLimits, type LiveLimits, type ServerLimits } from "./limits.js";
import { loginContext, type LoginSettings, sessionStoreOf } from "./login-setup.js";
import { type CorsOptions, originsWithCookies } from "./middleware/cors.js";
import { loginRedirect } from "./middleware/login-redirect.js";
import { databaseOf } from "./opened-database.js";
import { overload } from "./middleware/overload.js";
import { defaultRates } from "./middleware/rate-limit.js";
import { tlsRedirect } from "./middleware/tls-redirect.js";
import { type MessageKeySettings, messageKeys } from "./message-keys.js";
import { ownAccounts } from "./own-accounts.js";
import { type MetricsOptions, type ServedMetrics, servedMetrics } from "./metrics/served-metrics.js";
import type { Fetch } from "./request/fetch.js";
import { addressByOwnProxy, clientAddress } from "./request/client-address.js";
import { secureTest } from "./request/scheme.js";
import { Uploads } from "./request/upload.js";
import type { ServerContext, ServerEnv } from "./routes/server-context.js";
import { masterKeyOf } from "./settings/home.js";
import { staticFiles } from "./static/static-files.js";
import type { StaticOptions } from "./static/static-options.js";
import type { ProxyOptions } from "./proxy/proxy-options.js";
import { openProxy, type Proxy } from "./proxy/proxy.js";
import { type View, type ViewOptions, views } from "./static/view.js";
import { rulesWith } from "./server-rules.js";
import { webSockets } from "./sockets/web-sockets.js";

/** Signatures in headers that only read may hold this long. */
const headerLifetimeMs = 15 * 60_000;

export interface ServerOptions {
  /** A database URL, the pools of `openDb`, or a database that is open already (its tables must hold `authTables` unless `accounts` is given). */
  readonly db: string | { readonly pools: NonNullable<OpenOptions["pools"]> } | Db;
  /** The tables that the data API serves. They are made where they are missing. Default none. */
  readonly tables?: TableDefinitions;
  /**
   * Rules by rows of the tables of modules, by table: `{ bk_account: { read: { city: "$account.city" } } }`. What a module does for a caller is
   * within them, beside what the module says itself. Default none.
   */
  readonly moduleRules?: RulesByTable;
  /** Features to serve beside the data API, such as `accounts()` of `@bk/modules`. Their tables are made where they are missing. Default none. */
  readonly modules?: readonly BackendModule[];
  /** Where settings of modules come from. Default: their defaults hold. */
  readonly moduleSettings?: SettingsSource;
  /** Where jobs of modules wait, and whether they run here. Default: in this process. `false`: modules cannot submit any. */
  readonly jobs?: JobsOptions | false;
  /**
   * What modules tell each other by, on all servers that share the work: the URL of a pub/sub of `@bk/queue`, or one that is open
   * already, which stays open. Default: this process alone.
   */
  readonly bus?: string | PubSub;
  /**
   * Encrypts the accounts' secrets: 32 characters or more. Default: the environment's BK_MASTER_KEY, else the key in
   * `home`/var/master.key, which is made at first use. Not used where `accounts` is given.
   */
  readonly masterKey?: MasterKey;
  /** The folder with the master key, and under `var` what modules keep outside of the database; default the current one. */
  readonly home?: string;
  /** Where accounts come from; default the table `bk_auth` of the database. */
  readonly accounts?: AccountStore;
  /** Fields that these have beside the columns of `bk_auth`, for the rules of tables to name as `$account.FIELD`. Default: none. */
  readonly accountFields?: RowRulesOptions["accountFields"];
  /**
   * A cache that servers which share the work share too: the URL of one of `@bk/cache`, or one that is open already, which stays open.
   *
   * Failed attempts are counted in it, used signatures are kept in it where it is of several processes and drops nothing that has not
   * expired, and tables with the setting `cached` are read through it (not with an open database, which has a cache of its own or none).
   * Default: none.
   */
  readonly cache?: string | Cache;
  /**
   * Further settings of `createAuth`. Used signatures (`nonces`) are kept in the database by default; `attempts` are limited by
   * `limits.maxAttempts` in this process; both in `cache` where there is one.
   */
  readonly auth?: Omit<AuthOptions, "accounts">;
  /**
   * Takes requests that are signed by RFC 9421 with the keys of the table `bk_key`, which `bk-server key add` and `dbKeys` fill; `true`, or how
   * they are verified. Needs a database that is opened here, with accounts in `bk_auth`. Default `false`.
   */
  readonly messageKeys?: MessageKeySettings | boolean;
  /**
   * How people log in: `/login`, `/logout`, sessions and access tokens. Default as `LoginSettings` says; `false`: they cannot, and only
   * signatures count.
   */
  readonly login?: LoginSettings | false;
  /**
   * How often addresses, logins and accounts may ask; counted in `cache` where there is one, else by this process. Default `/login` alone,
   * 60 times a minute from an address.
   */
  readonly rateLimits?: readonly RateRule[];
  /** Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses, and networks such as `10.0.0.0/8`. Default none. */
  readonly trustedProxies?: readonly string[];
  /**
   * All connections come from a proxy of this server's own, as over a Unix socket: the last address of `X-Forwarded-For` is the client, and the id
   * of a request is the one that it has there. Default false.
   */
  readonly behindOwnProxy?: boolean;
  /** Sends requests that came without TLS to `https://` at this port of their host, health checks and challenges of ACME apart. Default: it does not. */
  readonly tlsRedirectPort?: number | undefined;
  /**
   * Requests and WebSockets that are passed on to other servers. Rules for addresses and limits of load hold for them, credentials are not looked
   * at. Works where this server listens, not in `app`. Default: none.
   */
  readonly proxy?: ProxyOptions;
  /** Seals page tokens; at least 16 characters; servers that share the work need the same. Default: a random one. Not used with an open database. */
  readonly tokenKey?: string;
  /** Lets browser pages of other origins call the server. Default: none. */
  readonly cors?: CorsOptions;
  /** Files that are sent to everybody: folders, and how. Default: none. */
  readonly static?: StaticOptions;
  /** For development: pages get a script that loads them anew when a file of `static` changes, or another process serves. Default `false`. */
  readonly liveReload?: boolean;
  /** Templates, and what makes pages of them, for `view`. Default: none. */
  readonly views?: ViewOptions;
  /**
   * What the server says, in other languages: folders of translations, or another library's. Error replies are told by their message, else by their code. Default: none.
   */
  readonly locales?: LocalesGiven;
  /** What is done beside the requests of others, such as a check before credentials or a change of rows. Default none. */
  readonly hooks?: readonly Hook[];
  /** Counts requests, calls of the database and more, and serves them as text for Prometheus at `/metrics`. Default: nothing is counted. */
  readonly metrics?: MetricsOptions;
  /** How requests are told; `false`: not at all. Default: a line each in `log`. */
  readonly accessLog?: AccessLogOptions | false;
  readonly limits?: Partial<ServerLimits>;
  readonly log?: Log;
}

export interface BkServer extends JobCalls {
  /** The Hono app: `app.fetch(request)` works without a socket, and it can be mounted in another app. */
  readonly app: Hono<ServerEnv>;
  /** The open database. */
  readonly db: Db;
  /** Gives a page of `views`. */
  readonly view: View;
  /**
   * Accepts requests.
   *
   * @returns  where: `{ url, port }`
   * @throws BkError `unavailable` when the port is taken
   */
  listen(options?: ListenOptions): Promise<{ readonly url: string; readonly port: number }>;
  /**
   * Changes limits while the server runs, for all requests from now on.
   *
   * @throws BkError `invalid` for a limit that is not one of `liveLimits`
   */
  setLimits(changes: Partial<LiveLimits>): void;
  /** From now on `/health/ready` says 503, so that a load balancer sends nothing more; requests are served all the same. */
  unready(): void;
  /**
   * Finishes running requests, then closes the database and the cache, unless they were given open.
   *
   * @param options.idleMs  how long idle connections are kept for one more request, whose client may have sent it already. Default 0
   */
  close(options?: { readonly idleMs?: number }): Promise<void>;
}

/**
 * Makes a server: opens the database, makes missing tables, and puts the data API in front of it.
 *
 * @throws BkError `invalid` for options, `drift` when stored tables cannot serve the declared ones, `unavailable` when the database is away
 */
export async function createServer(options: ServerOptions): Promise<BkServer> {
  const { tables = {}, modules = [], log = silentLog } = options;
  const limits: ServerLimits = { ...defaultLimits, ...options.limits };
  for (const name of Object.keys(tables))
    if (Object.hasOwn(authTables, name))
      throw new BkError("invalid", `tables: ${name} is the server's own; choose another name`, { detail: { field: "tables" } });
  const tablesOf = tablesOfModules(modules, { ...tables, ...authTables });
  const open: (() => Promise<void>)[] = [];
  const close = (): Promise<void> => endAll(open);
  try {
    const locales = await localesOf(options.locales, log);
    if (locales?.close !== undefined) open.push(async () => locales.close!());
    const cache = await cacheOf(options.cache, log, open);
    const { db, isOurs } = await databaseOf({ ...options, tables: { ...tables, ...tablesOf } }, limits, cache);
    if (isOurs) open.push(() => db.close());
    // Before anything is made: definitions that contradict themselves are refused.
    const ready = servedTables(tables);
    const ruleOptions = options.accountFields === undefined ? {} : { accountFields: options.accountFields };
    const tableRules = rowRules(tables, ruleOptions);
    const ofModules = moduleRules(modules, options.moduleRules ?? {}, { ...tables, ...authTables }, ruleOptions);
    for (const warning of [...tableRules.warnings, ...(ofModules?.rules.warnings ?? [])]) log.warn(`rules: ${warning}`);
    await db.sync();
    const served = db as unknown as ServedDb;
    const accounts = options.accounts ?? (await ownAccounts(db, served, masterKey(options), log));
    const { rules = {}, ...others } = options.auth ?? {};
    const sessions = await sessionStoreOf(db, isOurs, log);
    const policy =
      options.login === false || options.login?.password === undefined ? undefined : await passwordPolicy(options.login.password);
    const made: { server?: Dispatching } = {};
    const dispatchedBy = (): Dispatching => {
      if (made.server === undefined) throw new BkError("unavailable", "the server is not made yet");
      return made.server;
    };
    const running = await runModules(
      { modules, bus: options.bus, settings: options.moduleSettings, jobs: options.jobs, shutdownMs: limits.shutdownMs },
      {
        db,
        cache,
        sessions,
        policy,
        rules: ofModules,
        masterKey: options.accounts === undefined && modules.length > 0 ? masterKey(options) : undefined,
        folder: join(options.home ?? ".", "var"),
        dispatchedBy,
        log,
        open,
      },
    );
    const metrics = options.metrics === undefined ? undefined : servedMetrics(options.metrics, { db, cache });
    if (metrics !== undefined) open.push(() => Promise.resolve(metrics.close()));
    const ofOthers = [...running.hooks, ...(metrics === undefined ? [] : [{ owner: "metrics", hooks: metrics.hooks }])];
    const hooks = runHooks(hookMap([{ owner: "the app", hooks: options.hooks ?? [] }, ...ofOthers]), limits.hookTimeoutMs, log);
    open.push(() => hooks.idle());
    const attempts = others.attempts ?? (limits.maxAttempts === 0 ? undefined : attemptsOf(limits.maxAttempts, cache, log));
    const isOwn = isOurs && options.accounts === undefined;
    const login =
      options.login === false
        ? undefined
        : loginContext(options.login ?? {}, {
            accounts,
            attempts,
            store: sessions,
            own: isOwn ? { db, masterKey: masterKey(options), policy } : undefined,
            codeAttempts: cache === undefined ? undefined : attemptsOf(codesPerMinute, cache, log),
            trustedOrigins: others.trustedOrigins ?? originsWithCookies(options.cors),
            log,
          });
    if (others.messages !== undefined && options.messageKeys)
      throw new BkError("invalid", "give either messageKeys or auth.messages", { detail: { field: "messageKeys" } });
    const byKeys = messageKeys(options.messageKeys, { db, isOwn, masterKey: () => masterKey(options), log });
    if (byKeys !== undefined) open.push(() => byKeys.idle());
    const auth = createAuth({
      ...(byKeys === undefined ? {} : { messages: byKeys.messages }),
      nonces: others.nonces === undefined ? await noncesOf(db, isOurs, cache, log) : others.nonces,
      attempts,
      ...(login === undefined ? {} : { sessions: login.sessions, tokens: login.tokens, trustedOrigins: login.trustedOrigins }),
      maxLifetimeMs: { changes: limits.maxSignatureMs, header: Math.max(limits.maxSignatureMs, headerLifetimeMs) },
      ...others,
      accounts,
      maxBodyBytes: limits.maxBodyBytes,
      rules: rulesWith(rules, running.endpoints, tableRules, login?.resets === undefined ? openPaths : [...openPaths, ...resetPaths]),
    });
    if (login?.resets !== undefined) open.push(() => login.resets!.idle());
    const { endpoints } = running;
    const trustedOrigins = others.trustedOrigins ?? login?.trustedOrigins ?? [];
    let controls = controlReader(limits);
    const context: ServerContext = {
      db: served,
      tables: ready,
      rules: tableRules,
      auth,
      accounts,
      log,
      accessLog: accessLogOf(options.accessLog, log),
      limits,
      endpoints,
      people: login === undefined ? undefined : { codes: login.codes !== undefined, resets: login.resets !== undefined },
      readControls: (call, given) => controls(call, given),
      rates: ratesOf(options.rateLimits ?? defaultRates, cache, log),
      redirectToLogin: loginRedirect(options.login === false ? undefined : options.login?.redirect),
      refusesAddresses: (rules.networks ?? []).length > 0,
      watchRefusal: refusalWatch(limits.streamCheckMs, log),
      addressOf: (options.behindOwnProxy === true ? addressByOwnProxy : clientAddress)(options.trustedProxies ?? []),
      isSecure: secureTest(options.trustedProxies ?? [], options.behindOwnProxy),
      takesRequestIds: options.behindOwnProxy === true,
      trustedOrigins,
      files: options.static === undefined ? undefined : staticFiles(options.static),
      locales,
      uploads: new Uploads(join(options.home ?? ".", "var", "uploads")),
      hooks,
      secrets: secretNames({ ...tables, ...tablesOf }),
    };
    made.server = context;
    const redirect = options.tlsRedirectPort === undefined ? undefined : tlsRedirect(options.tlsRedirectPort, context.isSecure);
    const health = serverHealth(isOwn ? served : undefined);
    const { maxDelayMs, maxUtilization, maxRunning, maxHeapBytes, maxRssBytes } = limits;
    const guard = overload({ maxDelayMs, maxUtilization: maxUtilization / 100, maxRunning, maxHeapBytes, maxRssBytes });
    if (guard !== undefined) {
      open.push(() => Promise.resolve(guard.close()));
      metrics?.measureRefused(guard.refused);
    }
    const reload = options.liveReload === true ? liveReload(options.static?.roots ?? [], log) : undefined;
    if (reload !== undefined) open.push(async () => reload.close());
    const app = createApp(context, {
      health,
      overload: guard?.middleware,
      cors: options.cors,
      login,
      metrics,
      liveReload: reload,
      redirect,
    });
    const drain = (): void => {
      running.drain();
      reload?.close();
    };
    const measured = { overload: guard, redirect, access: context.accessLog, measure: metrics?.proxied(), log };
    const proxy = openProxy(options.proxy, { ...measured, trustedProxies: options.trustedProxies, networks: rules.networks }, open);
    const setLimits = (changes: Partial<LiveLimits>): void => {
      Object.assign(limits, changesOf(changes));
      controls = controlReader(limits);
    };
    return serverOf(
      app,
      db,
      views(options.views),
      { endpoints, jobs: running.jobs, drain, close, setLimits, unready: health.unready, metrics, proxy },
      limits,
      log,
    );
  } catch (error) {
    await close();
    throw error;
  }
}

/** Ends what was opened, the last first; one that fails keeps none of the others open. */
async function endAll(open: readonly (() => Promise<void>)[]): Promise<void> {
  const failed: unknown[] = [];
  for (const end of open.toReversed()) await end().catch((error: unknown) => failed.push(error));
  if (failed.length > 0) throw failed[0];
}

/** One-time codes that may be tried for an account. */
const codesPerMinute = 5;

function masterKey(options: ServerOptions): MasterKey {
  return options.masterKey ?? masterKeyOf({ home: options.home ?? ".", masterKey: process.env["BK_MASTER_KEY"] });
}

type Parts = Omit<RunningModules, "hooks"> &
  Pick<BkServer, "setLimits" | "unready"> & { readonly metrics: ServedMetrics | undefined; readonly proxy: Proxy | undefined };

function serverOf(app: Hono<ServerEnv>, db: Db, view: View, end: Parts, limits: ServerLimits, log: Log): BkServer {
  let listener: Listener | undefined;
  let closing: Promise<void> | undefined;
  end.metrics?.measureOpen(() => listener?.counts());
  async function close({ idleMs }: { readonly idleMs?: number } = {}): Promise<void> {
    end.unready();
    // The listener first: what the modules end then is known to end with the server.
    const closed = listener?.close(limits.shutdownMs, idleMs);
    end.drain();
    await closed;
    await end.close();
  }
  return {
    app,
    db,
    view,
    async listen(where = {}) {
      if (listener !== undefined || closing !== undefined)
        throw new BkError("invalid", "listen: this server listens already, or is closed");
      const fetch = app.fetch as Fetch;
      const hasStreams = end.endpoints.all.some(({ endpoint }) => endpoint.streams === true);
      const sockets = hasStreams ? webSockets({ ...limits, fetch, endpoints: end.endpoints, log }) : undefined;
      listener = await listen(fetch, where, limits, log, { sockets, proxy: end.proxy });
      return { url: listener.url, port: listener.port };
    },
    ...jobCalls(end.jobs),
    setLimits(changes) {
      end.setLimits(changes);
      listener?.setLimits(limits);
    },
    unready: end.unready,
    close: (options) => (closing ??= close(options)),
  };
}
