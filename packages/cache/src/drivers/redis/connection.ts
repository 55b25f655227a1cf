// One ioredis client, opened with the first command, and whether it can be used now.

import type { Log } from "@bk/core";
import { connectAgain, withoutCommand } from "@bk/core/redis";
import type * as Ioredis from "ioredis";
import type { DriverOptions } from "../../driver.js";
import { CacheError } from "../../errors.js";
import { meaningOf } from "./errors.js";
import type { RedisOptions } from "./options.js";
import { putManyScript, type ScriptName, scripts } from "./scripts.js";

type Word = string | number | Buffer;
type Scripted = { readonly [Name in ScriptName | `${ScriptName}Buffer`]: (key: string, ...args: Word[]) => Promise<unknown> };
/** The client with the scripts as commands. */
export type RedisClient = (Ioredis.Redis | Ioredis.Cluster) &
  Scripted & { bkPutMany(keyCount: number, ...keysAndArgs: Word[]): Promise<unknown> };

/** How long a server may take to say goodbye. */
const patienceMs = 2_000;
/** How often one of several servers is tried before the next. */
const attemptsEach = 3;

type Surroundings = Pick<DriverOptions, "log" | "events">;

export class RedisConnection {
  readonly client: RedisClient;
  /** Commands that have left, and those that have their answer or never will. */
  readonly counts = { sent: 0, answered: 0 };
  readonly #log: Log;
  #isReady = false;
  /** The last attempt to connect failed: calls do not wait for the next. */
  #down: CacheError | undefined;
  #isClosed = false;
  #waiting: { resolve: () => void; reject: (error: CacheError) => void }[] = [];
  readonly #silence: Silence | undefined;

