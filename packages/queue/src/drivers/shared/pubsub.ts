// Publish and subscribe among the processes of one machine, of which one hands messages on.

import { type SharedCaller, SharedLink, type SharedService } from "@bk/core/shared";

import type { Payload, PubSubDriver, PubSubDriverOptions, Sink, Wanted } from "../../pubsub/driver.js";
import { Exchange } from "../local/pubsub.js";
import { classifyShared } from "./errors.js";
import { sharedPlace } from "./place.js";

/** A payload as JSON has it: text as it is, bytes as base64 in a list. */
type Sent = string | readonly [base64: string];

type PubSubCall =
  | { readonly do: "publish"; readonly channel: string; readonly payload: Sent }
  | { readonly do: "subscribe"; readonly id: number; readonly wanted: Wanted }
  | { readonly do: "unsubscribe"; readonly id: number }
  /** So many messages have arrived since the last of these. */
  | { readonly do: "got"; readonly count: number };

type Push = { readonly id: number; readonly channel: string; readonly payload: Sent } | { readonly missed: readonly number[] };

/** Most messages on their way to a process that does not take them; what comes beyond is dropped, and the process is told. */
const mostOnWay = 10_000;
const toldEvery = 256;

interface Subscriber {
  readonly ends: Map<number, () => void>;
  onWay: number;
  /** Subscriptions of which something was dropped. */
  readonly missed: Set<number>;
}

/** The exchange in the process that keeps it. */
class SharedExchange implements SharedService {
  readonly #exchange = new Exchange();
  readonly #subscribers = new Map<number, Subscriber>();

  call(body: PubSubCall, caller: SharedCaller): undefined {
    const own = this.#subscriberOf(caller);
    switch (body.do) {
      case "publish":
        // Never inside the call that publishes, whose process may be this one.
        queueMicrotask(() => this.#exchange.publish(body.channel, payloadOf(body.payload)));
        return;
      case "subscribe": {
        const { id, wanted } = body;
        const sink: Sink = {
          deliver: (channel, payload) => this.#send(caller, own, id, channel, payload),
          missed: () => undefined,
          failed: () => undefined,
        };
        own.ends.get(id)?.();
        own.ends.set(id, this.#exchange.add(wanted, sink));
        return;
      }
      case "unsubscribe":
        own.ends.get(body.id)?.();
        own.ends.delete(body.id);
        return;
      case "got":
        own.onWay -= body.count;
        if (own.missed.size === 0 || own.onWay > mostOnWay / 2) return;
        caller.push({ missed: [...own.missed] } satisfies Push);
        own.missed.clear();
    }
  }

  #send(caller: SharedCaller, own: Subscriber, id: number, channel: string, payload: Payload): void {
    if (own.onWay >= mostOnWay) return void own.missed.add(id);
    own.onWay++;
    caller.push({ id, channel, payload: sentOf(payload) } satisfies Push);
  }

  left({ id }: SharedCaller): void {
    for (const end of this.#subscribers.get(id)?.ends.values() ?? []) end();
    this.#subscribers.delete(id);
  }

  #subscriberOf({ id }: SharedCaller): Subscriber {
    const own = this.#subscribers.get(id) ?? { ends: new Map(), onWay: 0, missed: new Set() };
    this.#subscribers.set(id, own);
    return own;
  }
}

/**
 * The driver of `shared:`. In a cluster of Node the primary hands messages on, and has to open it too; else the first process that does.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option
 */
export async function sharedPubSub(given: PubSubDriverOptions): Promise<PubSubDriver> {
  const { path, host } = sharedPlace("pubsub", given);
  const sinks = new Map<number, { readonly sink: Sink; readonly wanted: Wanted }>();
  let last = 0;
  let arrived = 0;
  // The socket keeps no process from ending; whoever listens waits for messages.
  let awake: NodeJS.Timeout | undefined;
  const keepAwake = (): void => {
    if (sinks.size > 0) awake ??= setInterval(() => undefined, 2 ** 31 - 1);
    else {
      clearInterval(awake);
      awake = undefined;
    }
  };
  const forget = (id: number): boolean => {
    const wasKnown = sinks.delete(id);
    keepAwake();
    return wasKnown;
  };
  const ask = async (call: PubSubCall): Promise<void> => void (await link.call(call));
  const onPush = (push: Push): void => {
    if ("missed" in push) {
      for (const id of push.missed) sinks.get(id)?.sink.missed();
      return;
    }
    sinks.get(push.id)?.sink.deliver(push.channel, payloadOf(push.payload));
    if (++arrived % toldEvery === 0) ask({ do: "got", count: toldEvery }).catch(lost);
  };
  // What is lost with a connection is made again by the next one.
  const lost = (error: unknown): void => given.log.debug("shared: the process that hands messages on is gone", { error: String(error) });
  const link: SharedLink = new SharedLink({
    path,
    service: () => new SharedExchange(),
    log: given.log,
    onPush: onPush as (message: never) => void,
    // Another process hands messages on now, and knows of no subscriptions.
    onReset: () => {
      arrived = 0;
      for (const [id, { sink, wanted }] of sinks) ask({ do: "subscribe", id, wanted }).then(() => sink.missed(), lost);
    },
    ...(host === undefined ? {} : { host }),
  });
  // Others wait for it, whether or not this process ever calls.
  if (host === true) await link.ready();
  return {
    name: "shared",
    capabilities: { reach: "server", wildcards: true, groups: true, maxBytes: 2 ** 24 },
    ready: () => (link.isReady ? undefined : link.ready()),
    publish: (channel, payload) => ask({ do: "publish", channel, payload: sentOf(payload) }),
    async subscribe(wanted, sink) {
      const id = ++last;
      sinks.set(id, { sink, wanted });
      keepAwake();
      try {
        await ask({ do: "subscribe", id, wanted });
      } catch (error) {
        forget(id);
        throw error;
      }
      return {
        async close() {
          if (!forget(id) || !link.isReady) return;
          await ask({ do: "unsubscribe", id }).catch(lost);
        },
      };
    },
    classify: classifyShared,
    close() {
      sinks.clear();
      keepAwake();
      return link.close();
    },
  };
}

function sentOf(payload: Payload): Sent {
  return typeof payload === "string" ? payload : [Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("base64")];
}

function payloadOf(sent: Sent): Payload {
  return typeof sent === "string" ? sent : Buffer.from(sent[0], "base64");
}
