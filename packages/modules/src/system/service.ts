// What admins see of a running server, and do to it.

import { BkError, type Clock, type Log, type LogLevel } from "@bk/core";

import { codeOf, denied, invalid, notFound } from "../common/failures.js";
import type { WholeCache } from "../contract/cache.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Caller } from "../contract/endpoint.js";
import type { Hook } from "../contract/hooks.js";
import { shownParams } from "./params.js";
import { requestStats } from "./request-stats.js";
import { mergeParts, type ProcessesOfServer, statNumbers, type StatNumbers } from "./stat-part.js";
import { processStats } from "./stats.js";

/** What it needs of a queue; a `Queue` of @bk/queue has it. */
export interface SystemQueue {
  submit(message: unknown): Promise<{ readonly id: string }>;
  stats(): Promise<object>;
}

/** What an app lends to admins. What is not given is refused with `unsupported`. */
export interface SystemOptions {
  /** Name and version of the app, for the statistics. */
  readonly app?: string;
  /** Most paths whose requests are told apart in the statistics. Default 25. */
  readonly maxPaths?: number;
  /** Queues by name. */
  readonly queues?: Readonly<Record<string, SystemQueue>>;
  /** Submits a job: its name was given by the request, and what of its input is right the jobs say. */
  readonly submitJob?: (name: string, input: unknown) => Promise<{ readonly id: string }>;
  /** Cancels the jobs for which all of it holds, and gives how many were found here and in queues. */
  readonly cancelJobs?: (choice: JobChoice) => Promise<number>;
  /** What the server was configured with; secrets are masked. */
  readonly params?: () => Readonly<Record<string, unknown>>;
  /** Reads the configuration again. What cannot be understood changes nothing, and is thrown. */
  readonly reload?: () => Promise<unknown>;
  /** Begins a restart. Called after the reply was made. */
  readonly restart?: () => void | Promise<void>;
  /** Where several processes serve: what they tell for the statistics. */
  readonly processes?: ProcessesOfServer;
  /** Reads and sets the level of the log. */
  readonly logLevel?: { get(): LogLevel; set(level: LogLevel): void };
}

/** Which jobs are meant: one of them at least is given. */
export interface JobChoice {
  readonly id?: string;
  readonly name?: string;
  readonly tag?: string;
  /** The key of a job of which one runs at a time. */
  readonly key?: string;
}

export interface SystemServiceOptions extends SystemOptions {
  readonly db: Pick<ModuleDb, "metrics">;
  readonly cache: WholeCache;
  readonly clock: Clock;
  readonly log: Log;
}

/** One value of the cache as it is shown. */
export interface ShownValue {
  readonly value: unknown;
  /** It is longer than is shown: then `value` is the beginning of its JSON. */
  readonly truncated?: true;
}

export interface SystemService {
  /** What counts requests, for the server. */
  readonly hooks: readonly Hook[];
  /** Of all processes; `workers` has what each of them tells. */
  stats(): Promise<ServerStats>;
  cacheStats(): Promise<object>;
  /** Asks the cache for an answer: it connects again where it was cut off. @throws what the cache throws while it is away */
  cacheInit(caller: Caller): Promise<void>;
  /** @param prefix  what the keys begin with. At most 1,000 */
  cacheKeys(prefix: string): Promise<string[]>;
  cacheGet(name: string): Promise<ShownValue>;
  /** Writes a value if there is none. @returns the one that is there now */
  cacheSet(caller: Caller, name: string, value: unknown, ttlMs: number | undefined): Promise<ShownValue>;
  cachePut(caller: Caller, name: string, value: unknown, ttlMs: number | undefined): Promise<void>;
  cacheIncr(caller: Caller, name: string, by: number): Promise<number>;
  cacheDel(caller: Caller, name: string): Promise<void>;
  /** @param prefix  what the keys begin with; empty: all that are not the server's own */
  cacheClear(caller: Caller, prefix: string): Promise<void>;
  params(unset: boolean): Record<string, unknown>;
  logLevel(caller: Caller, level: LogLevel | undefined): LogLevel;
  submitJob(caller: Caller, name: string, input: unknown): Promise<{ readonly id: string }>;
  cancelJobs(caller: Caller, choice: JobChoice): Promise<number>;
  publish(caller: Caller, queue: string, message: unknown): Promise<{ readonly id: string }>;
  queueStats(): Promise<Row>;
  /** The same as `cacheInit` of a queue, or of all. */
  queueInit(caller: Caller, queue: string | undefined): Promise<void>;
  configInit(caller: Caller): Promise<void>;
  restart(caller: Caller): void;
  close(): Promise<void>;
}

/** Numbers of a server, flat. Where several processes serve they are of all of them. */
export type ServerStats = Readonly<Record<string, number | string | Readonly<Record<string, StatNumbers | null>>>>;

/** Used signatures, whose removal would let them be used again, and rows of tables, with columns that nobody may see. */
const ownKeys = /^(nonce|db):/;
const mostKeys = 1000;
const mostShown = 65_536;
const atOnce = 200;

