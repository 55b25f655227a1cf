// `/account/subscribe`: a request that waits for events, or a stream of them.

import { invalid } from "../common/failures.js";
import { type Call, endpoint, type Endpoint } from "../contract/endpoint.js";
import { EventStream, type EventTaker, type StreamedEvent } from "../contract/event-stream.js";
import type { ModuleHost } from "../contract/module.js";
import type { ToldEvent } from "./account-events.js";
import { eventListeners, type Listeners } from "./listeners.js";
import { type EventTest, readMatch } from "./match.js";
import { Receiver } from "./rights.js";

export interface SubscribeOptions {
  /** How long events are gathered after the first, in milliseconds. Default 5,000. */
  readonly intervalMs?: number;
  /** How long a request waits for the first event; then it gets an empty list. Default 30 minutes. */
  readonly timeoutMs?: number;
  /** How many requests and streams an account may have open on one server. Default 5. */
  readonly mostOfAccount?: number;
  /** Most events of a reply. Default 100. */
  readonly mostEvents?: number;
}

export interface Subscribing {
  readonly endpoint: Endpoint;
  /** Answers all that wait, and takes no more. */
  end(): void;
}

const everyEvent: EventTest = () => true;

type Host = Pick<ModuleHost, "events" | "clock" | "log" | "dbFor">;

interface Waiting {
  readonly listeners: Listeners;
  readonly host: Host;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly mostEvents: number;
}

export function subscribing(host: Host, options: SubscribeOptions = {}): Subscribing {
  const { intervalMs = 5_000, timeoutMs = 30 * 60_000, mostOfAccount = 5, mostEvents = 100 } = options;
  const { events } = host;
  const streamed = streaming();
  const listeners = eventListeners(events, mostOfAccount, host.log);
  const waiting: Waiting = { listeners, host, intervalMs, timeoutMs, mostEvents };
  return {
    endpoint: endpoint({
      path: "/account/subscribe",
      summary:
        "Waits for events of the caller's account and replies those that came within the interval; a stream where the client accepts text/event-stream, or opens a WebSocket",
      who: "account",
      streams: true,
      otherReplies: ["text/event-stream"],
      parameters: {
        match: { about: "which events: a comma list of paths, such as /message, and of properties, such as type:like" },
        _interval: { type: "int", min: 0, max: 60_000, about: "how long events are gathered after the first, in milliseconds" },
        _timeout: { type: "int", min: 0, max: 3_600_000, about: "how long to wait for the first event, in milliseconds" },
        _since: { max: 60, about: "`event_id` of the last event that was seen: what came after it, and is kept, is replied too" },
      },
      reply: { type: "array", items: { type: "object", required: ["path", "mtime", "event_id"], additionalProperties: true } },
      async answer(call) {
        const { match, _interval, _timeout, _since } = call.values;
        const wanted = match === undefined || match === "" ? everyEvent : readMatch(match);
        const since = _since ?? call.headers.get("last-event-id") ?? undefined;
        if (since === "") throw invalid("is empty", "_since");
        if (/\btext\/event-stream\b/.test(call.headers.get("accept") ?? "")) {
          const { caller, again, whenRefused } = call;
          // Not the call: it would keep the whole request as long as the stream is open.
          const listener = { caller, again };
          return EventStream.of({
            listen: (taker) => listeners.add(caller.id, new Receiver(listener, toldTo(taker, wanted, streamed), taker, host)),
            async missed(taker) {
              const before = since === undefined ? [] : await events.since(caller.id, since, 10 * mostEvents);
              const found: ToldEvent[] = [];
              const own = new Receiver(listener, (event) => found.push(event), taker, host);
              for (const event of before) own.take(event);
              await own.idle();
              return found.filter(wanted).map(streamed);
            },
            whenRefused,
          });
        }
        const own = { ...waiting, intervalMs: _interval ?? intervalMs, timeoutMs: Math.min(_timeout ?? timeoutMs, timeoutMs) };
        return poll(own, call, wanted, since);
      },
    }),
    end: () => listeners.end(),
  };
}

/** What is streamed of an event: of one that goes to many listeners in a row the same object, which is written once. */
function streaming(): (event: ToldEvent) => StreamedEvent {
  let last: ToldEvent | undefined;
  let made: StreamedEvent | undefined;
  return (event) => {
    if (event !== last || made === undefined) {
      last = event;
      const { event_id: id, ...data } = event;
      made = { id, data };
    }
    return made;
  };
}

/** It is kept as long as the stream is open, and so holds nothing else. */
const toldTo =
  (taker: EventTaker, wanted: EventTest, streamed: ReturnType<typeof streaming>) =>
  (event: ToldEvent): void => {
    if (wanted(event)) taker.take(streamed(event));
  };

/** Waits for the first event, then as long as events are gathered. */
async function poll(waiting: Waiting, call: Call, wanted: EventTest, since: string | undefined): Promise<readonly ToldEvent[]> {
  const { listeners, host, intervalMs, timeoutMs, mostEvents } = waiting;
  const { events, clock } = host;
  const { caller, signal, whenRefused } = call;
  const found = new Map<string, ToldEvent>();
  const first = new AbortController();
  const over = new AbortController();
  const take = (event: ToldEvent): void => {
    if (!wanted(event) || found.size >= mostEvents) return;
    found.set(event.event_id, event);
    first.abort();
    if (found.size === mostEvents) over.abort();
  };
  const end = (): void => {
    first.abort();
    over.abort();
  };
  const own = new Receiver(call, take, { end }, host);
  const remove = await listeners.add(caller.id, own);
  signal.addEventListener("abort", end, { once: true });
  const stop = whenRefused(end);
  try {
    if (signal.aborted) end();
    if (since !== undefined) for (const event of await events.since(caller.id, since, mostEvents)) own.take(event);
    await own.idle();
    // Both waits end by being aborted: that is no failure.
    await clock.sleep(timeoutMs, first.signal).catch(() => undefined);
    if (found.size > 0 && !over.signal.aborted) await clock.sleep(intervalMs, over.signal).catch(() => undefined);
    await own.idle();
    return [...found.values()].sort((a, b) => (a.event_id < b.event_id ? -1 : 1));
  } finally {
    signal.removeEventListener("abort", end);
    stop();
    remove();
  }
}
