// The clients of one Redis: for commands, and for subscribing, which needs a connection of its own.

import type { ClientEvents, Log } from "@bk/core";
import { withoutCommand } from "@bk/core/redis";
import type * as Ioredis from "ioredis";

import { Gate } from "../../common/gate.js";
import { driverMissing, QueueError } from "../../errors.js";
import { classifyRedis } from "./errors.js";
import type { RedisHost, RedisSettings } from "./options.js";

export type RedisModule = Pick<typeof Ioredis, "Redis" | "Cluster" | "Command">;
export type RedisClient = Ioredis.Redis | Ioredis.Cluster;

/** How long a server may take to say goodbye. */
const patienceMs = 2000;
/** The longest wait between two attempts to connect. */
export const maxDelayMs = 2000;

/** @throws QueueError `driver-missing` when the client package is not installed */
export async function loadRedis(): Promise<RedisModule> {
  try {
    return await import("ioredis");
  } catch (error) {
    throw driverMissing("redis", "ioredis", error);
  }
}

/** What all connections have in common. */
export function nodeOptions(settings: RedisSettings) {
  const { username, password, tls, connectTimeoutMs } = settings;
  return {
    // The older protocol has all that is needed, and every server speaks it.
    protocol: 2 as const,
    connectTimeout: connectTimeoutMs,
    // What was sent when a connection is lost fails at once: nothing is sent twice behind the caller's back.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
    enableOfflineQueue: false,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === false ? {} : { tls: tls === true ? {} : { ...tls } }),
  };
}

/** A connection that is idle shows no loss by itself: one that leaves a ping without an answer until the next is ended. */
export function keepAlive(client: Ioredis.Redis, intervalMs: number): ReturnType<typeof setInterval> {
  let isWaiting = false;
  const timer = setInterval(() => {
    if (isWaiting) return client.disconnect();
    isWaiting = true;
    client.ping().then(
      () => (isWaiting = false),
      () => undefined,
    );
  }, intervalMs);
  timer.unref();
  return timer;
}

/** Where to connect to: the host, or the sentinels that know it. */
export function placeOf(settings: RedisSettings, at: RedisHost | undefined) {
  const { kind, hosts, primary, sentinelUsername, sentinelPassword, connectTimeoutMs } = settings;
  if (kind !== "sentinel") return { ...(at ?? hosts[0]!), db: settings.database };
  return {
    sentinels: hosts.map((host) => ({ ...host })),
    name: primary!,
    db: settings.database,
    // A primary that hangs does not close its connections: the sentinels say when there is another.
    failoverDetector: true,
    sentinelCommandTimeout: connectTimeoutMs,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(settings.tls === false ? {} : { enableTLSForSentinelMode: true, sentinelTLS: settings.tls === true ? {} : { ...settings.tls } }),
  };
}

/** The client for commands. It connects with the first call, and again by itself. */
export class RedisCommands {
  readonly client: RedisClient;
  readonly #gate: Gate;
  #lastError: unknown;

  constructor(
    module: RedisModule,
    settings: RedisSettings,
    { log, events }: { readonly log: Log; readonly events?: ClientEvents | undefined },
  ) {
    this.#gate = new Gate({ driver: "redis", waitMs: settings.connectTimeoutMs, events });
    this.client = makeClient(module, settings);
    this.client.on("error", (error: unknown) => {
      // Without a listener it would end the process; the commands that it concerns fail by themselves.
      this.#lastError = withoutCommand(error);
      log.debug("redis connection failed", { error: this.#lastError });
      const reason = classifyRedis(this.#lastError);
      // Waiting heals no wrong password.
      if (reason?.code === "unauthenticated")
        this.#gate.fail(new QueueError(reason.code, `redis: ${reason.message}`, { driver: "redis", cause: this.#lastError }));
      else this.#gate.shut(this.#lastError);
    });
    this.client.on("ready", () => this.#gate.open());
    this.client.on("close", () => this.#gate.shut(this.#lastError));
  }

  ready(): Promise<void> | undefined {
    // The client's own word is newer than its events.
    if (this.client.status === "ready") return undefined;
    this.#gate.shut();
    if (this.client.status === "wait" || this.client.status === "end") {
      // Its events tell of the failure.
      this.client.connect().catch(() => undefined);
    }
    return this.#gate.wait();
  }

  async close(): Promise<void> {
    this.#gate.close();
    // Without a connection there is no answer to wait for, and a server that hangs gives none.
    if (this.client.status !== "ready") return this.client.disconnect();
    const impatient = setTimeout(() => this.client.disconnect(), patienceMs);
    await this.client.quit().catch(() => this.client.disconnect());
    clearTimeout(impatient);
  }
}

function makeClient({ Redis, Cluster }: RedisModule, settings: RedisSettings): RedisClient {
  const retry = (times: number): number => Math.min(50 * times, maxDelayMs);
  const node = nodeOptions(settings);
  if (settings.kind === "cluster") {
    return new Cluster([...settings.hosts], {
      lazyConnect: true,
      // Connections to nodes are opened at first use; commands for such a node wait for it.
      enableOfflineQueue: true,
      retryDelayOnFailover: 100,
      // While a slot moves: sixteen times.
      retryDelayOnTryAgain: 200,
      clusterRetryStrategy: retry,
      redisOptions: node,
    });
  }
  return new Redis({ ...node, ...placeOf(settings, undefined), retryStrategy: retry, sentinelRetryStrategy: retry });
}