export function systemService(options: SystemServiceOptions): SystemService {
  const { db, cache, clock, log, queues = {}, submitJob, cancelJobs, params, reload, restart, logLevel } = options;
  const requests = requestStats(clock, options.maxPaths ?? 25);
  const stats = processStats({ db, cache, requests, clock, app: options.app });
  const { processes } = options;
  processes?.answer(() => stats.read());

  /** Which admin did what; never to which values. */
  const note = (caller: Caller, what: string): void => log.info(`system: ${what}`, { login: caller.login });

  function checked(name: string): string {
    if (ownKeys.test(name)) throw denied("this key is the server's own");
    return name;
  }

  function queueOf(name: string): SystemQueue {
    requireQueues();
    if (!Object.hasOwn(queues, name)) throw notFound("there is no such queue");
    return queues[name]!;
  }

  function requireQueues(): void {
    if (Object.keys(queues).length === 0) throw unsupported("queues");
  }

  const patternOf = (prefix: string): string => `${prefix.replaceAll(/[*?\\]/g, "\\$&")}*`;

  return {
    hooks: requests.hooks,
    async stats() {
      if (processes === undefined) return statNumbers(await stats.read());
      const parts = Object.entries(await processes.ask());
      const [first, ...others] = parts.flatMap(([, part]) => part ?? []);
      if (first === undefined) throw new BkError("unavailable", "no process of the server answers");
      const each = parts.map(([name, part]) => [name, part === undefined ? null : statNumbers(part)]);
      return { ...statNumbers(mergeParts(first, others)), workers: Object.fromEntries(each) as Record<string, StatNumbers | null> };
    },

    async cacheStats() {
      const { raw: _raw, ...numbers } = await cache.stats();
      return numbers;
    },

    async cacheInit(caller) {
      note(caller, "cache init");
      await cache.stats();
    },

    async cacheKeys(prefix) {
      const found: string[] = [];
      for await (const key of cache.keys(patternOf(prefix))) {
        if (ownKeys.test(key)) continue;
        found.push(key);
        if (found.length === mostKeys) break;
      }
      return found.sort();
    },

    cacheGet: async (name) => shown(await cache.get(checked(name))),

    async cacheSet(caller, name, value, ttlMs) {
      note(caller, "cache set");
      const isNew = await cache.add(checked(name), value, ttlMs === undefined ? {} : { ttlMs });
      return shown(isNew ? value : await cache.get(name));
    },

    async cachePut(caller, name, value, ttlMs) {
      note(caller, "cache put");
      await cache.put(checked(name), value, ttlMs === undefined ? {} : { ttlMs });
    },

    async cacheIncr(caller, name, by) {
      note(caller, "cache incr");
      return cache.incr(checked(name), by);
    },

    async cacheDel(caller, name) {
      note(caller, "cache del");
      await cache.del(checked(name));
    },

    async cacheClear(caller, prefix) {
      note(caller, "cache clear");
      const found: string[] = [];
      for await (const key of cache.keys(patternOf(prefix))) {
        if (!ownKeys.test(key)) found.push(key);
        if (found.length === atOnce) await cache.del(found.splice(0));
      }
      if (found.length > 0) await cache.del(found);
    },

    params: (unset) => shownParams(params?.() ?? {}, unset),

    logLevel(caller, level) {
      if (logLevel === undefined) throw unsupported("the level of the log");
      if (level !== undefined) {
        logLevel.set(level);
        note(caller, `log level ${level}`);
      }
      return logLevel.get();
    },

    submitJob(caller, name, input) {
      if (submitJob === undefined) throw unsupported("jobs");
      note(caller, "job submitted");
      return submitJob(name, input);
    },

    async cancelJobs(caller, choice) {
      if (cancelJobs === undefined) throw unsupported("jobs");
      if (Object.keys(choice).length === 0) throw invalid("one of id, name, tag and key is required", "id");
      note(caller, "jobs cancelled");
      return cancelJobs(choice);
    },

    async publish(caller, queue, message) {
      const known = queueOf(queue);
      if (message === undefined) throw invalid("value is required", "value");
      note(caller, `message to queue ${queue}`);
      return known.submit(message);
    },

    async queueInit(caller, queue) {
      requireQueues();
      const asked = queue === undefined ? Object.values(queues) : [queueOf(queue)];
      note(caller, "queue init");
      for (const each of asked) await each.stats();
    },

    async configInit(caller) {
      if (reload === undefined) throw unsupported("reading the configuration again");
      note(caller, "config init");
      await reload();
    },

    async queueStats() {
      const found: Row = {};
      for (const [name, queue] of Object.entries(queues)) found[name] = await queue.stats();
      return found;
    },

    restart(caller) {
      if (restart === undefined) throw unsupported("a restart");
      note(caller, "restart");
      // Behind the reply to this request.
      setImmediate(() => {
        Promise.resolve()
          .then(restart)
          .catch((error: unknown) => log.error("the restart failed", { code: codeOf(error) }));
      });
    },

    close: () => stats.close(),
  };
}

function unsupported(what: string): BkError {
  return new BkError("unsupported", `this server was not told how to do that: ${what}`);
}

function shown(value: unknown): ShownValue {
  if (value === undefined) return { value: null };
  const text = JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each)) as string | undefined;
  if (text === undefined) return { value: null };
  return text.length > mostShown ? { value: text.slice(0, mostShown), truncated: true } : { value: JSON.parse(text) as unknown };
}
