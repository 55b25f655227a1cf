// Publish and subscribe on core NATS.

import { QueueError } from "../../errors.js";
import type { EngineSubscription, Payload, PubSubDriver, PubSubDriverOptions, Sink, Wanted } from "../../pubsub/driver.js";
import { type NatsLink, openNats } from "./connection.js";
import { classifyNats } from "./errors.js";
import { natsOptions } from "./options.js";

/** What servers take unless they are set otherwise. */
const usualMaxPayload = 1024 * 1024;

/**
 * `nats://user:password@host1:4222,host2:4222`, `tls://…`.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function natsPubSub(options: PubSubDriverOptions): Promise<PubSubDriver> {
  const link = await openNats(natsOptions(options), options.log);
  const sinks = new Set<Sink>();
  link.listen({
    reconnected() {
      for (const sink of sinks) sink.missed();
    },
  });
  const flushes = new Flushes(link);
  return {
    name: "nats",
    capabilities: { reach: "network", wildcards: true, groups: true, maxBytes: 64 * 1024 * 1024 },
    ready: () => link.ready(),
    publish: (channel, payload) => flushes.publish(channel, payload),
    subscribe: (wanted, sink) => subscribe(link, sinks, wanted, sink),
    classify: classifyNats,
    close: () => link.close(),
  };
}

async function subscribe(link: NatsLink, sinks: Set<Sink>, { pattern, group }: Wanted, sink: Sink): Promise<EngineSubscription> {
  const { connection } = link;
  let hasEnded = false;
  let isTaken = false;
  let refused: Error | undefined;
  const subscription = connection.subscribe(pattern, {
    ...(group === undefined ? {} : { queue: group }),
    callback(error, message) {
      if (error === null) return sink.deliver(message.subject, message.data);
      hasEnded = true;
      sinks.delete(sink);
      // Before the subscription stands, the caller is told by the flush.
      refused ??= error;
      if (isTaken) sink.failed(error);
    },
  });
  // Refusals come before the answer to the flush.
  await connection.flush();
  if (refused !== undefined) throw refused;
  isTaken = true;
  sinks.add(sink);
  return {
    async close() {
      sinks.delete(sink);
      if (!hasEnded && !connection.isClosed()) await subscription.drain();
    },
  };
}

/** The messages of one tick are flushed once; those whose subject the server refuses fail. */
class Flushes {
  readonly #link: NatsLink;
  #current: { readonly subjects: Map<string, Error | undefined>; readonly done: Promise<void> } | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
    link.listen({
      refused: (error) => {
        if (error.name !== "PermissionViolationError" || !("subject" in error)) return;
        for (const flush of this.#running) if (flush.has(error.subject as string)) flush.set(error.subject as string, error);
      },
    });
  }

  readonly #running = new Set<Map<string, Error | undefined>>();

  async publish(channel: string, payload: Payload): Promise<void> {
    const { connection } = this.#link;
    const max = connection.info?.max_payload ?? usualMaxPayload;
    // A character takes three bytes at most, so most need no counting.
    if (payload.length * 3 > max && byteLength(payload) > max)
      throw new QueueError("too-large", `nats: the message is larger than the ${max} bytes that the server takes`, {
        driver: "nats",
        detail: { maxBytes: max },
      });
    connection.publish(channel, payload);
    this.#current ??= this.#begin();
    const { subjects, done } = this.#current;
    if (!subjects.has(channel)) subjects.set(channel, undefined);
    await done;
    const refused = subjects.get(channel);
    if (refused !== undefined) throw refused;
  }

  #begin(): { readonly subjects: Map<string, Error | undefined>; readonly done: Promise<void> } {
    const subjects = new Map<string, Error | undefined>();
    this.#running.add(subjects);
    const done = (async () => {
      // Behind the calls that are made in this tick.
      await Promise.resolve();
      this.#current = undefined;
      try {
        await this.#link.connection.flush();
        // A refusal that came before the answer is told by the callbacks that are due now.
        await new Promise<void>((resolve) => process.nextTick(resolve));
      } finally {
        this.#running.delete(subjects);
      }
    })();
    return { subjects, done };
  }
}

function byteLength(payload: Payload): number {
  return typeof payload === "string" ? Buffer.byteLength(payload) : payload.byteLength;
}
