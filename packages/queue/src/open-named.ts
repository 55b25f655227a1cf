// Queues and buses by name.

import { NamedClients } from "@bk/core";

import { openPubSub } from "./pubsub/open-pubsub.js";
import type { PubSubOptions } from "./pubsub/options.js";
import type { PubSub } from "./pubsub/pubsub.js";
import { openQueue, type QueueOptions, type QueueSource } from "./queue/open-queue.js";
import type { Queue } from "./queue/queue.js";

/** Where a queue is: a URL, or a source with settings; without `name` the queue is called as in the list. */
export type QueueSpec = string | (QueueSource & QueueOptions);
export type Queues = NamedClients<Queue, QueueSpec>;

/** Where a bus is: a URL, or one with settings. */
export type PubSubSpec = string | ({ readonly url: string } & PubSubOptions);
export type PubSubs = NamedClients<PubSub, PubSubSpec>;

/**
 * Opens queues by name. `default` is `shared:` and `local` is `local:` where nothing else is said of them.
 *
 * `keep(name, (queue) => queue.listen(…))` consumes a queue through every `reconfigure`.
 *
 * @throws QueueError as `openQueue`; BkError `invalid` for a name that has other than lower-case letters, digits and `_`
 */
export function openQueues(specs: Readonly<Record<string, QueueSpec>> = {}): Promise<Queues> {
  const open = (name: string, spec: QueueSpec): Promise<Queue> => openQueue({ name, ...(typeof spec === "string" ? { url: spec } : spec) });
  return NamedClients.open<Queue, QueueSpec>(
    { what: "openQueues", open, check: (queue) => queue.stats() },
    { default: "shared:", local: "local:", ...specs },
  );
}

/**
 * Opens publish and subscribe by name, as `openQueues` does queues. `keep(name, (bus) => bus.subscribe(…))` is subscribed through every `reconfigure`; what
 * is published while it changes over may come twice.
 *
 * @throws QueueError as `openPubSub`; BkError `invalid` for a name that has other than lower-case letters, digits and `_`
 */
export function openPubSubs(specs: Readonly<Record<string, PubSubSpec>> = {}): Promise<PubSubs> {
  const open = (_name: string, spec: PubSubSpec): Promise<PubSub> => {
    if (typeof spec === "string") return openPubSub(spec);
    const { url, ...options } = spec;
    return openPubSub(url, options);
  };
  // Nobody listens to it: what counts is that the engine takes it.
  const check = (bus: PubSub): Promise<void> => bus.publish("bk.reached", null);
  return NamedClients.open<PubSub, PubSubSpec>({ what: "openPubSubs", open, check }, { default: "shared:", local: "local:", ...specs });
}
