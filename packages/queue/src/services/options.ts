// What the calls of services take, and the checks of it.

import { type Clock, integer, type Log, type OptionType, type OptionTypes, readOptions, string } from "@bk/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import { checkLimits } from "../common/limits.js";
import { checkName } from "../common/names.js";
import { invalid } from "../errors.js";
import type { ServiceDriver } from "./driver.js";

/** Settings of a service. */
export interface ServiceOptions {
  /** Where calls travel; default `nats://127.0.0.1:4222`. */
  readonly url?: string | undefined;
  /** Several NATS servers, as picom takes them, instead of `url`. */
  readonly servers?: readonly string[] | undefined;
  /** A driver object of somebody else's, instead of `url`. */
  readonly driver?: ServiceDriver | undefined;
  /** Milliseconds until a request is given up, unless it says otherwise; default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** The most calls of one tick that travel in one message to one instance; default 64, 1 sends each alone. */
  readonly maxBatch?: number | undefined;
  /** The most bytes of a message or answer, at most what the engine takes; default 1 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** How many handlers run at once; default 1,000. */
  readonly concurrency?: number | undefined;
  /** How many calls wait for one that has ended; default 10,000. Further ones are refused with `limited`. */
  readonly maxWaiting?: number | undefined;
  /** Milliseconds that `close` waits for handlers and own calls; default 10,000. */
  readonly drainTimeoutMs?: number | undefined;
  /** What this instance tells of itself; default `0.0.0`. */
  readonly version?: string | undefined;
  /** Told of what handlers throw; default: it goes to the log. */
  readonly onError?: ((error: unknown, context: CallContext) => void) | undefined;
  /** Settings of the driver beside the URL, as its README names them. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
}

/** What a handler is told beside the message. */
export interface CallContext {
  readonly service: string;
  readonly method: string;
  /** Aborts when the service is closed and its handlers have had their time. */
  readonly signal: AbortSignal;
  /** Whether somebody waits for the answer: false where the message was published. */
  readonly isAnswered: boolean;
}

/** What a method does; what it gives, or throws, goes back to the caller. */
export type MethodHandler<Message = never> = (message: Message, context: CallContext) => unknown;

/** A method with a schema: messages that are not as it says are `invalid`, and the handler gets what it makes of them. */
export interface MethodDefinition {
  readonly input: StandardSchemaV1;
  readonly run: MethodHandler;
}

export type Methods = Readonly<Record<string, MethodHandler | MethodDefinition>>;

export interface CheckedMethod {
  readonly name: string;
  readonly input: StandardSchemaV1 | undefined;
  readonly run: (message: unknown, context: CallContext) => unknown;
}

export interface RequestOptions {
  /** Milliseconds until it is given up; an integer from 1. Default: that of the service. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How often it is tried while nobody listens, with growing pauses; default 1. What may have been received is never sent again. */
  readonly attempts?: number | undefined;
}

const servers: OptionType<readonly string[]> = {
  mustBe: "a list of URLs",
  read: (given) =>
    Array.isArray(given) && given.length > 0 && given.every((each) => typeof each === "string") ? (given as string[]) : undefined,
};
const anyFunction: OptionType<NonNullable<ServiceOptions["onError"]>> = {
  mustBe: "a function",
  read: (given) => (typeof given === "function" ? (given as NonNullable<ServiceOptions["onError"]>) : undefined),
};
const anyObject: OptionType<object> = {
  mustBe: "an object",
  read: (given) => (typeof given === "object" && given !== null ? given : undefined),
};

const types = {
  url: string(),
  servers,
  driver: anyObject,
  timeoutMs: integer({ min: 1 }),
  maxBatch: integer({ min: 1, max: 10_000 }),
  maxMessageBytes: integer({ min: 1 }),
  concurrency: integer({ min: 1 }),
  maxWaiting: integer(),
  drainTimeoutMs: integer(),
  version: string("a version such as 1.2.3", (text) => /^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/.test(text)),
  onError: anyFunction,
  options: anyObject,
  clock: anyObject,
  log: anyObject,
} satisfies OptionTypes;

/** The settings of a service with their defaults; one that has no effect is refused. */
export function readServiceOptions(options: ServiceOptions) {
  // As picom: a text or a list in its place is a mistake.
  if (typeof options !== "object" || options === null || Array.isArray(options)) throw invalid("openService: options must be an object");
  const read = readOptions(options as Readonly<Record<string, unknown>>, types, (option, problem) =>
    invalid(`openService: ${problem}`, { detail: { field: option } }),
  );
  const ways = [read.url, read.servers, read.driver].filter((way) => way !== undefined);
  if (ways.length > 1) throw invalid("openService takes one of url, servers and driver");
  return {
    timeoutMs: read.timeoutMs ?? 30_000,
    maxBatch: read.maxBatch ?? 64,
    maxMessageBytes: read.maxMessageBytes ?? 1024 * 1024,
    concurrency: read.concurrency ?? 1000,
    maxWaiting: read.maxWaiting ?? 10_000,
    drainTimeoutMs: read.drainTimeoutMs ?? 10_000,
    version: read.version ?? "0.0.0",
    onError: read.onError,
  };
}

const requestOptions: ReadonlySet<string> = new Set(["timeoutMs", "signal", "attempts"]);

/** @throws QueueError `invalid` */
export function checkRequestOptions(options: RequestOptions): void {
  if (typeof options !== "object" || options === null) throw invalid("request: options must be an object");
  const unknown = Object.keys(options).find((name) => !requestOptions.has(name));
  if (unknown !== undefined)
    throw invalid(`request: unknown option ${JSON.stringify(unknown.slice(0, 50))}; there are ${[...requestOptions].join(", ")}`);
  checkLimits(options, "request");
  const { attempts = 1 } = options;
  if (!Number.isSafeInteger(attempts) || attempts < 1) throw invalid("request: attempts must be an integer from 1");
}

const methodName = /^[\w$-]{1,100}$/;

/** The methods of an object itself, taken now. @throws QueueError `invalid` */
export function checkMethods(methods: Methods): CheckedMethod[] {
  if (typeof methods !== "object" || methods === null) throw invalid("expose: the methods must be an object");
  return Object.entries(methods).map(([name, method]) => {
    if (!methodName.test(name))
      throw invalid(`expose: a method has letters, digits, "_", "-" and "$", at most 100: ${JSON.stringify(name.slice(0, 50))}`);
    if (typeof method === "function") return { name, input: undefined, run: method as CheckedMethod["run"] };
    if (typeof method?.run !== "function" || typeof method.input?.["~standard"]?.validate !== "function")
      throw invalid(`expose: ${name} must be a function, or { input, run } with a Standard Schema as input`);
    return { name, input: method.input, run: method.run as CheckedMethod["run"] };
  });
}

interface Target {
  readonly service: string;
  readonly method: string;
}

/** Those that were read before: a program has few, and calls them often. */
const targets = new Map<unknown, Target>();
const maxTargets = 1000;

/** Takes `service.method` apart. @throws QueueError `invalid` */
export function readTarget(target: unknown, op: string): Target {
  const known = targets.get(target);
  if (known !== undefined) return known;
  const read = takeApart(target, op);
  if (targets.size >= maxTargets) targets.clear();
  targets.set(target, read);
  return read;
}

function takeApart(target: unknown, op: string): Target {
  const dot = typeof target === "string" ? target.lastIndexOf(".") : -1;
  if (dot < 0) throw invalid(`${op}: name a service and its method, as "math.add"`);
  const service = (target as string).slice(0, dot);
  const method = (target as string).slice(dot + 1);
  checkName(service, `${op}: the name of a service`);
  if (service.split(".").includes("")) throw invalid(`${op}: the name of a service has no empty parts`);
  if (!methodName.test(method)) throw invalid(`${op}: a method has letters, digits, "_", "-" and "$", at most 100`);
  return { service, method };
}
