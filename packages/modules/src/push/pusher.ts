// Sending messages to devices, at once or through a queue.

import { createHash, randomUUID } from "node:crypto";

import { openCache } from "@bk/cache";
import { BkError, type Clock, integer, type Log, silentLog, systemClock } from "@bk/core";
import { defineJobs, type Failure, GiveUp, type JobContext, type Listener, type ListenOptions, type QueueLike } from "@bk/queue";

import { codeOf, invalid } from "../common/failures.js";
import { apns, type ApnsOptions } from "./apns.js";
import { parseDevice, type PushDevice, type PushServiceName, splitDevices } from "./device.js";
import { fcm, type FcmOptions } from "./fcm.js";
import { type CheckedMessage, checkMessage, type PushMessage } from "./push-message.js";
import { isPassing, type PushService } from "./push-service.js";
import { webPush, type WebPushOptions } from "./web-push.js";

/** An app and the services that its devices are reached by. */
export interface PushApp {
  readonly apns?: ApnsOptions | undefined;
  readonly fcm?: FcmOptions | undefined;
  readonly webPush?: WebPushOptions | undefined;
}

/** What is used of a cache; a `Cache` of @bk/cache has it. */
export interface PushCache {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown, options: { readonly ttlMs: number }): Promise<unknown>;
  limit(
    key: string,
    options: { readonly rate: number; readonly perMs: number; readonly burst: number },
  ): Promise<{ readonly allowed: boolean; readonly delayMs: number }>;
}

export interface PusherOptions {
  /** Apps by the name that devices have behind `@`. */
  readonly apps: Readonly<Record<string, PushApp>>;
  /** The app of devices that name none. Default: the only one. */
  readonly defaultApp?: string | undefined;
  /** For `submit` and `work`. */
  readonly queue?: QueueLike | undefined;
  /** One that all workers reach counts for all of them, and knows what others have sent. Default: this process alone. */
  readonly cache?: PushCache | undefined;
  /** Most messages in a second to each service, of `work`. Default: no limit. */
  readonly ratePerSecond?: number | undefined;
  /** Devices of one job; default 100. */
  readonly batch?: number | undefined;
  /** How long a service may take to reply, in milliseconds; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** A service says that a device is registered no more. What it throws is logged. */
  readonly onUninstall?: ((device: string, account: string | undefined) => Promise<void> | void) | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
}

/** A device, or one of an account. */
export type Target = string | { readonly device: string; readonly account?: string | undefined };

export interface PushResult {
  readonly device: string;
  readonly ok: boolean;
  /** The id that the service gave to the message. */
  readonly id?: string;
  /** Why it was not sent. */
  readonly error?: BkError;
  /** The device is registered no more: the app was removed, or the browser's subscription ended. */
  readonly unregistered: boolean;
}

