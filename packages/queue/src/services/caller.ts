// The calling side: calls that wait for answers, sent together where they are made together, with one inbox and no timer of their own.

import { onAbort } from "@bk/core";

import { Deadlines } from "../common/deadlines.js";
import { QueueError } from "../errors.js";
import type { Body, ServiceCaller, ServiceDriver } from "./driver.js";
import { callText, readParts, remoteError, textOf, type WireError } from "./wire.js";

interface Call {
  readonly id: number;
  readonly service: string;
  readonly method: string;
  readonly json: string;
  readonly timeoutMs: number;
  readonly resolve: (payload: unknown) => void;
  readonly reject: (error: QueueError) => void;
  /** How often it may still be sent when nobody listens. */
  attempts: number;
  /** How often nobody listened. */
  misses: number;
  isSent: boolean;
  batch: Batch | undefined;
  forget: (() => void) | undefined;
}

/** The calls of one message; those that still wait for their answer have it as their `batch`. */
interface Batch {
  readonly token: string;
  readonly calls: readonly Call[];
  /** How many still wait. */
  left: number;
}

export interface CallLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly attempts: number;
}

/** Calls of one message. More would put the work of a burst on one instance. */
const maxBatchBytes = 64 * 1024;
/** How long a service without batches is not asked again whether it takes them. */
const plainMs = 30_000;
const maxPlain = 1000;
const maxPending = 100_000;
const resolved = Promise.resolve();

export class Caller implements ServiceCaller {
  readonly #driver: ServiceDriver;
  readonly #maxBatch: number;
  readonly #errorOf: (error: unknown, op: string, target: string) => QueueError;
  readonly #pending = new Map<number, Call>();
  /** Messages with several calls, as long as one of those waits. */
  readonly #batches = new Map<string, Batch>();
  readonly #outbox = new Map<string, Call[]>();
  /** Until when a service is taken for one that knows no batches. */
  readonly #plain = new Map<string, number>();
  readonly #deadlines = new Deadlines<Call>((call) => this.#late(call));
  #receiving: Promise<void> | undefined;
  #isReceiving = false;
  #isScheduled = false;
  #lastId = 0;
  #onIdle: (() => void)[] = [];

  constructor(driver: ServiceDriver, maxBatch: number, errorOf: (error: unknown, op: string, target: string) => QueueError) {
    this.#driver = driver;
    this.#maxBatch = driver.capabilities.batches && driver.sendBatch !== undefined ? maxBatch : 1;
    this.#errorOf = errorOf;
  }