  constructor(client: RedisClient, { log, events }: Surroundings, silenceMs: number) {
    this.client = client;
    this.#log = log;
    // Nodes of a cluster have the client's own timers.
    this.#silence = "nodes" in client ? undefined : new Silence(client, silenceMs, this.counts);
    client.on("ready", () => {
      this.#silence?.begin();
      this.#isReady = true;
      this.#down = undefined;
      events?.connected();
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const { resolve } of waiting) resolve();
    });
    // Without a listener an error would end the process; the commands that it concerns fail by themselves.
    client.on("error", (error: unknown) => {
      const told = withoutCommand(error);
      this.#log.debug("redis connection failed", { error: told });
      if (this.#isReady) return;
      this.#fail(error);
      events?.lost(told);
    });
    client.on("close", () => {
      this.#silence?.end();
      if (!this.#isReady) return this.#fail(undefined);
      this.#isReady = false;
      events?.lost();
    });
    client.on("end", () => {
      this.#isReady = false;
    });
    connectAgain(client, () => this.#isClosed);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * Resolves when commands can be sent.
   *
   * @throws CacheError `unavailable`, nothing was sent
   */
  ready(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new CacheError("closed", "used after close"));
    if (this.#isReady) return Promise.resolve();
    if (this.#down !== undefined) return Promise.reject(this.#down);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // How it ends is told by the events.
      if (this.client.status === "wait") this.client.connect().catch((error: unknown) => this.#fail(error));
    });
  }

  /** Waits for the answers to what was sent, then ends the connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const wasReady = this.#isReady;
    this.#fail(undefined);
    // Without a connection there is no answer to wait for, and a server that hangs gives none.
    if (!wasReady) return this.client.disconnect();
    const impatient = setTimeout(() => this.client.disconnect(), patienceMs);
    await this.client.quit().catch(() => this.client.disconnect());
    clearTimeout(impatient);
  }

  #fail(cause: unknown): void {
    const meaning = meaningOf(withoutCommand(cause));
    // That nothing was sent is certain here; why may be that the user is refused.
    const code = meaning?.outcome === "none" ? meaning.code : "unavailable";
    this.#down = new CacheError(code, `the server cannot be reached: ${meaning?.message ?? "no connection"}`, { outcome: "none", cause });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(this.#down);
  }
}

/**
 * Ends a connection that owes an answer for as long as `silenceMs` or half as long again. The client's own `socketTimeout` sets a timer for
 * each call that is alone, which is a twentieth of the call: here that is for what the client sends until it is ready.
 */
class Silence {
  readonly #client: Ioredis.Redis;
  readonly #silenceMs: number;
  readonly #counts: RedisConnection["counts"];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(client: Ioredis.Redis, silenceMs: number, counts: RedisConnection["counts"]) {
    this.#client = client;
    this.#silenceMs = silenceMs;
    this.#counts = counts;
  }

  begin(): void {
    this.end();
    delete this.#client.options.socketTimeout;
    const counts = this.#counts;
    let seen = counts.answered;
    let looks = 0;
    const look = (): void => {
      const isSilent = counts.sent > counts.answered && counts.answered === seen;
      seen = counts.answered;
      looks = isSilent ? looks + 1 : 0;
      if (looks > 2) this.#client.disconnect(true);
    };
    this.#timer = setInterval(look, Math.ceil(this.#silenceMs / 2));
    this.#timer.unref();
  }

  end(): void {
    clearInterval(this.#timer);
    this.#client.options.socketTimeout = this.#silenceMs;
  }
}

/** @throws CacheError `driver-missing` when the client package is not installed */
export async function connectRedis(options: RedisOptions, around: Surroundings): Promise<RedisConnection> {
  const client = await makeClient(options);
  for (const [name, lua] of Object.entries(scripts)) client.defineCommand(name, { lua, numberOfKeys: 1 });
  client.defineCommand("bkPutMany", { lua: putManyScript });
  return new RedisConnection(client, around, options.silenceMs);
}

async function makeClient(options: RedisOptions): Promise<RedisClient> {
  const { Redis, Cluster } = await loadClient();
  const tls = options.tls === false ? {} : { tls: options.tls === true ? {} : { ...options.tls } };
  const user = {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
  };
  const node = {
    // The older protocol has all that is needed, and every server speaks it.
    protocol: 2 as const,
    connectTimeout: options.connectTimeoutMs,
    socketTimeout: options.silenceMs,
    // What was sent when a connection is lost fails at once: sent again, a change would be made twice.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A server that has become a replica is left; what it refused was not done.
    reconnectOnError: (error: Error) => (error.message.startsWith("READONLY") ? (1 as const) : false),
    ...user,
    ...tls,
  };
  const delay = (times: number): number => Math.min(50 * 2 ** Math.min(times - 1, 6), 2000) * (0.5 + Math.random() / 2);
  if (options.mode === "cluster")
    return new Cluster([...options.hosts], {
      lazyConnect: true,
      // Connections to nodes are opened at first use; commands for such a node wait for it.
      enableOfflineQueue: true,
      clusterRetryStrategy: delay,
      redisOptions: node,
    }) as unknown as RedisClient;
  const alone = { ...node, db: options.database, lazyConnect: true, enableOfflineQueue: false };
  if (options.mode === "sentinel")
    return new Redis({
      ...alone,
      sentinels: [...options.hosts],
      name: options.primaryName!,
      ...(options.sentinelUsername === undefined ? {} : { sentinelUsername: options.sentinelUsername }),
      ...(options.sentinelPassword === undefined ? {} : { sentinelPassword: options.sentinelPassword }),
      ...(options.tls === false ? {} : { enableTLSForSentinelMode: true, sentinelTLS: options.tls === true ? {} : { ...options.tls } }),
      // Told by the sentinels of a new primary, it leaves the old one at once.
      failoverDetector: true,
      sentinelRetryStrategy: delay,
      retryStrategy: (times: number) => Math.min(delay(times), 500),
    }) as unknown as RedisClient;
  const { hosts } = options;
  const client = new Redis({
    ...alone,
    ...hosts[0]!,
    retryStrategy(times: number) {
      // One after the other, each a few times.
      Object.assign(client.options, hosts[Math.floor((times - 1) / attemptsEach) % hosts.length]);
      return delay(times);
    },
  }) as unknown as RedisClient;
  return client;
}

async function loadClient(): Promise<Pick<typeof Ioredis, "Redis" | "Cluster">> {
  try {
    return await import("ioredis");
  } catch (error) {
    throw new CacheError("driver-missing", "redis needs the package ioredis: npm install ioredis", { driver: "redis", cause: error });
  }
}
