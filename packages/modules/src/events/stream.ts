// Server-Sent Events.

import type { Call } from "../contract/endpoint.js";

/** How often something is sent, so that a connection that is gone is noticed. */
const beatMs = 20_000;
/** A listener that reads so little gets no more: it comes back and goes on where it was. */
const mostUnread = 1_000;

const encoder = new TextEncoder();
const beat = encoder.encode(":\n\n");

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

/** What is sent: an id to go on from, and JSON. */
export interface StreamedEvent {
  readonly id: string;
  readonly data: object;
}

export interface StreamSource {
  /**
   * Hands over what comes from now on.
   *
   * @param take  what has come
   * @param end  nothing comes any more
   * @returns  ends it
   */
  listen(take: (event: StreamedEvent) => void, end: () => void): Promise<() => void>;
  /** What came before and was missed; `end` as for `listen`. What comes from both is sent once. */
  missed(end: () => void): Promise<readonly StreamedEvent[]>;
  /** The request, which ends it when its client is gone, or may not listen any more. */
  readonly call: Pick<Call, "signal" | "whenRefused">;
}

/** The reply that sends what a source has. */
export async function eventStream({ listen, missed, call: { signal, whenRefused } }: StreamSource): Promise<Response> {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isOver = false;
  /** What comes while what was missed is read; then undefined. */
  let early: StreamedEvent[] | undefined = [];
  /** What was missed, as long as some of it may still come: it is kept before it is told. */
  let known: ReadonlySet<string> | undefined;
  let beats = 0;
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
  const sendEvent = ({ id, data }: StreamedEvent): void => send(encoder.encode(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`));
  const take = (event: StreamedEvent): void => {
    if (known?.has(event.id)) return;
    if (early === undefined) sendEvent(event);
    else if (early.length < mostUnread) early.push(event);
  };
  ends.push(await listen(take, end));
  try {
    const before = await missed(end);
    if (before.length > 0) known = new Set(before.map(({ id }) => id));
    const stream = new ReadableStream<Uint8Array>({
      start(given) {
        if (isOver) return given.close();
        controller = given;
        send(beat);
        for (const event of before) sendEvent(event);
        const came = early!;
        early = undefined;
        for (const event of came) take(event);
      },
      cancel: end,
    });
    ends.push(
      keepBeating(() => {
        if (++beats === 2) known = undefined;
        send(beat);
      }),
    );
    signal.addEventListener("abort", end, { once: true });
    ends.push(() => signal.removeEventListener("abort", end), whenRefused(end));
    if (signal.aborted) end();
    return new Response(stream, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
    });
  } catch (error) {
    end();
    throw error;
  }
}
