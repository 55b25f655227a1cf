// Publish and subscribe within this process. All who open the same URL share one exchange.

import { parseConnectUrl, readOptions } from "@bk/core";

import { type Pattern, readPattern } from "../../pubsub/channels.js";
import type { Payload, PubSubDriver, PubSubDriverOptions, Sink, Wanted } from "../../pubsub/driver.js";
import { wrongOption } from "../../errors.js";

interface Listener {
  readonly sink: Sink;
  readonly pattern: Pattern;
  readonly group: string | undefined;
}

/** One exchange: those who listen, by channel, and by pattern. */
export class Exchange {
  readonly #byChannel = new Map<string, Set<Listener>>();
  readonly #byPattern = new Set<Listener>();
  #turn = 0;

  add({ pattern, isWild, group }: Wanted, sink: Sink): () => void {
    const listener: Listener = { sink, group, pattern: readPattern(pattern, "subscribe") };
    if (isWild) {
      this.#byPattern.add(listener);
      return () => void this.#byPattern.delete(listener);
    }
    const known = this.#byChannel.get(pattern);
    const all = known ?? new Set();
    if (known === undefined) this.#byChannel.set(pattern, all);
    all.add(listener);
    return () => {
      all.delete(listener);
      if (all.size === 0 && this.#byChannel.get(pattern) === all) this.#byChannel.delete(pattern);
    };
  }

  publish(channel: string, payload: Payload): void {
    const listeners = [...(this.#byChannel.get(channel) ?? [])];
    for (const listener of this.#byPattern) if (listener.pattern.matches(channel)) listeners.push(listener);
    for (const listener of this.#oneOfEachGroup(listeners)) listener.sink.deliver(channel, payload);
  }

  #oneOfEachGroup(listeners: readonly Listener[]): readonly Listener[] {
    if (listeners.every(({ group }) => group === undefined)) return listeners;
    const groups = new Map<string, Listener[]>();
    for (const listener of listeners) {
      if (listener.group === undefined) continue;
      const members = groups.get(listener.group);
      if (members === undefined) groups.set(listener.group, [listener]);
      else members.push(listener);
    }
    this.#turn++;
    const chosen = new Set([...groups.values()].map((members) => members[this.#turn % members.length]!));
    return listeners.filter((listener) => listener.group === undefined || chosen.has(listener));
  }
}

/** By name, each with the number of its users, so that one that nobody uses is forgotten. */
const exchanges = new Map<string, { readonly exchange: Exchange; users: number }>();

/**
 * `local:`, or `local:name` for an exchange apart.
 *
 * Handlers run after the call that publishes, never inside it.
 */
export async function localPubSub({ url, options }: PubSubDriverOptions): Promise<PubSubDriver> {
  const parsed = parseConnectUrl(url);
  readOptions({ ...parsed.options, ...options }, {}, wrongOption("local"));
  const name = parsed.path ?? "";
  const shared = exchanges.get(name) ?? { exchange: new Exchange(), users: 0 };
  exchanges.set(name, shared);
  shared.users++;
  let isClosed = false;
  const { exchange } = shared;
  return {
    name: "local",
    capabilities: { reach: "process", wildcards: true, groups: true, maxBytes: 2 ** 29 },
    ready: () => undefined,
    publish(channel, payload) {
      queueMicrotask(() => exchange.publish(channel, payload));
      return undefined;
    },
    async subscribe(wanted, sink) {
      const end = exchange.add(wanted, sink);
      // What was published before this call is on its way only until the callbacks that are due now have run.
      return {
        async close() {
          end();
        },
      };
    },
    classify: () => undefined,
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (--shared.users === 0) exchanges.delete(name);
    },
  };
}
