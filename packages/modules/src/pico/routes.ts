import { BkError, type Clock } from "@bk/core";

import { invalid } from "../common/failures.js";
import { type Call, endpoint, type Endpoint } from "../contract/endpoint.js";
import type { Channels } from "./channels.js";
import { readForm } from "./form.js";
import { framedTexts, framedType, readFramed, withoutSeparator } from "./framing.js";
import { type PicoRequest, readRequest, readWay } from "./orders.js";
import type { PicoService } from "./service.js";

export interface PicoRouteOptions {
  readonly path: string;
  /** What stands between packets, for clients without JSON lists; its JSON text. */
  readonly delimiter: readonly string[] | undefined;
  /** How long a request that is refused as a whole waits for its answer, in milliseconds. */
  readonly refusalMs: number;
  /** Most bytes of a form; undefined where none is taken. */
  readonly maxUploadBytes: number | undefined;
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

const form = {
  type: "object",
  required: ["api"],
  properties: {
    api: { type: "string" },
    reqId: { type: "string" },
    date: { type: "integer" },
    key: { type: "string" },
    channel: { type: "string" },
  },
};
const inQuery = {
  tx: { type: "bool", about: "whether all orders are done, or none; a JSON body may say so itself" },
  onError: { values: ["stop", "continue"], about: "whether orders after one that failed are done; a JSON body may say so itself" },
} as const;

export function picoRoutes(
  service: PicoService,
  channels: Channels,
  clock: Clock,
  { path, delimiter, refusalMs, maxUploadBytes }: PicoRouteOptions,
): Endpoint[] {
  const separator = delimiter === undefined ? undefined : JSON.stringify(delimiter);
  let waiting = 0;
  /** Slows down whoever guesses. */
  async function slowDown(signal: AbortSignal): Promise<void> {
    if (refusalMs === 0 || waiting >= mostWaiting) return;
    waiting++;
    // A client that leaves ends the wait.
    await clock.sleep(refusalMs, signal).catch(() => undefined);
    waiting--;
  }

  function requestOf({ body: json, otherBody, files, values, parseJson }: Call<typeof inQuery>): PicoRequest {
    if (otherBody === undefined) return readRequest(json, values, parseJson);
    const { type, text, fields } = otherBody;
    const read = type === framedType ? readFramed(text, separator!, parseJson) : readForm(fields, files);
    return { ...read, acks: [], ...readWay({}, values) };
  }

  async function* packetsOf(request: PicoRequest, call: Call, opens: boolean): AsyncGenerator<object> {
    let isRefused = true;
    for await (const packet of service.run(request, call, opens)) {
      const { status } = packet as { readonly status?: number };
      if (isRefused && (status === 401 || status === 403)) await slowDown(call.signal);
      isRefused = false;
      yield packet;
    }
  }

  async function answer(call: Call<typeof inQuery>, opens: boolean): Promise<unknown> {
    const accepts = call.headers.get("accept") ?? "";
    // What cannot be read is told before anything is sent.
    const all = packetsOf(requestOf(call), call as Call, opens);
    if (/\bapplication\/x-ndjson\b/.test(accepts)) return streamOf(textsOf(all, "\n"), "application/x-ndjson");
    if (separator !== undefined && !/\bapplication\/json\b/.test(accepts)) {
      const isFramed = call.otherBody?.type === framedType;
      return streamOf(isFramed ? framedTexts(all, separator) : textsOf(all, separator), "application/octet-stream");
    }
    const packets: object[] = [];
    for await (const packet of all) packets.push(packet);
    return packets;
  }

  const shared = {
    who: "anonymous",
    changes: true,
    parameters: inQuery,
    body,
    otherBodies: {
      ...(separator === undefined ? {} : { [framedType]: { schema: { type: "string" } } }),
      ...(maxUploadBytes === undefined ? {} : { "multipart/form-data": { schema: form, maxBytes: maxUploadBytes } }),
    },
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
        return answer(call.body === undefined && call.otherBody === undefined ? { ...call, body: [] } : call, true);
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

async function* textsOf(packets: AsyncIterable<object>, between: string): AsyncGenerator<string> {
  for await (const packet of packets) yield `${withoutSeparator(JSON.stringify(packet), between)}${between}`;
}

/** Texts as they are made. What fails in between ends the reply without its end. */
function streamOf(texts: AsyncGenerator<string>, type: string): Response {
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await texts.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await texts.return(undefined);
    },
  });
  return new Response(stream, { headers: { "content-type": type } });
}
