import { BkError, type Clock } from "@bk/core";

import { invalid } from "../common/failures.js";
import { type Call, endpoint, type Endpoint } from "../contract/endpoint.js";
import type { Channels } from "./channels.js";
import { readRequest } from "./orders.js";
import type { PicoService } from "./service.js";

export interface PicoRouteOptions {
  readonly path: string;
  /** What stands between packets, for clients without JSON lists; its JSON text. */
  readonly delimiter: readonly string[] | undefined;
  /** How long a request that is refused as a whole waits for its answer, in milliseconds. */
  readonly refusalMs: number;
}

/** Requests that wait since they were refused; beyond, they are answered at once. */
const mostWaiting = 100;

const order = {
  type: "object",
  properties: { api: { type: "string" }, reqId: {}, data: {}, date: { type: "integer" }, key: { type: "string" } },
};
const body = {
  oneOf: [
    { type: "array", items: { oneOf: [order, { type: "array", items: { type: "string" } }, { type: "string" }] } },
    {
      type: "object",
      required: ["orders"],
      properties: {
        orders: { type: "array", items: order },
        channel: { type: "string" },
        acks: { type: "array", items: { type: "integer" } },
        tx: { type: "boolean" },
        onError: { enum: ["stop", "continue"] },
      },
    },
  ],
};

export function picoRoutes(
  service: PicoService,
  channels: Channels,
  clock: Clock,
  { path, delimiter, refusalMs }: PicoRouteOptions,
): Endpoint[] {
  let waiting = 0;
  /** Slows down whoever guesses. */
  async function slowDown(signal: AbortSignal): Promise<void> {
    if (refusalMs === 0 || waiting >= mostWaiting) return;
    waiting++;
    // A client that leaves ends the wait.
    await clock.sleep(refusalMs, signal).catch(() => undefined);
    waiting--;
  }

  async function* packetsOf(call: Call, opens: boolean): AsyncGenerator<object> {
    let isRefused = true;
    for await (const packet of service.run(readRequest(call.body), call, opens)) {
      const { status } = packet as { readonly status?: number };
      if (isRefused && (status === 401 || status === 403)) await slowDown(call.signal);
      isRefused = false;
      yield packet;
    }
  }

  async function answer(call: Call, opens: boolean): Promise<unknown> {
    const accepts = call.headers.get("accept") ?? "";
    if (/\bapplication\/x-ndjson\b/.test(accepts)) return streamOf(packetsOf(call, opens), "\n", "application/x-ndjson");
    if (delimiter !== undefined && !/\bapplication\/json\b/.test(accepts))
      return streamOf(packetsOf(call, opens), JSON.stringify(delimiter), "application/octet-stream");
    const packets: object[] = [];
    for await (const packet of packetsOf(call, opens)) packets.push(packet);
    return packets;
  }

  const shared = {
    who: "anonymous",
    changes: true,
    body,
    reply: { type: "array", items: {} },
    otherReplies: ["application/octet-stream", "text/plain"],
  } as const;
  return [
    endpoint({
      ...shared,
      path,
      summary: "POST runs orders one after the other and replies a packet for each; GET replies the server's time in milliseconds",
      async answer(call) {
        if (call.method === "GET" || call.method === "HEAD")
          return new Response(String(clock.now()), { headers: { "content-type": "text/plain" } });
        return answer(call, false);
      },
    }),
    endpoint({
      ...shared,
      path: "/channel",
      summary: "As pull, with a channel that is opened where the request has none: packets are kept until they are acknowledged",
      async answer(call) {
        if (call.method !== "POST") throw invalid("a channel is opened by POST", "method");
        return answer(call.body === undefined ? { ...call, body: [] } : call, true);
      },
    }),
    endpoint({
      path: "/push",
      streams: true,
      summary: "A stream of the packets of a channel, after the number of the last one that was seen (Last-Event-ID, or after)",
      who: "anonymous",
      parameters: {
        channel: { required: true, max: 200, about: "id and pass, with a space between them" },
        after: { type: "int", min: 0, about: "the resId of the last packet that was seen" },
      },
      reply: "text/event-stream",
      async answer(call) {
        const { values, headers } = call;
        const last = Number(headers.get("last-event-id") ?? values.after ?? 0);
        if (!Number.isSafeInteger(last)) throw invalid("must be an integer", "after");
        return channels.stream(values.channel, last, call).catch(async (error: unknown) => {
          if (error instanceof BkError && error.code === "denied") await slowDown(call.signal);
          throw error;
        });
      },
    }),
  ];
}

/** Packets as they are done. What fails in between ends the reply without its end. */
function streamOf(packets: AsyncGenerator<object>, between: string, type: string): Response {
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await packets.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(`${JSON.stringify(value)}${between}`));
    },
    async cancel() {
      await packets.return(undefined);
    },
  });
  return new Response(stream, { headers: { "content-type": type } });
}
