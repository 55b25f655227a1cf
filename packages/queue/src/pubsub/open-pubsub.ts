import { BkError, ClientEvents, parseConnectUrl, silentLog, systemClock } from "@bk/core";

import { invalid, QueueError } from "../errors.js";
import type { PubSubDriver } from "./driver.js";
import type { PubSubOptions } from "./options.js";
import { PubSub } from "./pubsub.js";
import { pubSubDriverFor, pubSubSchemes } from "./registry.js";

/**
 * Opens publish and subscribe on an engine: `local:`, `redis://…`, `nats://…`. Nothing is connected before the first call.
 *
 * Messages reach those who are subscribed when they are published, each at most once; nothing is kept for others. What must not
 * be lost goes into a queue.
 *
 * @param at  a URL, or a driver object of somebody else's
 * @throws QueueError `invalid` for a wrong URL or option; `driver-missing` when a client package is not installed
 */
export async function openPubSub(at: string | PubSubDriver, options: PubSubOptions = {}): Promise<PubSub> {
  if (typeof options !== "object" || options === null) throw invalid("openPubSub: options must be an object");
  const events = new ClientEvents(options.log);
  const driver = typeof at === "string" ? await openDriver(at, options, events) : at;
  if (typeof driver?.publish !== "function") throw invalid("openPubSub needs a URL or a driver");
  try {
    return new PubSub(driver, options, events);
  } catch (error) {
    await driver.close();
    throw error;
  }
}

async function openDriver(
  url: string,
  { options = {}, clock = systemClock, log = silentLog }: PubSubOptions,
  events: ClientEvents,
): Promise<PubSubDriver> {
  try {
    const { scheme } = parseConnectUrl(url);
    const open = await pubSubDriverFor(scheme);
    if (open === undefined) throw invalid(`openPubSub: there is no driver for "${scheme}:"; there are ${pubSubSchemes.join(", ")}`);
    return await open({ url, options, clock, log, events });
  } catch (error) {
    if (error instanceof BkError && !(error instanceof QueueError)) throw new QueueError(error.code, error.message, { cause: error });
    throw error;
  }
}
