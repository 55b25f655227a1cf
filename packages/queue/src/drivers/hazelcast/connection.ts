// One client of a cluster, made with the first call; it connects again by itself, and is made anew when it has given the cluster up.

import type { ClientEvents, Log } from "@bk/core";
import type * as Hazelcast from "hazelcast-client";

import { atMost } from "../../common/at-most.js";
import { Gate } from "../../common/gate.js";
import { driverMissing, QueueError } from "../../errors.js";
import { classifierOf, type Classify, LostError } from "./errors.js";
import type { HazelcastOptions } from "./options.js";

export type HazelcastModule = typeof Hazelcast;
export type HazelcastClient = Awaited<ReturnType<HazelcastModule["Client"]["newHazelcastClient"]>>;

/** What a driver does with a client. */
export interface HazelcastUse {
  /** Gets what it needs of the cluster, after each connecting: a cluster that was started anew has forgotten indexes. */
  prepare(client: HazelcastClient, link: HazelcastLink): Promise<void>;
  /** Whether the client is made anew though no call waits for it. */
  isWanted(): boolean;
  /** It is connected and prepared, for the first time or again. */
  connected?(): void;
}

/** How long a client may take to say goodbye. */
const patienceMs = 2000;
/** The longest wait between two attempts. */
const maxDelayMs = 1000;
/** How long after a loss the client may take to say itself what became of a call. */
const graceMs = 300;
/** How long the client may repeat a call that was not taken, as while partitions move. */
const repeatMs = 2000;

/** @throws QueueError `driver-missing` when the client package is not installed */
export async function loadHazelcast(): Promise<HazelcastModule> {
  try {
    return await import("hazelcast-client");
  } catch (error) {
    throw driverMissing("hazelcast", "hazelcast-client", error);
  }
}

export class HazelcastLink {
  readonly #options: HazelcastOptions;
  readonly #module: HazelcastModule;
  readonly #use: HazelcastUse;
  readonly #log: Log;
  readonly #gate: Gate;
  /** What native errors mean. */
  readonly classify: Classify;
  #client: HazelcastClient | undefined;
  #isOpening = false;
  #isClosed = false;
  #attempt = 0;
  #losses = 0;
  /** Ends of the calls that are on their way. */
  #pending = new Set<(error: unknown) => void>();

  constructor(
    options: HazelcastOptions,
    module: HazelcastModule,
    use: HazelcastUse,
    { log, events }: { readonly log: Log; readonly events?: ClientEvents | undefined },
  ) {
    this.#options = options;
    this.#module = module;
    this.classify = classifierOf(module);
    this.#use = use;
    this.#log = log;
    this.#gate = new Gate({ driver: "hazelcast", waitMs: options.connectTimeoutMs, events });
  }

  /** Undefined when it is connected; else a promise for it, which rejects when that takes too long. */
  ready(): Promise<void> | undefined {
    if (this.#gate.isOpen) return undefined;
    if (this.#client === undefined) void this.#open();
    return this.#gate.wait();
  }

  get isOpen(): boolean {
    return this.#gate.isOpen;
  }

  /**
   * The same map, queue or ringbuffer, whose calls end when a connection or member is lost. Those of the client may not: what it had not
   * written yet it forgets.
   */
  guarded<Thing extends object>(thing: Thing, client: HazelcastClient): Thing {
    const methods = new Map<PropertyKey, unknown>();
    return new Proxy(thing, {
      get: (target, name) => {
        let method = methods.get(name);
        if (method === undefined) {
          const own = Reflect.get(target, name) as unknown;
          if (typeof own !== "function") return own;
          method = (...args: unknown[]): unknown => this.#guard(client, Reflect.apply(own, target, args) as Promise<unknown>);
          methods.set(name, method);
        }
        return method;
      },
    });
  }

  #guard<T>(client: HazelcastClient, call: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending = this.#pending;
      pending.add(reject);
      call.then(
        (value) => {
          pending.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          pending.delete(reject);
          if (this.#isDoubtful(error) && client === this.#client && this.#gate.isOpen) this.#giveUp(client);
          reject(error as Error);
        },
      );
    });
  }

