import { BkError, ClientEvents, parseConnectUrl, silentLog, systemClock } from "@bk/core";

import { checkName } from "../common/names.js";
import { invalid, QueueError } from "../errors.js";
import type { ServiceDriver } from "./driver.js";
import { readServiceOptions, type ServiceOptions } from "./options.js";
import { serviceDriverFor, serviceSchemes } from "./registry.js";
import { Service } from "./service.js";

/**
 * Opens a service: methods that others call, and calls to those of others, on NATS (`nats://…`), Redis, or within this process (`local:`).
 * Nothing is connected before the first call.
 *
 * On NATS its API and its messages are those of picom (0.6), so that peers of either kind call each other.
 *
 * @param name  of the service; instances of the same name share its calls
 * @throws QueueError `invalid` for a wrong name or option; `driver-missing` when a client package is not installed
 */
export async function openService(name: string, options: ServiceOptions = {}): Promise<Service> {
  checkName(name, "openService: the name");
  if (name.split(".").includes("")) throw invalid("openService: the name has no empty parts");
  readServiceOptions(options);
  const events = new ClientEvents(options.log);
  const driver = options.driver ?? (await openDriver(options, events));
  return new Service(name, globalThis.crypto.randomUUID(), driver, options, events);
}

async function openDriver(given: ServiceOptions, events: ClientEvents): Promise<ServiceDriver> {
  const { servers, url = urlOf(servers), options = {}, clock = systemClock, log = silentLog } = given;
  try {
    const { scheme } = parseConnectUrl(url);
    const open = await serviceDriverFor(scheme);
    if (open === undefined) throw invalid(`openService: there is no driver for "${scheme}:"; there are ${serviceSchemes.join(", ")}`);
    return await open({ url, options, clock, log, events });
  } catch (error) {
    if (error instanceof BkError && !(error instanceof QueueError)) throw new QueueError(error.code, error.message, { cause: error });
    throw error;
  }
}

/** The servers of one list in one URL. */
function urlOf(servers: readonly string[] | undefined): string {
  if (servers === undefined) return "nats://127.0.0.1:4222";
  const parts = servers.map((server) => /^([a-z+]+:\/\/)(.*?)\/?$/i.exec(server.includes("://") ? server : `nats://${server}`));
  const [first] = parts;
  if (parts.some((part) => part?.[1] !== first?.[1])) throw invalid("openService: servers must be URLs of one scheme");
  const hosts = parts.map((part, at) => (at === 0 ? part![2]! : part![2]!.slice(part![2]!.lastIndexOf("@") + 1)));
  return `${first![1]}${hosts.join(",")}`;
}
