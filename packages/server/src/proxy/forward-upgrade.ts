// A WebSocket that is passed on: the upgrade as a request, then bytes both ways until one side ends.

import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

import { type HttpError, plainResponse } from "../error-response.js";
import { refuseUpgrade } from "../sockets/refuse-upgrade.js";
import { type Call, dispatch } from "./dispatch.js";
import { FrameWatch } from "./frame-watch.js";
import { replyHeaders } from "./headers.js";
import type { Upstream } from "./upstream.js";

export interface Upgrading extends Pick<Call, "balance" | "asking" | "headers" | "onFault"> {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** What the client has sent behind the upgrade. */
  readonly head: Buffer;
  readonly id: string;
  readonly onUpstream: (url: string) => void;
  readonly onOpened: (opened: ProxiedSocket) => void;
  /** It is over; 101: it was open. */
  readonly onEnd: (status: number) => void;
}

/** A WebSocket that is passed on. */
export interface ProxiedSocket {
  /** Tells the client to come back, once the message that is on its way to it is complete. */
  drain(): void;
  cut(): void;
}

/** How often a peer that says nothing is asked by TCP whether it is there. */
const keepAliveMs = 30_000;

export function forwardUpgrade(upgrading: Upgrading): void {
  const { balance, asking, headers, onFault, request, socket, head, id, onUpstream, onOpened, onEnd } = upgrading;
  const refuse = (error: HttpError): void => {
    const reply = plainResponse(error);
    reply.headers.set("x-request-id", id);
    onEnd(reply.status);
    void refuseUpgrade(socket, reply);
  };
  const going = dispatch({
    balance,
    asking,
    request,
    headers,
    onFault,
    onConnected: (sent) => void sent.end(),
    isWaiting: () => true,
    onReply(reply, upstream) {
      onUpstream(upstream.url);
      socket.off("close", leave);
      socket.once("close", () => {
        reply.destroy();
        onEnd(reply.statusCode!);
      });
      // The connection ends with the body.
      socket.write(headOf(reply, [...replyHeaders(reply, id, balance.cookieFor(upstream, asking)), "Connection", "close"]), "latin1");
      reply.once("error", () => socket.destroy());
      socket.once("finish", () => socket.destroy());
      reply.pipe(socket);
    },
    onUpgrade(reply, other, otherHead, upstream) {
      onUpstream(upstream.url);
      socket.off("close", leave);
      const names = [...replyHeaders(reply, id, balance.cookieFor(upstream, asking)), "Connection", "Upgrade", "Upgrade", "websocket"];
      socket.write(headOf(reply, names), "latin1");
      onOpened(joined(socket, head, other, otherHead, upstream, onEnd));
    },
    onFailed: refuse,
  });
  const leave = (): void => {
    going.abort();
    onEnd(499);
  };
  socket.once("close", leave);
}

/** The head of a reply. Names and values came through Node's parser, which takes no line breaks in them. */
function headOf({ statusCode, statusMessage }: IncomingMessage, raw: readonly string[]): string {
  const lines = raw.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${raw[at + 1]}\r\n`] : []));
  return `HTTP/1.1 ${statusCode} ${statusMessage || STATUS_CODES[statusCode!]}\r\n${lines.join("")}\r\n`;
}

/** Passes bytes both ways; when one side ends or goes away, so does the other. */
function joined(
  client: Socket,
  clientHead: Buffer,
  server: Socket,
  serverHead: Buffer,
  upstream: Upstream,
  onEnd: Upgrading["onEnd"],
): ProxiedSocket {
  upstream.running++;
  for (const each of [client, server]) {
    each.setTimeout(0);
    each.setNoDelay(true);
    each.setKeepAlive(true, keepAliveMs);
    // What comes of it is its end.
    each.on("error", () => undefined);
  }
  client.once("close", () => {
    upstream.running--;
    server.destroySoon();
    onEnd(101);
  });
  server.once("close", () => client.destroySoon());
  if (serverHead.length > 0) server.unshift(serverHead);
  if (clientHead.length > 0) client.unshift(clientHead);
  client.pipe(server);
  const watch = new FrameWatch();
  server.pipe(watch).pipe(client);
  return {
    drain: () => watch.goAway(),
    cut() {
      client.destroy();
      server.destroy();
    },
  };
}
