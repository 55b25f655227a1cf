// One open WebSocket: events go out as they come, messages come in as requests, and a peer that is gone or does not read is let go.

import type { IncomingMessage } from "node:http";

import type { Log } from "@bk/core";
import type { RawData, WebSocket } from "ws";

import { badRequest, errorBody, HttpError } from "../error-response.js";
import { faultFields } from "../fault-fields.js";
import type { Fetch } from "../request/fetch.js";
import { type BadMessage, type Message, readMessage } from "./read-message.js";
import { ask } from "./socket-request.js";
import { streamEvents } from "./stream-events.js";

export interface OpenSocketOptions {
  readonly fetch: Fetch;
  /** How deep JSON may be nested. */
  readonly maxJsonDepth: number;
  /** Requests of messages that may run at a time. */
  readonly maxSocketRequests: number;
  /** Bytes that may wait for a client that does not read; then the socket is closed. */
  readonly maxSocketUnreadBytes: number;
  readonly log: Log;
}

export interface OpenSocket {
  /** Looks whether the client has said something since the last time; lets it go if not. */
  beat(): void;
  /** The server stops: closes the socket as soon as what it asked for is answered. */
  drain(): void;
  /** Cuts it. */
  cut(): void;
}

/** Codes of RFC 6455 and of its registry. */
const codes = { goingAway: 1001, noText: 1003, refused: 1008, failed: 1011, tryAgainLater: 1013 } as const;
/** So many requests after each other without an account that is let in, and it is closed. */
const mostRefused = 3;

/** What a socket was opened by. */
export interface Opening {
  /** Later requests have its headers and its address. */
  readonly upgrade: IncomingMessage;
  /** The id that it has in the log. */
  readonly id: string;
  /** What its endpoint streams. */
  readonly events: ReadableStream<Uint8Array>;
  /** Its credentials count no more. */
  isRefused: boolean;
}

/**
 * Serves a socket until it closes.
 *
 * @param gone  aborts what the socket waits for, when it has closed
 */
export function openSocket(
  socket: WebSocket,
  opening: Opening,
  gone: AbortController,
  { fetch, maxJsonDepth, maxSocketRequests, maxSocketUnreadBytes, log }: OpenSocketOptions,
): OpenSocket {
  let running = 0;
  let refused = 0;
  let isAlive = true;
  let isStopping = false;

  /** Resolves when it has left this process: whoever waits for it holds no more than one text. */
  const send = (text: string): Promise<boolean> =>
    new Promise((resolve) => {
      if (socket.readyState !== socket.OPEN) resolve(false);
      else socket.send(text, (error) => resolve(error === undefined || error === null));
    });

  async function sendEvents(): Promise<void> {
    try {
      for await (const event of streamEvents(opening.events)) if (!(await send(event))) break;
      // The stream ends by itself when the server stops, when whoever opened it may not listen any more, or when too much waits for the client:
      // then it comes back and goes on where it was.
      if (isStopping) drain();
      else if (opening.isRefused) socket.close(codes.refused, "not authenticated any more");
      else socket.close(codes.tryAgainLater, "come back");
    } catch (error) {
      if (!gone.signal.aborted) log.warn("the events of a socket failed", faultFields(error));
      socket.close(codes.failed);
    }
  }

  async function answer(message: Message): Promise<void> {
    running++;
    try {
      const { status, body } = await replyTo(message);
      refused = status === 401 ? refused + 1 : 0;
      await send(message.isBare ? body : enveloped(message, status, body));
      if (refused >= mostRefused) socket.close(codes.refused, "not authenticated");
    } finally {
      running--;
      if (isStopping) drain();
    }
  }

  /** The status and the JSON of a reply. Never throws: the app makes errors replies, and what fails outside of it is one here. */
  async function replyTo({ asked }: Message): Promise<{ readonly status: number; readonly body: string }> {
    try {
      const response = await ask(fetch, opening.upgrade, opening.id, asked, gone.signal);
      const type = response.headers.get("content-type");
      if (response.body === null || type === null || /^application\/json\b/.test(type))
        return { status: response.status, body: await response.text() };
      await response.body.cancel();
      throw badRequest(`a reply of type ${type.slice(0, 60)} is not sent to a socket; ask for it by HTTP`);
    } catch (error) {
      if (!(error instanceof HttpError) && !gone.signal.aborted)
        log.error("a request of a socket failed outside of the app", faultFields(error));
      return problemOf(error);
    }
  }

  function take(data: RawData, isBinary: boolean): void {
    isAlive = true;
    if (isStopping) return;
    if (isBinary) {
      socket.close(codes.noText, "messages are text");
      return;
    }
    const message = readMessage((data as Buffer).toString("utf8"), maxJsonDepth);
    if (isBad(message)) tell(message, badRequest(message.problem));
    else if (running >= maxSocketRequests)
      tell(message, new HttpError("limited", `this socket has ${maxSocketRequests} requests running; wait for their replies`));
    else void answer(message);
  }

  /** Replies that nothing waits for: a client that asks on and on without reading them is let go. */
  function tell(message: Message | BadMessage, error: HttpError): void {
    if (socket.bufferedAmount > maxSocketUnreadBytes) {
      socket.close(codes.tryAgainLater, "replies are not read");
      return;
    }
    const { status, body } = problemOf(error);
    void send("isBare" in message && message.isBare ? body : enveloped(message, status, body));
  }

  function drain(): void {
    isStopping = true;
    if (running === 0) socket.close(codes.goingAway, "the server stops");
  }

  socket.on("message", take);
  socket.on("pong", () => (isAlive = true));
  socket.on("ping", () => {
    isAlive = true;
    // Each is answered, and the answers wait too.
    if (socket.bufferedAmount > maxSocketUnreadBytes) socket.terminate();
  });
  // A message that is too large, or no message at all: the library has closed it with the code for that.
  socket.on("error", (error) => log.debug("a socket failed", faultFields(error)));
  socket.once("close", () => gone.abort());
  void sendEvents();

  return {
    beat() {
      if (!isAlive) {
        socket.terminate();
        return;
      }
      isAlive = false;
      socket.ping();
    },
    drain,
    cut: () => socket.terminate(),
  };
}

const isBad = (message: Message | BadMessage): message is BadMessage => "problem" in message;

/** @param body  JSON, or nothing */
function enveloped({ id }: { readonly id?: unknown }, status: number, body: string): string {
  return `{"id":${JSON.stringify(id) ?? "null"},"status":${status},"body":${body === "" ? "null" : body}}`;
}

function problemOf(error: unknown): { readonly status: number; readonly body: string } {
  const body = errorBody(error);
  return { status: body.status, body: JSON.stringify(body) };
}