export interface SubmitPushOptions {
  /** While a message of this key waits in the queue or is being sent, another one to the same devices is not added. */
  readonly key?: string | undefined;
  /** How long it waits, in milliseconds. For a queue that can delay. */
  readonly delayMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Pusher {
  /**
   * Sends a message to devices now. It resolves when each service has answered, with one result for each device in their order; nothing that a service says rejects it.
   * A service that is away, or asks to wait for a moment, is asked up to three times.
   *
   * @throws BkError `invalid` for the message
   */
  send(targets: readonly Target[], message: PushMessage, options?: { readonly signal?: AbortSignal | undefined }): Promise<PushResult[]>;
  /**
   * Puts a message for devices into the queue, a job for each `batch` of them.
   *
   * @returns  the ids of the jobs, and how many of them the queue had already
   * @throws BkError `invalid` for the message or a device; as `submit` of the queue
   */
  submit(
    targets: readonly Target[],
    message: PushMessage,
    options?: SubmitPushOptions,
  ): Promise<{ readonly ids: readonly string[]; readonly duplicates: number }>;
  /**
   * Sends what is in the queue, in this process, until the listener is closed. Each device is sent to at least once: what a job has sent is noted, so that one that is tried
   * again, or comes twice, goes on where it was.
   *
   * @param options  those of `listen`; the first rest is 10 s by default, or as long as a service asks for
   */
  work(options?: ListenOptions): Promise<Listener>;
  /** The job that sends, for workers that run other jobs too: `defineJobs({ [pushJob]: push.job, … })`. */
  readonly job: { readonly run: (input: unknown, context: JobContext) => Promise<void> };
  /** Opens connections anew, and asks for tokens again. */
  reset(): void;
  /** Ends connections when what is being sent has ended, for which it waits as long as a service may take. */
  close(): Promise<void>;
}

/** The name of the job that sends messages to devices. */
export const pushJob = "push.send";

interface PushBatch {
  /** Of the message: what is noted of it goes by it. */
  readonly id: string;
  readonly targets: readonly { readonly device: string; readonly account?: string | undefined }[];
  readonly message: CheckedMessage;
}

/** How long it is known what a job has sent. */
const notedMs = 86_400_000;
/** Devices of one job. */
const mostTargets = 1000;
const numbers = {
  batch: integer({ min: 1, max: mostTargets }),
  timeoutMs: integer({ min: 1 }),
  ratePerSecond: integer({ min: 1, max: 1_000_000 }),
};

/**
 * Makes a sender to devices. Nothing is connected before the first message.
 *
 * @throws BkError `invalid` naming the option; `driver-missing` without the package web-push, where an app has `webPush`
 */
export async function pusher(options: PusherOptions): Promise<Pusher> {
  const { apps, queue, onUninstall, clock = systemClock, log = silentLog, ratePerSecond } = options;
  const names = Object.keys(apps ?? {});
  if (names.length === 0) throw invalid("pusher needs apps", "apps");
  const defaultApp = options.defaultApp ?? (names.length === 1 ? names[0] : undefined);
  if (defaultApp !== undefined && !Object.hasOwn(apps, defaultApp)) throw invalid("defaultApp is none of apps", "defaultApp");
  for (const [name, type] of Object.entries(numbers)) {
    const given = options[name as keyof typeof numbers];
    if (given !== undefined && type.read(given) === undefined) throw invalid(`${name} must be ${type.mustBe}`, name);
  }
  const { batch = 100, timeoutMs = 10_000 } = options;
  const services = await servicesOf(apps, clock, timeoutMs);
  const cache = options.cache ?? (await openCache("local:", { clock }));
  const targetOf = (target: Target): PushBatch["targets"][number] => (typeof target === "string" ? { device: target } : target);

  /** @throws BkError `invalid` for a device that nobody here sends to */
  function serviceOf({ service, app = defaultApp }: PushDevice): PushService {
    const found = app === undefined ? undefined : services.get(`${service} ${app}`);
    if (found === undefined)
      throw invalid(`no app is set up for the device: service ${service}, app ${(app ?? "none").slice(0, 60)}`, "device_id");
    return found;
  }

  async function sendOne(
    { device: id, account }: PushBatch["targets"][number],
    message: CheckedMessage,
    signal: AbortSignal | undefined,
  ): Promise<PushResult> {
    try {
      if (hasEnded(message, clock.now())) throw invalid("the message has ended", "expires");
      const device = parseDevice(id);
      return { device: id, ok: true, id: await serviceOf(device).send(device.token, message, signal), unregistered: false };
    } catch (cause) {
      const error = cause instanceof BkError ? cause : new BkError("internal", "push: the message could not be sent", { cause });
      const isGone = error.code === "not-found";
      if (isGone) await uninstalled(id, account);
      return { device: id, ok: false, error, unregistered: isGone };
    }
  }

  async function uninstalled(device: string, account: string | undefined): Promise<void> {
    try {
      await onUninstall?.(device, account);
    } catch (error) {
      log.error("a device that is registered no more could not be removed", { code: codeOf(error) });
    }
  }

  async function run(input: unknown, { signal }: Pick<JobContext, "signal">): Promise<void> {
    const { id, targets, message } = read(input);
    if (hasEnded(message, clock.now())) return log.info("a message to devices has ended before it was sent", { devices: targets.length });
    let sent = 0;
    const failed: BkError[] = [];
    await Promise.all(
      targets.map(async (target) => {
        const note = `push:${id}:${digest(target.device)}`;
        if ((await cache.get(note)) !== undefined) return;
        await pace(target.device, signal);
        const { ok, error, unregistered } = await sendOne(target, message, signal);
        if (!ok && !unregistered) return void failed.push(error!);
        sent++;
        // Sent is sent: without the note it may be sent again.
        await cache
          .put(note, 1, { ttlMs: notedMs })
          .catch((fault: unknown) => log.warn("what was sent could not be noted", { code: codeOf(fault) }));
      }),
    );
    if (failed.length === 0) return;
    log.warn("a message could not be sent to some devices", { failed: failed.length, sent, code: failed[0]!.code });
    // What may go at another time comes first: a job that is tried again tells of the others at its end.
    const passing = failed.filter(isPassing);
    if (passing.length === 0) throw new GiveUp(`not sent to ${failed.length} of ${targets.length} devices: ${failed[0]!.message}`);
    throw passing.reduce((longest, each) => (waitOf(each) > waitOf(longest) ? each : longest));
  }

  /** @throws GiveUp for what is no message: a queue is open to whoever can write to it */
  function read(input: unknown): PushBatch {
    try {
      const { id, targets, message } = (input ?? {}) as PushBatch;
      const isWhole = typeof id === "string" && Array.isArray(targets) && targets.length <= mostTargets;
      if (!isWhole || targets.some((each) => typeof each?.device !== "string")) throw invalid("it has no devices", "device_id");
      return { id, targets, message: checkMessage(message, clock.now()) };
    } catch (error) {
      throw new GiveUp(`the message cannot be sent: ${error instanceof Error ? error.message : "it cannot be read"}`, { cause: error });
    }
  }

  async function pace(device: string, signal: AbortSignal): Promise<void> {
    if (ratePerSecond === undefined) return;
    let service: PushServiceName;
    try {
      service = parseDevice(device).service;
    } catch {
      // It is not sent to; its result says so.
      return;
    }
    for (;;) {
      const { allowed, delayMs } = await cache.limit(`push:rate:${service}`, { rate: ratePerSecond, perMs: 1000, burst: ratePerSecond });
      if (allowed) return;
      await clock.sleep(Math.max(1, delayMs), signal);
    }
  }

  const job = { run };
  const jobs = defineJobs({ [pushJob]: job }, { clock, log });

  return {
    send(targets, message, { signal } = {}) {
      const checked = checkMessage(message, clock.now());
      return Promise.all(targets.map((target) => sendOne(targetOf(target), checked, signal)));
    },
    async submit(targets, message, { key, delayMs, signal } = {}) {
      if (queue === undefined) throw invalid("submit is for a pusher with a queue", "queue");
      const checked = checkMessage(message, clock.now());
      const all = targets.map(targetOf);
      for (const { device } of all) serviceOf(parseDevice(device));
      const ids: string[] = [];
      let duplicates = 0;
      for (let at = 0; at < all.length; at += batch) {
        const part = all.slice(at, at + batch);
        const dedupeKey = key === undefined ? undefined : `push-${digest(JSON.stringify([key, part]))}`;
        const { id, duplicate } = await jobs.submit(
          queue,
          pushJob,
          { id: randomUUID(), targets: part, message: checked },
          { dedupeKey, delayMs, signal },
        );
        ids.push(id);
        if (duplicate) duplicates++;
      }
      return { ids, duplicates };
    },
    work(given = {}) {
      if (queue === undefined) throw invalid("work is for a pusher with a queue", "queue");
      // A rest that a service asks for is kept.
      const failure = (error: unknown): Failure =>
        error instanceof GiveUp ? "dead" : waitOf(error) > 0 ? { delayMs: waitOf(error), counts: true } : "retry";
      return jobs.work(queue, { concurrency: 5, failure, ...given, backoff: { delayMs: 10_000, jitter: 0.3, ...given.backoff } });
    },
    job,
    reset: () => services.forEach((service) => service.reset()),
    async close() {
      await Promise.all([...services.values()].map((service) => service.close()));
      if (options.cache === undefined) await (cache as { close?(): Promise<void> }).close?.();
    },
  };
}

async function servicesOf(apps: PusherOptions["apps"], clock: Clock, timeoutMs: number): Promise<Map<string, PushService>> {
  const found = new Map<string, PushService>();
  const parts = { clock, timeoutMs };
  for (const [name, app] of Object.entries(apps)) {
    if (!/^[\w.-]{1,200}$/.test(name)) throw invalid("the name of an app has letters, digits and _.-", "apps");
    if (app.apns !== undefined) found.set(`apns ${name}`, apns(app.apns, name, parts));
    if (app.fcm !== undefined) found.set(`fcm ${name}`, fcm(app.fcm, parts));
    if (app.webPush !== undefined) found.set(`webpush ${name}`, await webPush(app.webPush, parts));
  }
  return found;
}

/** 0 is now or never, and ends never here. */
const hasEnded = ({ expires }: CheckedMessage, now: number): boolean => expires !== undefined && expires !== 0 && expires < now;
const digest = (text: string): string => createHash("sha256").update(text).digest("base64url");

/** How long a service asks to wait, in milliseconds. */
function waitOf(error: unknown): number {
  const asked = error instanceof BkError ? error.detail?.["retryAfterMs"] : undefined;
  return typeof asked === "number" ? asked : 0;
}

/**
 * The devices that a message is for: those of a service, where one is named, and those of an app; where none is of the app, those of the default app.
 */
export function chosenDevices(
  ids: string | readonly string[],
  { app, service }: { readonly app?: string | undefined; readonly service?: PushServiceName | undefined } = {},
): string[] {
  const known = splitDevices(ids).flatMap((id) => {
    try {
      return [parseDevice(id)];
    } catch {
      // What an account says of its devices may be anything.
      return [];
    }
  });
  const ofService = service === undefined ? known : known.filter((device) => device.service === service);
  const ofApp = app === undefined ? ofService : ofService.filter((device) => device.app === app);
  return (ofApp.length > 0 || app === undefined ? ofApp : ofService.filter((device) => device.app === undefined)).map(({ id }) => id);
}
