// Services within this process. All who open the same URL find each other.

import { parseConnectUrl, readOptions } from "@bk/core";

import { wrongOption } from "../../errors.js";
import type { InstanceInfo, ServiceCaller, ServiceDriver, ServiceDriverOptions, ServiceHost } from "../../services/driver.js";

interface Place {
  readonly hosts: Map<string, ServiceHost[]>;
  users: number;
  turn: number;
}

/** By name, each with the number of its users, so that one that nobody uses is forgotten. */
const places = new Map<string, Place>();

/** `local:`, or `local:name` for a place apart. Handlers run after the call that calls them, never inside it. */
export async function localServices({ url, options }: ServiceDriverOptions): Promise<ServiceDriver> {
  const parsed = parseConnectUrl(url);
  readOptions({ ...parsed.options, ...options }, {}, wrongOption("local"));
  const name = parsed.path ?? "";
  const place = places.get(name) ?? { hosts: new Map<string, ServiceHost[]>(), users: 0, turn: 0 };
  places.set(name, place);
  place.users++;
  let isClosed = false;
  let caller: ServiceCaller | undefined;

  function oneOf(service: string): ServiceHost | undefined {
    const hosts = place.hosts.get(service);
    return hosts?.[place.turn++ % hosts.length];
  }

  return {
    name: "local",
    capabilities: { reach: "process", batches: false },
    maxBytes: 2 ** 29,
    ready: () => undefined,
    async receive(given) {
      caller = given;
    },
    send(service, method, body, token) {
      const host = oneOf(service);
      queueMicrotask(() => {
        if (host === undefined) caller?.nobody(token);
        else host.call(method, body, (answer) => queueMicrotask(() => caller?.answered(token, answer)));
      });
    },
    async post(service, method, body) {
      const host = oneOf(service);
      if (host !== undefined) queueMicrotask(() => host.call(method, body, undefined));
    },
    async postAll(service, body) {
      for (const host of place.hosts.get(service) ?? []) queueMicrotask(() => host.all(body));
    },
    async serve(service, host) {
      place.hosts.set(service, [...(place.hosts.get(service) ?? []), host]);
      return {
        async close() {
          const left = (place.hosts.get(service) ?? []).filter((other) => other !== host);
          if (left.length === 0) place.hosts.delete(service);
          else place.hosts.set(service, left);
        },
      };
    },
    async discover(kind, service) {
      const hosts = service === undefined ? [...place.hosts.values()].flat() : (place.hosts.get(service) ?? []);
      return hosts.map((host) => host.describe(kind) as InstanceInfo);
    },
    classify: () => undefined,
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (--place.users === 0) places.delete(name);
    },
  };
}
