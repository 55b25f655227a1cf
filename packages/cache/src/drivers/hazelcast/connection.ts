// One client of a cluster, made with the first call; and anew when it has given the cluster up.

import type { ClientEvents, Log } from "@bk/core";
import type * as Hazelcast from "hazelcast-client";
import type { Call } from "../../driver.js";
import { CacheError } from "../../errors.js";

export type HazelcastMap = Hazelcast.IMap<string, string>;

export interface HazelcastOptions {
  readonly clusterName: string;
  readonly members: readonly string[];
  readonly mapName: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean | Readonly<Record<string, unknown>>;
  readonly connectTimeoutMs: number;
  readonly log: Log;
  readonly events: ClientEvents | undefined;
}

/** How long a cluster that could not be reached is left alone. */
const restMs = 1_000;

/** Errors of calls that may have been carried out. All have the name `Error`, and the client says the first two of what it sent before, too. */
const lost = [
  "ClientOfflineError",
  "ClientNotActiveError",
  "IOError",
  "OperationTimeoutError",
  "TargetDisconnectedError",
  "TargetNotMemberError",
  "MemberLeftError",
  "HazelcastInstanceNotActiveError",
  "IndeterminateOperationStateError",
] as const satisfies readonly (keyof typeof Hazelcast)[];

export class HazelcastConnection {
  readonly #options: HazelcastOptions;
  readonly #module: typeof Hazelcast;
  #client: Awaited<ReturnType<typeof Hazelcast.Client.newHazelcastClient>> | undefined;
  #map: HazelcastMap | undefined;
  #opening: Promise<HazelcastMap> | undefined;
  #downUntil = 0;
  #isConnected = false;
  #isClosed = false;

  private constructor(options: HazelcastOptions, module: typeof Hazelcast) {
    this.#options = options;
    this.#module = module;
  }

  /** @throws CacheError `driver-missing` when the client package is not installed */
  static async make(options: HazelcastOptions): Promise<HazelcastConnection> {
    let module: typeof Hazelcast;
    try {
      module = await import("hazelcast-client");
    } catch (error) {
      throw new CacheError("driver-missing", "hazelcast needs the package hazelcast-client: npm install hazelcast-client", {
        driver: "hazelcast",
        cause: error,
      });
    }
    return new HazelcastConnection(options, module);
  }

  get isReady(): boolean {
    return this.#map !== undefined && this.#isConnected;
  }

  /** Runs a call on the map. @throws CacheError */
  async ask<T>(call: Call, work: (map: HazelcastMap) => Promise<T>): Promise<T> {
    const map = this.#map ?? (await this.#open());
    if (call.isGone) throw new CacheError("cancelled", "given up", { outcome: "none" });
    if (!this.#isConnected) throw this.#unreachable(undefined);
    call.isSent = true;
    try {
      return await work(map);
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => undefined);
    await this.#client?.shutdown();
  }

  #open(): Promise<HazelcastMap> {
    if (this.#isClosed) return Promise.reject(new CacheError("closed", "used after close"));
    if (performance.now() < this.#downUntil) return Promise.reject(this.#unreachable(undefined));
    return (this.#opening ??= this.#connect().finally(() => (this.#opening = undefined)));
  }

  async #connect(): Promise<HazelcastMap> {
    const { clusterName, members, username, password, tls, connectTimeoutMs, mapName, log } = this.#options;
    const say = (level: string) => (_name: string, text: string) => log.debug(`hazelcast ${level}: ${text}`);
    try {
      const client = await this.#module.Client.newHazelcastClient({
        clusterName,
        network: {
          clusterMembers: [...members],
          connectionTimeout: connectTimeoutMs,
          // The addresses that members give each other may not be those by which they are reached from here.
          ...(tls === false ? {} : { ssl: { enabled: true, ...(tls === true ? {} : { sslOptions: tls }) } }),
        },
        connectionStrategy: {
          reconnectMode: "ASYNC",
          connectionRetry: {
            initialBackoffMillis: 50,
            maxBackoffMillis: 1000,
            multiplier: 2,
            clusterConnectTimeoutMillis: connectTimeoutMs,
          },
        },
        ...(username === undefined ? {} : { security: { usernamePassword: { username, password: password ?? "" } } }),
        lifecycleListeners: [(state: string) => this.#changed(state)],
        customLogger: {
          log: () => undefined,
          error: say("error"),
          warn: say("warning"),
          info: () => undefined,
          debug: () => undefined,
          trace: () => undefined,
        },
        properties: { "hazelcast.client.invocation.timeout.millis": 10_000, "hazelcast.client.statistics.enabled": false },
      } as Hazelcast.ClientConfig);
      this.#client = client;
      this.#isConnected = true;
      this.#options.events?.connected();
      const map = await client.getMap<string, string>(mapName);
      this.#map = map;
      return map;
    } catch (error) {
      this.#downUntil = performance.now() + restMs;
      this.#options.events?.lost(error);
      throw this.#unreachable(error);
    }
  }

  #changed(state: string): void {
    const { events } = this.#options;
    if (state === "CONNECTED") {
      this.#isConnected = true;
      events?.connected();
    }
    if (state === "DISCONNECTED" || state === "SHUTDOWN") events?.lost();
    if (state === "DISCONNECTED") this.#isConnected = false;
    if (state !== "SHUTDOWN") return;
    // It has given the cluster up; the next call makes another one.
    this.#isConnected = false;
    this.#client = undefined;
    this.#map = undefined;
  }

  #unreachable(cause: unknown): CacheError {
    return cause instanceof this.#module.AuthenticationError
      ? new CacheError("unauthenticated", "the cluster refuses the user, the password or the name of the cluster", {
          outcome: "none",
          cause,
        })
      : new CacheError("unavailable", "the cluster cannot be reached", { outcome: "none", cause });
  }

  #errorOf(error: unknown): unknown {
    if (!lost.some((name) => error instanceof this.#module[name])) return error;
    return new CacheError("unavailable", "the connection was lost", { outcome: "unknown", cause: error });
  }
}
