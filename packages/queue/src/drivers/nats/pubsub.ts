// Publish and subscribe on core NATS.

import type { EngineSubscription, PubSubDriver, PubSubDriverOptions, Sink, Wanted } from "../../pubsub/driver.js";
import { type NatsLink, openNats } from "./connection.js";
import { classifyNats } from "./errors.js";
import { Flushes } from "./flushes.js";
import { natsOptions } from "./options.js";

/**
 * `nats://user:password@host1:4222,host2:4222`, `tls://…`.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function natsPubSub(options: PubSubDriverOptions): Promise<PubSubDriver> {
  const link = await openNats(natsOptions(options), options);
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