  /** When a write fails the client may hold the dead connection for a good one, until its heartbeat fails. */
  #isDoubtful(error: unknown): boolean {
    const { IOError, OperationTimeoutError } = this.#module;
    return error instanceof IOError || error instanceof OperationTimeoutError;
  }

  /** What was sent before now gets no answer any more. */
  #lost(): void {
    const pending = this.#pending;
    if (pending.size === 0) return;
    this.#pending = new Set();
    const timer = setTimeout(() => {
      for (const reject of pending) reject(new LostError());
    }, graceMs);
    // Calls that are left keep no process alive.
    timer.unref();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#gate.close();
    if (this.#client !== undefined) await atMost(patienceMs, this.#client.shutdown());
    this.#lost();
  }

  /** Tries until it succeeds, nobody wants it any more, or waiting does not help. */
  async #open(): Promise<void> {
    if (this.#isOpening || this.#isClosed) return;
    this.#isOpening = true;
    try {
      do {
        try {
          const client = await this.#module.Client.newHazelcastClient(this.#config());
          // It may have lost the cluster meanwhile, or not be wanted any more.
          if (this.#isClosed) return await atMost(patienceMs, client.shutdown());
          if (!client.getLifecycleService().isRunning()) throw new Error("the cluster was lost again");
          this.#client = client;
          await this.#prepare(client);
          if (this.#client !== undefined) return;
        } catch (error) {
          this.#failed(error);
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(maxDelayMs, 50 * 2 ** Math.min(this.#attempt++, 10))));
      } while (this.#isNeeded);
    } finally {
      this.#isOpening = false;
    }
  }

  get #isNeeded(): boolean {
    return !this.#isClosed && this.#client === undefined && (this.#gate.waiting > 0 || this.#use.isWanted());
  }

  async #prepare(client: HazelcastClient): Promise<void> {
    const losses = this.#losses;
    try {
      await this.#use.prepare(client, this);
    } catch (error) {
      // Another loss is told by an event of its own; a client that stands and does not answer as it should is given up.
      this.#failed(error);
      if (client.getLifecycleService().isRunning() && this.classify(error)?.code !== "unavailable") this.#giveUp(client);
      return;
    }
    if (client !== this.#client || this.#isClosed || losses !== this.#losses) return;
    this.#attempt = 0;
    this.#gate.open();
    this.#use.connected?.();
  }

  #giveUp(client: HazelcastClient): void {
    if (this.#client === client) this.#client = undefined;
    this.#gate.shut();
    this.#lost();
    void atMost(patienceMs, client.shutdown());
    if (this.#isNeeded) void this.#open();
  }

  #failed(error: unknown): void {
    const reason = this.classify(error);
    this.#log.debug("hazelcast is not reached", { error });
    if (reason?.code === "unauthenticated" || reason?.code === "denied")
      this.#gate.fail(new QueueError(reason.code, `hazelcast: ${reason.message}`, { driver: "hazelcast", outcome: "none", cause: error }));
    else this.#gate.shut(error);
  }

  /** Events of a client that is in use; those of its first connecting come before it is. */
  #changed(state: string): void {
    const client = this.#client;
    if (client === undefined) return;
    if (state === "CONNECTED") void this.#prepare(client);
    if (state === "DISCONNECTED") {
      this.#losses++;
      this.#gate.shut();
      this.#lost();
    }
    // Only this driver and the client itself end it: it has given the cluster up.
    if (state !== "SHUTDOWN" || client.getLifecycleService().isRunning()) return;
    this.#client = undefined;
    this.#gate.shut();
    if (this.#isNeeded) void this.#open();
  }

  #config(): Hazelcast.ClientConfig {
    const { clusterName, members, username, password, tls, connectTimeoutMs, allMembers } = this.#options;
    const say = (level: string) => (_name: string, text: string) => this.#log.debug(`hazelcast ${level}: ${text}`);
    const quiet = (): void => undefined;
    return {
      clusterName,
      network: {
        clusterMembers: [...members],
        connectionTimeout: connectTimeoutMs,
        smartRouting: allMembers,
        ...(tls === false ? {} : { ssl: { enabled: true, ...(tls === true ? {} : { sslOptions: tls }) } }),
      },
      connectionStrategy: {
        // Calls fail at once while it is away: nothing piles up, and nothing is sent later behind the caller's back.
        reconnectMode: "ASYNC",
        connectionRetry: {
          initialBackoffMillis: 50,
          maxBackoffMillis: maxDelayMs,
          multiplier: 2,
          clusterConnectTimeoutMillis: connectTimeoutMs,
        },
      },
      // Records are compared as they were read.
      serialization: { jsonStringDeserializationPolicy: "NO_DESERIALIZATION" },
      ...(username === undefined ? {} : { security: { usernamePassword: { username, password: password ?? "" } } }),
      lifecycleListeners: [(state: string) => this.#changed(state)],
      // While other members are left there is no other sign of the loss.
      membershipListeners: [{ memberAdded: quiet, memberRemoved: () => this.#lost() }],
      customLogger: { log: quiet, error: say("error"), warn: say("warning"), info: quiet, debug: quiet, trace: quiet },
      properties: {
        "hazelcast.client.heartbeat.timeout": 20_000,
        "hazelcast.client.invocation.timeout.millis": repeatMs,
        "hazelcast.client.statistics.enabled": false,
        // What is acknowledged is on the backups too.
        "hazelcast.client.operation.fail.on.indeterminate.state": true,
      },
    } as Hazelcast.ClientConfig;
  }
}
