// Streams of events as replies: written to Node's reply where there is one of our own, else a body as any.

import type { ServerResponse } from "node:http";

import type { EventSink, EventStream, StreamedEvent } from "@bk/modules";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Hono } from "hono";

import { replyHeaders } from "../error-response.js";
import type { ServerContext, ServerEnv } from "../routes/server-context.js";
import { replyText } from "./event-texts.js";

const beat = ":\n\n";
/** Events of a body that nobody reads; then it ends. */
const mostUnread = 1_000;

/** The reply that an endpoint gives for a stream, until `sendEvents` sends it. */
export function eventsReply(): Response {
  return new Response(null, { headers: { ...replyHeaders, "content-type": "text/event-stream", "x-accel-buffering": "no" } });
}

/** Sends the streams that endpoints leave in `events`. It stands before all else, so that the headers are what all others have made them. */
export function sendEvents(app: Hono<ServerEnv>, { endpoints }: Pick<ServerContext, "endpoints">): void {
  if (!endpoints.all.some(({ endpoint }) => endpoint.streams === true)) return;
  app.use(async (context, next) => {
    await next();
    const events = context.get("events");
    if (events === undefined) return;
    const { env, req, res } = context;
    if (!res.ok || req.method === "HEAD") {
      events.cancel();
      return;
    }
    const reply = env?.sendEvents?.(events, res, env) ?? new Response(bodyOf(events), res);
    // Hono would copy headers of the old one into the new.
    context.res = undefined;
    context.res = reply;
  });
}

/**
 * Writes a stream to Node's reply. What the request was made of is not kept for it.
 *
 * @param open  has the replies that go on
 */
export function sendByNode(maxUnreadBytes: number, open: Set<ServerResponse>): NonNullable<ServerEnv["Bindings"]["sendEvents"]> {
  return (events, reply, { outgoing: given }) => {
    const outgoing = given as ServerResponse;
    for (const [name, value] of reply.headers) if (name !== "set-cookie") outgoing.setHeader(name, value);
    const cookies = reply.headers.getSetCookie();
    if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
    if (outgoing.destroyed) events.cancel();
    else {
      open.add(outgoing);
      outgoing.on("close", () => {
        open.delete(outgoing);
        events.cancel();
      });
      outgoing.writeHead(reply.status);
      // Node keeps the text of the head, which it makes of many pieces: one that is sent alone is kept as one.
      outgoing.flushHeaders();
      events.begin(new ReplySink(outgoing, maxUnreadBytes));
    }
    return RESPONSE_ALREADY_SENT;
  };
}

class ReplySink implements EventSink {
  readonly #outgoing: ServerResponse;
  readonly #maxUnreadBytes: number;

  constructor(outgoing: ServerResponse, maxUnreadBytes: number) {
    this.#outgoing = outgoing;
    this.#maxUnreadBytes = maxUnreadBytes;
  }

  event(event: StreamedEvent): void {
    this.#write(replyText(event));
  }

  beat(): void {
    this.#write(beat);
  }

  end(): void {
    this.#outgoing.end();
  }

  #write(text: string): void {
    this.#outgoing.write(text);
    // A client that reads so little gets no more: it comes back and goes on where it was.
    if (this.#outgoing.writableLength > this.#maxUnreadBytes) this.#outgoing.destroy();
  }
}

const encoder = new TextEncoder();

function bodyOf(events: EventStream): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (text: string): void => {
        controller.enqueue(encoder.encode(text));
        if ((controller.desiredSize ?? 0) >= -mostUnread) return;
        events.cancel();
        controller.close();
      };
      events.begin({ event: (event) => write(replyText(event)), beat: () => write(beat), end: () => controller.close() });
    },
    cancel: () => events.cancel(),
  });
}
