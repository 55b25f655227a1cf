// One ioredis client, opened with the first command.

import type { Log } from "@bk/core";
import { withoutCommand } from "@bk/core/redis";
import type * as Ioredis from "ioredis";
import { nodeModule } from "@bk/core";
import { DbError } from "../../errors.js";
import { classifyRedis } from "./errors.js";
import type { RedisOptions } from "./options.js";
import { rangeScript, writeScript } from "./scripts.js";

/** The client with the scripts as commands. */
export type RedisClient = (Ioredis.Redis | Ioredis.Cluster) & {
  bkWrite(keyCount: number, ...keysAndArgs: string[]): Promise<number | unknown[]>;
  bkRange(set: string, ...args: string[]): Promise<string[]>;
};

export interface RedisConnection {
  /**
   * Gives the client when it is connected.
   *
   * @throws DbError `unavailable`, nothing was sent
   */
  client(): RedisClient | Promise<RedisClient>;
  /** Waits for the answers to what was sent, then ends the connection. */
  close(): Promise<void>;
}

/** How long a server may take to say goodbye. */
const patienceMs = 2_000;

/** @throws DbError `driver-missing` when the client package is not installed */
export async function connectRedis(options: RedisOptions, log: Log): Promise<RedisConnection> {
  const client = await makeClient(options);
  client.defineCommand("bkWrite", { lua: writeScript });
  client.defineCommand("bkRange", { lua: rangeScript, numberOfKeys: 1 });
  let lastError: unknown;
  client.on("error", (error: unknown) => {
    // Without a listener it would end the process; the commands that it concerns fail by themselves.
    lastError = withoutCommand(error);
    log.debug("redis connection failed", { error: lastError });
  });

  let opening: Promise<RedisClient> | undefined;
  let isClosed = false;
  async function open(): Promise<RedisClient> {
    if (isClosed) throw new DbError("closed", "used after close", { driver: "redis" });
    lastError = undefined;
    try {
      if (client.status === "wait" || client.status === "end") await client.connect();
      else await nextReady(client);
      return client;
    } catch (error) {
      const cause = lastError ?? error;
      const reason = classifyRedis(cause);
      // That nothing was sent is certain here; why may be that the user is refused.
      const code = reason?.outcome === "none" ? reason.code : "unavailable";
      throw new DbError(code, `redis cannot be reached: ${reason?.message ?? "no connection"}`, {
        driver: "redis",
        outcome: "none",
        cause,
      });
    } finally {
      opening = undefined;
    }
  }

  return {
    client: () => (client.status === "ready" ? client : (opening ??= open())),
    async close() {
      isClosed = true;
      // Without a connection there is no answer to wait for, and a server that hangs gives none.
      if (client.status !== "ready") return client.disconnect();
      const impatient = setTimeout(() => client.disconnect(), patienceMs);
      await client.quit().catch(() => client.disconnect());
      clearTimeout(impatient);
    },
  };
}

/** The end of the connection attempt that is under way or comes next: `ready`, or an error. */
async function nextReady(client: RedisClient): Promise<void> {
  const { once } = nodeModule("node:events");
  const ended = new AbortController();
  try {
    const closed = once(client, "close", { signal: ended.signal }).then(() => {
      throw new Error("the connection was closed");
    });
    await Promise.race([once(client, "ready", { signal: ended.signal }), closed]);
  } finally {
    ended.abort();
  }
}

async function makeClient(options: RedisOptions): Promise<RedisClient> {
  const { Redis, Cluster } = await loadClient();
  const node = {
    // The older protocol has all that is needed, and every server speaks it.
    protocol: 2 as const,
    connectTimeout: options.connectTimeoutMs,
    // What was sent when a connection is lost fails at once: sent again, a write would meet its own result.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.tls === false ? {} : { tls: options.tls === true ? {} : { ...options.tls } }),
    ...(options.commandTimeoutMs === undefined ? {} : { commandTimeout: options.commandTimeoutMs }),
  };
  const retry = (times: number): number => Math.min(50 * times, 2000);
  if (options.isCluster) {
    return new Cluster([...options.hosts], {
      lazyConnect: true,
      // Connections to nodes are opened at first use; commands for such a node wait for it.
      enableOfflineQueue: true,
      retryDelayOnFailover: 0,
      clusterRetryStrategy: retry,
      redisOptions: node,
    }) as RedisClient;
  }
  return new Redis({
    ...node,
    ...options.hosts[0]!,
    db: options.database,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: retry,
  }) as RedisClient;
}

async function loadClient(): Promise<Pick<typeof Ioredis, "Redis" | "Cluster">> {
  try {
    return await import("ioredis");
  } catch (error) {
    throw new DbError("driver-missing", "redis needs the package ioredis: npm install ioredis", { driver: "redis", cause: error });
  }
}
