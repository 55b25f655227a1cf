// Publish and subscribe on Hazelcast, over one ringbuffer.

import { Gatherer } from "../../common/gatherer.js";
import type { PubSubDriver, PubSubDriverOptions } from "../../pubsub/driver.js";
import { HazelcastLink, loadHazelcast } from "./connection.js";
import { hazelcastOptions } from "./options.js";
import { itemOf, Ring } from "./ring.js";

/** Messages of one request. */
const atOnce = 50;

/**
 * `hazelcast://user:password@host1:5701,host2/cluster`.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function hazelcastPubSub(options: PubSubDriverOptions): Promise<PubSubDriver> {
  const settings = hazelcastOptions(options);
  const module = await loadHazelcast();
  const { OVERWRITE } = module.OverflowPolicy;
  const ring = new Ring(`${settings.prefix}pubsub`, () => link.isOpen);
  const use = {
    prepare: ring.prepare.bind(ring),
    isWanted: () => ring.hasMembers,
    connected: () => ring.connected(),
  };
  const link = new HazelcastLink(settings, module, use, options);
  const publishes = new Gatherer<Buffer, undefined>({
    most: atOnce,
    // They are carried out in the order in which they are sent.
    maxRunning: 64,
    async send(items) {
      if (items.length === 1) await ring.ring.add(items[0]!, OVERWRITE);
      else await ring.ring.addAll(items, OVERWRITE);
      return items.map(() => undefined);
    },
  });
  return {
    name: "hazelcast",
    capabilities: { reach: "network", wildcards: true, groups: false, maxBytes: 16 * 1024 * 1024 },
    ready: () => link.ready(),
    publish: (channel, payload) => publishes.add(itemOf(channel, payload)),
    async subscribe({ pattern, isWild }, sink) {
      const end = await ring.add(isWild ? undefined : pattern, sink);
      return {
        close() {
          end();
          return Promise.resolve();
        },
      };
    },
    classify: link.classify,
    close: () => link.close(),
  };
}
