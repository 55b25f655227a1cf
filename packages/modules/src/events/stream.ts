// Events as Server-Sent Events.

import type { Call } from "../contract/endpoint.js";
import type { ToldEvent } from "./account-events.js";
import type { Listeners } from "./listeners.js";
import type { EventTest } from "./match.js";

/** How often something is sent, so that a connection that is gone is noticed. */
const beatMs = 20_000;
/** A listener that reads so little gets no more: it comes back and goes on where it was. */
const mostUnread = 1_000;

const encoder = new TextEncoder();
const beat = encoder.encode(":\n\n");
const text = ({ event_id, ...event }: ToldEvent): Uint8Array => encoder.encode(`id: ${event_id}\ndata: ${JSON.stringify(event)}\n\n`);

/** One timer for all streams. */
const beating = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function keepBeating(send: () => void): () => void {
  beating.add(send);
  timer ??= setInterval(() => {
    for (const each of beating) each();
  }, beatMs).unref();
  return () => {
    beating.delete(send);
    if (beating.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The stream of a caller's events, after those that were missed. */
export async function eventStream(
  listeners: Listeners,
  { caller, signal }: Call,
  wanted: EventTest,
  missed: () => Promise<readonly ToldEvent[]>,
): Promise<Response> {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isOver = false;
  /** What comes while what was missed is read; then undefined. */
  let early: ToldEvent[] | undefined = [];
  const ends: (() => void)[] = [];
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    for (const each of ends) each();
    try {
      controller?.close();
    } catch {
      // The client has cancelled it: then it is closed.
    }
  };
  const send = (bytes: Uint8Array): void => {
    if (isOver || controller === undefined) return;
    controller.enqueue(bytes);
    if ((controller.desiredSize ?? 0) < -mostUnread) end();
  };
  const take = (event: ToldEvent): void => {
    if (!wanted(event)) return;
    if (early === undefined) send(text(event));
    else if (early.length < mostUnread) early.push(event);
  };
  ends.push(await listeners.add(caller.id, { take, end }));
  try {
    const before = (await missed()).filter(wanted);
    const known = new Set(before.map(({ event_id }) => event_id));
    const stream = new ReadableStream<Uint8Array>({
      start(given) {
        controller = given;
        send(beat);
        for (const event of before) send(text(event));
        for (const event of early!) if (!known.has(event.event_id)) send(text(event));
        early = undefined;
      },
      cancel: end,
    });
    ends.push(keepBeating(() => send(beat)));
    signal.addEventListener("abort", end, { once: true });
    ends.push(() => signal.removeEventListener("abort", end));
    if (signal.aborted) end();
    return new Response(stream, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
    });
  } catch (error) {
    end();
    throw error;
  }
}
