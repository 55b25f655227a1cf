// The facade of services: it checks, encodes, and makes errors, once for all engines.

import { type ClientEvent, type ClientEventName, type ClientEvents, type Log, nextTurn, silentLog } from "@bk/core";

import { encodeJson } from "../common/json.js";
import { checkName } from "../common/names.js";
import { invalid, QueueError } from "../errors.js";
import { Caller } from "./caller.js";
import type { InstanceInfo, ServiceCapabilities, ServiceDriver, Serving } from "./driver.js";
import { Host } from "./host.js";
import {
  checkMethods,
  checkRequestOptions,
  type Methods,
  readServiceOptions,
  readTarget,
  type RequestOptions,
  type ServiceOptions,
} from "./options.js";

/** A service: the methods that it exposes, and calls to those of others. `openService` gives it. */
export class Service {
  /** Instances of the same name share its calls. */
  readonly name: string;
  /** Of this instance. */
  readonly id: string;
  readonly #driver: ServiceDriver;
  readonly #events: ClientEvents;
  readonly #settings: ReturnType<typeof readServiceOptions>;
  readonly #log: Log;
  readonly #host: Host;
  readonly #caller: Caller;
  readonly #posting = new Set<Promise<void>>();
  #serving: Promise<Serving> | undefined;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(name: string, id: string, driver: ServiceDriver, options: ServiceOptions, events: ClientEvents) {
    this.name = name;
    this.id = id;
    this.#driver = driver;
    this.#events = events;
    this.#settings = readServiceOptions(options);
    this.#log = options.log ?? silentLog;
    const { version, concurrency, maxWaiting, onError, maxBatch } = this.#settings;
    this.#host = new Host({ name, id, version, concurrency, maxWaiting, onError, log: this.#log, maxBytes: () => this.#maxBytes });
    this.#caller = new Caller(driver, maxBatch, (error, op, target) => this.#errorOf(error, op, target));
  }

  /** What the engine can do, as plain data. */
  get capabilities(): ServiceCapabilities {
    return this.#driver.capabilities;
  }

  /**
   * Calls back for what happens to the connection: `connect`, `reconnect`, `ready`, `disconnect`, `error`, `close`. An engine without a connection tells
   * `close` alone.
   *
   * @returns stops it
   */
  on(event: ClientEventName, listener: (event: ClientEvent) => void): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Exposes methods, and takes calls from then on; called again, it adds methods. A method gives its answer or a promise of it;
   * what it throws goes back to its caller as an error.
   *
   * Only the object's own members are exposed, as they are now.
   *
   * @throws QueueError `invalid`; `unavailable`, `denied`, `timeout`; `closed`
   */
  async expose(methods: Methods): Promise<void> {
    this.#checkOpen("expose", this.name);
    const checked = checkMethods(methods);
    this.#host.add(checked);
    if (this.#host.methods.length === 0) return;
    this.#serving ??= this.#serve();
    await this.#serving;
  }

  /** Withdraws methods, all without names. Without any it takes no calls; callers find other instances. */
  async unexpose(...names: readonly string[]): Promise<void> {
    this.#checkOpen("unexpose", this.name);
    this.#host.remove(names.length === 0 ? this.#host.methods : names);
    if (this.#host.methods.length > 0) return;
    const serving = this.#serving;
    this.#serving = undefined;
    await (await serving)?.close();
  }

  /**
   * Calls a method of one instance of a service, `service.method`, and gives its answer.
   *
   * Calls of one tick to one service travel in one message where its instances are of this package. The message is encoded before the call returns.
   *
   * @param message  any JSON value; `undefined` is no message
   * @throws QueueError  what the method threw, with `detail.remote`, its `status` and `code`; `not-found` when there is no such method; `unavailable`
   *   at once when nobody listens; `timeout`, `cancelled`; `too-large`, `limited`, `denied`; `closed`. `outcome` says whether it may have been done
   */
  request<Answer = unknown>(target: string, message?: unknown, options: RequestOptions = noOptions): Promise<Answer> {
    try {
      this.#checkOpen("request", target);
      if (options !== noOptions) checkRequestOptions(options);
      const { service, method } = readTarget(target, "request");
      const json = this.#encode(message, "request");
      const { signal, timeoutMs = this.#settings.timeoutMs, attempts = 1 } = options;
      if (signal?.aborted === true)
        throw new QueueError("cancelled", "request: cancelled before it began", { target, outcome: "none", cause: signal.reason });
      return this.#caller.request(service, method, json, { timeoutMs, signal, attempts }) as Promise<Answer>;
    } catch (error) {
      return Promise.reject(this.#errorOf(error, "request", String(target)));
    }
  }

  /**
   * Sends a message to a method of one instance, without waiting for its answer; resolves when the engine has taken it. Nobody listening
   * is no error: what must not be lost goes into a queue.
   */
  async publish(target: string, message?: unknown): Promise<void> {
    await this.#post(target, message, "publish", (service, method, json) => this.#driver.post(service, method, json));
  }

  /** Sends a message to a method of all instances of this package; resolves when the engine has taken it. */
  async broadcast(target: string, message?: unknown): Promise<void> {
    const bodyOf = (method: string, json: string): string => (json === "" ? `["${method}"]` : `["${method}",${json}]`);
    await this.#post(target, message, "broadcast", (service, method, json) => this.#driver.postAll(service, bodyOf(method, json)));
  }

  /**
   * Asks who is there: `ping` names and ids, `info` their methods, `stats` counts too. Other NATS services that follow its convention answer as well.
   *
   * @param options.service  one service; default: all
   * @param options.waitMs  how long answers are waited for, default 500
   */
  async discover(options: { kind?: "ping" | "info" | "stats"; service?: string; waitMs?: number } = {}): Promise<readonly InstanceInfo[]> {
    this.#checkOpen("discover", this.name);
    const { kind = "info", service, waitMs = 500 } = options;
    if (!["ping", "info", "stats"].includes(kind)) throw invalid('discover: kind must be "ping", "info" or "stats"');
    if (service !== undefined) checkName(service, "discover: the name of a service");
    if (!Number.isSafeInteger(waitMs) || waitMs < 1) throw invalid("discover: waitMs must be an integer from 1");
    try {
      await this.#driver.ready();
      return await this.#driver.discover(kind, service, waitMs);
    } catch (error) {
      throw this.#errorOf(error, "discover", service ?? "");
    }
  }

  /** What this instance has done: ADR-32's form of NATS. */
  stats(): InstanceInfo {
    return this.#host.describe("stats");
  }

  /**
   * Ends it in good order: takes no more calls, finishes those that it has and waits for its own, at most `drainTimeoutMs`; what is left then
   * is refused. Calls from now on are `closed`. A second call waits for the first.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#settings.drainTimeoutMs)));
    const drained = (async () => {
      const serving = await this.#serving?.catch(() => undefined);
      await serving?.close().catch(() => undefined);
      await this.#host.idle();
      await Promise.allSettled([this.#caller.idle(), ...this.#posting]);
    })();
    await Promise.race([drained, late]);
    clearTimeout(timer);
    this.#host.end();
    this.#caller.close();
    // The last answers go out with this turn.
    await nextTurn();
    await this.#driver.close();
    this.#events.closed();
  }

  async #serve(): Promise<Serving> {
    try {
      await this.#driver.ready();
      return await this.#driver.serve(this.name, this.#host);
    } catch (error) {
      this.#serving = undefined;
      throw this.#errorOf(error, "expose", this.name);
    }
  }

  async #post(
    target: string,
    message: unknown,
    op: string,
    send: (service: string, method: string, json: string) => Promise<void>,
  ): Promise<void> {
    try {
      this.#checkOpen(op, target);
      const { service, method } = readTarget(target, op);
      const json = this.#encode(message, op);
      const posting = (async () => {
        await this.#driver.ready();
        await send(service, method, json);
      })();
      this.#posting.add(posting);
      await posting.finally(() => this.#posting.delete(posting));
    } catch (error) {
      throw this.#errorOf(error, op, String(target));
    }
  }

  get #maxBytes(): number {
    return Math.min(this.#settings.maxMessageBytes, this.#driver.maxBytes);
  }

  #encode(message: unknown, op: string): string {
    return message === undefined ? "" : encodeJson(message, this.#maxBytes, `${op}: the message`);
  }

  #checkOpen(op: string, target: string): void {
    if (this.#closing === undefined) return;
    throw new QueueError("closed", `${op}: used after close`, { driver: this.#driver.name, op, target, outcome: "none" });
  }

  #errorOf(error: unknown, op: string, target: string): QueueError {
    if (error instanceof QueueError) return error;
    const { name: driver } = this.#driver;
    const known = this.#driver.classify(error);
    const message = `${driver} ${op}: ${known?.message ?? "an error that is not known"}`;
    return new QueueError(known?.code ?? "internal", message, { driver, op, target, outcome: known?.outcome, cause: error });
  }
}

const noOptions: RequestOptions = Object.freeze({});
