// A request that is passed on, and its reply: streamed both ways, and when one side goes away the other one is told.

import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";

import { badGateway, type HttpError, plainResponse, tooLarge } from "../error-response.js";
import { dispatch, type Call } from "./dispatch.js";
import { replyHeaders } from "./headers.js";

export interface Forwarding extends Pick<Call, "balance" | "asking" | "headers" | "onFault"> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  /** The upstream, once it is known. */
  readonly onUpstream: (url: string) => void;
}

export function forward({ balance, asking, headers, onFault, request, response, id, onUpstream }: Forwarding): void {
  const { maxBodyBytes } = balance.settings;
  const refuse = (error: HttpError): void => void sendReply(request, response, plainResponse(error), id);
  if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) return refuse(bodyTooLarge(maxBodyBytes));
  let reply: IncomingMessage | undefined;
  let isStream = false;

  const sendBody = (sent: ClientRequest): void => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBodyBytes) return;
      request.unpipe(sent);
      going.abort();
      if (response.headersSent) response.destroy();
      else refuse(bodyTooLarge(maxBodyBytes));
    });
    // Its head goes at once, also where the body takes its time.
    sent.flushHeaders();
    request.pipe(sent);
    sent.once("error", () => request.unpipe(sent));
  };

  const going = dispatch({
    balance,
    asking,
    request,
    headers,
    onFault,
    onConnected: sendBody,
    isWaiting: (sent) => {
      // The rest of the body, or whoever reads the reply, may be what is waited for.
      if (reply === undefined) return request.complete || sent.writableNeedDrain;
      return !isStream && !response.writableNeedDrain;
    },
    onReply(given, upstream) {
      reply = given;
      onUpstream(upstream.url);
      isStream = /^text\/event-stream\b/i.test(given.headers["content-type"] ?? "");
      given.once("error", () => response.destroy());
      try {
        response.writeHead(given.statusCode!, given.statusMessage, replyHeaders(given, id, balance.cookieFor(upstream, asking)));
      } catch (error) {
        // A status or a header that may not be passed on.
        onFault("an upstream failed", upstream, error as Error);
        going.abort();
        return refuse(badGateway());
      }
      response.flushHeaders();
      given.pipe(response);
    },
    onFailed: refuse,
  });
  // The client has gone, before the end of its body or of the reply.
  request.once("close", () => {
    if (!request.complete) going.abort();
  });
  response.once("close", () => {
    if (!response.writableFinished) going.abort();
  });
}

const bodyTooLarge = (maxBytes: number): HttpError => tooLarge(`the body is larger than ${maxBytes} bytes`);

/** Sends a reply of this server's own. */
export async function sendReply(request: IncomingMessage, response: ServerResponse, reply: Response, id: string): Promise<void> {
  const body = Buffer.from(await reply.arrayBuffer());
  if (response.destroyed || response.headersSent) return;
  const cookies = reply.headers.getSetCookie();
  for (const [name, value] of reply.headers) if (name !== "set-cookie") response.setHeader(name, value);
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  // What is left of a body is not read.
  if (!request.complete) response.setHeader("connection", "close");
  response.setHeader("x-request-id", id);
  response.writeHead(reply.status, { "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}
