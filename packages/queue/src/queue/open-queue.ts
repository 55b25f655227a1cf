// Opening a work queue.

import { ClientEvents, type Clock, integer, type Log, parseConnectUrl, readOptions, redactUrl, silentLog, systemClock } from "@bk/core";

import { checkName } from "../common/names.js";
import { invalid, unsupported, wrongOption } from "../errors.js";
import type { DbLike } from "../drivers/db/db-like.js";
import type { QueueDriver } from "./driver.js";
import { Engine } from "./engine.js";
import { Queue } from "./queue.js";
import { queueDriverFor, queueSchemes } from "./registry.js";

export interface QueueOptions {
  /** The queue's name: letters, digits, `_`, `-` and `.`; default `default`. */
  readonly name?: string;
  /** Most attempts of a message that says nothing itself; 0: no limit. Default 10. */
  readonly maxAttempts?: number;
  /** Most bytes of a message as JSON; default 1 MiB, or less where the engine takes less. */
  readonly maxPayloadBytes?: number;
  /** Milliseconds that one request to the broker may take; default 30,000. */
  readonly requestTimeoutMs?: number;
  /** Settings of the driver beside the URL, as its README names them. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** Where the queue is: a URL, a database, or a driver object. */
export interface QueueSource {
  readonly url?: string;
  /** A `Db` of @bk/db that was opened with `queueTables` among its tables: `submit` in a transaction of it is a part of that. */
  readonly db?: DbLike;
  readonly driver?: QueueDriver;
}

const numbers = {
  maxAttempts: integer(),
  maxPayloadBytes: integer({ min: 1 }),
  requestTimeoutMs: integer({ min: 1 }),
};

const defaultPayloadBytes = 1024 * 1024;
/** What a header takes at most beside the payload. */
const headerBytes = 200;

/**
 * Opens a work queue. Nothing is sent to a broker before the first call.
 *
 * @param source  a URL such as `redis://127.0.0.1:6379`, or an object with `url` or `driver`, which may hold the options too
 * @throws QueueError `invalid` for a URL or option that is wrong; `driver-missing` when a client package is not installed
 */
export async function openQueue<Message = unknown>(
  source: string | (QueueSource & QueueOptions),
  options: QueueOptions = {},
): Promise<Queue<Message>> {
  const { url, db, driver: given, ...rest } = { ...(typeof source === "string" ? { url: source } : source), ...options };
  const { name = "default", clock = systemClock, log = silentLog, options: settings = {}, ...others } = rest;
  checkName(name, "the name of a queue");
  const { maxAttempts = 10, maxPayloadBytes, requestTimeoutMs = 30_000 } = readOptions({ ...others }, numbers, wrongOption("openQueue"));
  if ([url, db, given].filter((way) => way !== undefined).length !== 1) throw invalid("openQueue needs one of url, db and driver");
  const events = new ClientEvents(log);
  const driverOptions = { queue: name, url: url ?? "", options: settings, clock, log, events };
  const onDb = db === undefined ? undefined : (await import("../drivers/db/queue.js")).queueOnDb(db, driverOptions);
  const driver = given ?? onDb ?? (await driverOf(url!, driverOptions));
  const { bodyBytes } = driver.capabilities;
  const most = bodyBytes === undefined ? Infinity : bodyBytes - headerBytes;
  const engine = new Engine(driver, { queue: name, clock, log, requestTimeoutMs });
  return new Queue<Message>(engine, events, { maxAttempts, maxPayloadBytes: Math.min(maxPayloadBytes ?? defaultPayloadBytes, most) });
}

async function driverOf(
  url: string,
  options: Parameters<NonNullable<Awaited<ReturnType<typeof queueDriverFor>>>>[0],
): Promise<QueueDriver> {
  // What follows `db:` is a URL of its own.
  const scheme = /^db:/i.test(url) ? "db" : parseConnectUrl(url).scheme;
  const open = await queueDriverFor(scheme);
  if (scheme === "sns" || scheme === "eventbridge")
    throw unsupported(`there is no driver for ${scheme}:; submit to sqs:, or publish with the client of AWS in the handler of a queue`, {
      driver: scheme,
      op: "openQueue",
    });
  if (open === undefined)
    throw invalid(`there is no driver for queues at ${redactUrl(url)}; there are ${queueSchemes.map((each) => `${each}:`).join(", ")}`);
  return open(options);
}