  request(service: string, method: string, json: string, limits: CallLimits): Promise<unknown> {
    if (this.#pending.size >= maxPending)
      return Promise.reject(this.#error("limited", `${maxPending} calls wait for answers already`, `${service}.${method}`, "none"));
    return new Promise((resolve, reject) => {
      const { timeoutMs, signal, attempts } = limits;
      const id = ++this.#lastId;
      const call: Call = {
        id,
        service,
        method,
        json,
        timeoutMs,
        resolve,
        reject,
        attempts,
        misses: 0,
        isSent: false,
        batch: undefined,
        forget: undefined,
      };
      this.#pending.set(id, call);
      this.#deadlines.add(call, timeoutMs);
      if (signal !== undefined) call.forget = onAbort(signal, () => this.#cancelled(call, signal));
      const ready = this.#driver.ready();
      if (this.#isReceiving && ready === undefined) this.#enqueue(call);
      else void this.#enqueueWhenReady(call, ready);
    });
  }

  /** Resolves when no call waits for an answer. */
  idle(): Promise<void> {
    return this.#pending.size === 0 ? resolved : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Ends the calls that wait. */
  close(): void {
    for (const call of this.#pending.values())
      this.#reject(
        call,
        this.#error("closed", "the service was closed", `${call.service}.${call.method}`, call.isSent ? "unknown" : "none"),
      );
    this.#deadlines.clear();
  }

  answered(token: string, body: Body): void {
    try {
      if (token.startsWith("b")) this.#partsAnswered(readParts(body));
      else this.#oneAnswered(Number(token), body);
    } catch (error) {
      this.#unreadable(token, error);
    }
  }

  nobody(token: string): void {
    const batch = this.#batches.get(token);
    if (batch !== undefined) {
      this.#batches.delete(token);
      for (const call of waitingOf(batch)) this.#sendAlone(call);
      return;
    }
    const call = this.#pending.get(Number(token));
    if (call === undefined) return;
    if (--call.attempts > 0) {
      call.isSent = false;
      // Full jitter, from 50 ms to a second; the time of the call bounds it.
      const longest = Math.min(1000, 50 * 2 ** Math.min(10, call.misses++));
      setTimeout(() => this.#pending.has(call.id) && this.#sendOne(call), Math.random() * longest + 10).unref?.();
      return;
    }
    const target = `${call.service}.${call.method}`;
    this.#reject(call, this.#error("unavailable", `nobody listens to ${target}`, target, "none"));
  }

  refused(service: string, method: string | undefined, error: unknown): void {
    for (const call of this.#pending.values()) {
      if (call.service !== service || !call.isSent) continue;
      if (method === undefined && call.batch !== undefined) {
        this.#leaveBatch(call);
        this.#sendAlone(call);
      } else if (method === call.method && call.batch === undefined)
        this.#reject(call, this.#errorOf(error, "request", `${service}.${method}`));
    }
  }

  broken(token: string, error: unknown): void {
    for (const call of this.#waitingFor(token)) this.#reject(call, this.#errorOf(error, "request", `${call.service}.${call.method}`));
  }

  failed(error: unknown): void {
    this.#isReceiving = false;
    this.#receiving = undefined;
    for (const call of this.#pending.values()) this.#reject(call, this.#errorOf(error, "request", `${call.service}.${call.method}`));
  }

  async #enqueueWhenReady(call: Call, ready: Promise<void> | undefined): Promise<void> {
    try {
      await ready;
      this.#receiving ??= this.#receive();
      await this.#receiving;
    } catch (error) {
      if (this.#pending.has(call.id)) this.#reject(call, this.#errorOf(error, "request", `${call.service}.${call.method}`));
      return;
    }
    if (this.#pending.has(call.id)) this.#enqueue(call);
  }

  async #receive(): Promise<void> {
    try {
      await this.#driver.receive(this);
      this.#isReceiving = true;
    } catch (error) {
      this.#receiving = undefined;
      throw error;
    }
  }

  #enqueue(call: Call): void {
    const calls = this.#outbox.get(call.service);
    if (calls === undefined) this.#outbox.set(call.service, [call]);
    else calls.push(call);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Behind the promise callbacks that are due now, so that calls made in them join.
    void resolved.then(this.#afterCallbacks);
  }

  readonly #afterCallbacks = (): void => afterCallbacks(this.#flush);

  readonly #flush = (): void => {
    this.#isScheduled = false;
    for (const [service, calls] of this.#outbox) {
      this.#outbox.delete(service);
      if (calls.length === 1 || this.#maxBatch === 1 || this.#isPlain(service)) for (const call of calls) this.#sendOne(call);
      else this.#sendMany(service, calls);
    }
  };

  #sendMany(service: string, calls: readonly Call[]): void {
    let batch: Call[] = [];
    let size = 0;
    const end = (): void => {
      if (batch.length === 1) this.#sendOne(batch[0]!);
      else if (batch.length > 1) this.#sendBatch(service, batch);
      batch = [];
      size = 0;
    };
    for (const call of calls) {
      if (!this.#pending.has(call.id)) continue;
      // Three bytes a character at most.
      const most = call.json.length * 3;
      if (batch.length === this.#maxBatch || size + most > maxBatchBytes) end();
      batch.push(call);
      size += most;
    }
    end();
  }

  #sendBatch(service: string, calls: readonly Call[]): void {
    const token = `b${++this.#lastId}`;
    const batch: Batch = { token, calls, left: calls.length };
    this.#batches.set(token, batch);
    for (const call of calls) {
      call.batch = batch;
      call.isSent = true;
    }
    const body = `[${calls.map(({ id, method, json }) => callText(id, method, json)).join(",")}]`;
    try {
      this.#driver.sendBatch!(service, body, token);
    } catch (error) {
      for (const call of calls) this.#reject(call, this.#errorOf(error, "request", `${service}.${call.method}`));
    }
  }

  #sendOne(call: Call): void {
    if (!this.#pending.has(call.id)) return;
    call.isSent = true;
    try {
      this.#driver.send(call.service, call.method, call.json, String(call.id));
    } catch (error) {
      this.#reject(call, this.#errorOf(error, "request", `${call.service}.${call.method}`));
    }
  }

  /** Nobody took the message with several calls: there may be peers that know single calls only. */
  #sendAlone(call: Call): void {
    if (this.#plain.size >= maxPlain) this.#plain.clear();
    this.#plain.set(call.service, performance.now() + plainMs);
    call.batch = undefined;
    this.#sendOne(call);
  }

  #isPlain(service: string): boolean {
    const until = this.#plain.get(service);
    if (until === undefined) return false;
    if (until > performance.now()) return true;
    this.#plain.delete(service);
    return false;
  }

  #oneAnswered(id: number, body: Body): void {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    const answer: unknown = JSON.parse(textOf(body));
    if (typeof answer !== "object" || answer === null) throw new SyntaxError("not an object");
    if ("error" in answer) this.#reject(call, this.#remote(call, answer as WireError));
    else this.#resolve(call, (answer as { payload?: unknown }).payload);
  }

  #partsAnswered(parts: readonly [number, ...unknown[]][]): void {
    for (const [id, payload, error] of parts) {
      const call = this.#pending.get(id);
      if (call === undefined) continue;
      if (error === undefined) this.#resolve(call, payload);
      else this.#reject(call, this.#remote(call, error as WireError));
    }
  }

  #unreadable(token: string, error: unknown): void {
    for (const call of this.#waitingFor(token)) {
      const { service, method } = call;
      const where = { driver: this.#driver.name, op: "request", target: `${service}.${method}`, cause: error };
      this.#reject(call, new QueueError("internal", "Bad JSON response", { ...where, outcome: "unknown" }));
    }
  }

  #remote({ service, method }: Call, answer: WireError): QueueError {
    return remoteError(answer, { driver: this.#driver.name, op: "request", target: `${service}.${method}` });
  }

  #late(call: Call): void {
    const target = `${call.service}.${call.method}`;
    const outcome = call.isSent ? "unknown" : "none";
    this.#reject(call, this.#error("timeout", `Request ${target} timed out after ${call.timeoutMs} ms`, target, outcome));
  }

  #cancelled(call: Call, signal: AbortSignal): void {
    const where = { driver: this.#driver.name, op: "request", target: `${call.service}.${call.method}`, cause: signal.reason as unknown };
    const outcome = call.isSent ? "unknown" : "none";
    this.#reject(call, new QueueError("cancelled", "cancelled by the caller's signal", { ...where, outcome }));
  }

  #resolve(call: Call, payload: unknown): void {
    this.#settle(call);
    call.resolve(payload);
  }

  #reject(call: Call, error: QueueError): void {
    this.#settle(call);
    call.reject(error);
  }

  #settle(call: Call): void {
    this.#pending.delete(call.id);
    this.#deadlines.remove(call, call.timeoutMs);
    call.forget?.();
    if (call.batch !== undefined) this.#leaveBatch(call);
    if (this.#pending.size > 0 || this.#onIdle.length === 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  #leaveBatch(call: Call): void {
    const batch = call.batch!;
    if (--batch.left === 0) this.#batches.delete(batch.token);
    call.batch = undefined;
  }

  /** The calls of a message that have no answer yet. */
  #waitingFor(token: string): readonly Call[] {
    const batch = this.#batches.get(token);
    if (batch !== undefined) return waitingOf(batch);
    const call = this.#pending.get(Number(token));
    return call === undefined ? [] : [call];
  }

  #error(code: "limited" | "closed" | "unavailable" | "timeout", message: string, target: string, outcome: "none" | "unknown"): QueueError {
    return new QueueError(code, message, { driver: this.#driver.name, op: "request", target, outcome });
  }
}

const waitingOf = (batch: Batch): readonly Call[] => batch.calls.filter((call) => call.batch === batch);

/** Runs `task` behind the promise callbacks that are due now. */
const afterCallbacks: (task: () => void) => void =
  globalThis.process?.nextTick === undefined ? (task) => queueMicrotask(task) : (task) => process.nextTick(task);
