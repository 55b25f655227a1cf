// One open WebSocket: events go out as they come, messages come in as requests, and a peer that is gone or does not read is let go.

import type { Log } from "@bk/core";
import type { EventSink, EventStream, StreamedEvent } from "@bk/modules";
import type { RawData, WebSocket } from "ws";

import { badRequest, errorBody, HttpError } from "../error-response.js";
import { socketText } from "../events/event-texts.js";
import { faultFields } from "../fault-fields.js";
import type { Fetch } from "../request/fetch.js";
import { type BadMessage, type Message, readMessage } from "./read-message.js";
import { ask, type Opening } from "./socket-request.js";

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

/** Codes of RFC 6455 and of its registry. */
const codes = { goingAway: 1001, noText: 1003, refused: 1008, failed: 1011, tryAgainLater: 1013 } as const;
/** So many requests after each other without an account that is let in, and it is closed. */
const mostRefused = 3;

/** Serves a socket until it closes. Many are open at a time: each is one object, which keeps little of its upgrade. */
export class OpenSocket implements EventSink {
  readonly #socket: WebSocket;
  readonly #opening: Opening;
  readonly #options: OpenSocketOptions;
  #running = 0;
  #refused = 0;
  #isAlive = true;
  #isStopping = false;
  /** Aborts what the socket waits for, when it has closed. */
  #gone: AbortController | undefined;

  /**
   * @param opening  what opened it: later requests have its headers and its address
   * @param events  what the endpoint of the upgrade streams
   */
  constructor(socket: WebSocket, opening: Opening, events: EventStream, options: OpenSocketOptions) {
    this.#socket = socket;
    this.#opening = opening;
    this.#options = options;
    socket.on("message", (data, isBinary) => this.#take(data, isBinary));
    socket.on("pong", () => (this.#isAlive = true));
    socket.on("ping", () => {
      this.#isAlive = true;
      // Each is answered, and the answers wait too.
      if (this.#isUnread) socket.terminate();
    });
    // A message that is too large, or no message at all: the library has closed it with the code for that.
    socket.on("error", (error) => options.log.debug("a socket failed", faultFields(error)));
    socket.on("close", () => {
      events.cancel();
      this.#gone?.abort();
    });
    events.begin(this);
  }

  event(event: StreamedEvent): void {
    this.#send(socketText(event));
    if (this.#isUnread) this.#comeBack("events are not read");
  }

  /** Sockets have a beat of their own, which is answered. */
  // eslint-disable-next-line class-methods-use-this -- sinks have it
  beat(): void {}

  end(): void {
    // The server stops, whoever opened it may not listen any more, or the source of the events has ended.
    if (this.#isStopping) this.drain();
    else if (this.#opening.isRefused) this.#socket.close(codes.refused, "not authenticated any more");
    else this.#comeBack("come back");
  }

  /** Looks whether the client has said something since the last time; lets it go if not. */
  look(): void {
    if (!this.#isAlive) {
      this.#socket.terminate();
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }

  /** The server stops: closes the socket as soon as what it asked for is answered. */
  drain(): void {
    this.#isStopping = true;
    if (this.#running === 0) this.#socket.close(codes.goingAway, "the server stops");
  }

  /** Cuts it. */
  cut(): void {
    this.#socket.terminate();
  }

  get #isUnread(): boolean {
    return this.#socket.bufferedAmount > this.#options.maxSocketUnreadBytes;
  }

  get #signal(): AbortSignal {
    return (this.#gone ??= new AbortController()).signal;
  }

  #comeBack(why: string): void {
    this.#socket.close(codes.tryAgainLater, why);
  }

  #send(text: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }

  async #answer(message: Message): Promise<void> {
    this.#running++;
    try {
      const { status, body } = await this.#replyTo(message);
      this.#refused = status === 401 ? this.#refused + 1 : 0;
      await this.#sent(message.isBare ? body : enveloped(message, status, body));
      if (this.#refused >= mostRefused) this.#socket.close(codes.refused, "not authenticated");
    } finally {
      this.#running--;
      if (this.#isStopping) this.drain();
    }
  }

  /** Resolves when it has left this process: whoever waits for it holds no more than one text. */
  #sent(text: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState !== this.#socket.OPEN) resolve();
      else this.#socket.send(text, () => resolve());
    });
  }

  /** The status and the JSON of a reply. Never throws: the app makes errors replies, and what fails outside of it is one here. */
  async #replyTo({ asked }: Message): Promise<{ readonly status: number; readonly body: string }> {
    try {
      const response = await ask(this.#options.fetch, this.#opening, asked, this.#signal);
      const type = response.headers.get("content-type");
      if (response.body === null || type === null || /^application\/json\b/.test(type))
        return { status: response.status, body: await response.text() };
      await response.body.cancel();
      throw badRequest(`a reply of type ${type.slice(0, 60)} is not sent to a socket; ask for it by HTTP`);
    } catch (error) {
      if (!(error instanceof HttpError) && !this.#signal.aborted)
        this.#options.log.error("a request of a socket failed outside of the app", faultFields(error));
      return problemOf(error);
    }
  }

  #take(data: RawData, isBinary: boolean): void {
    this.#isAlive = true;
    if (this.#isStopping) return;
    if (isBinary) {
      this.#socket.close(codes.noText, "messages are text");
      return;
    }
    const { maxJsonDepth, maxSocketRequests } = this.#options;
    const message = readMessage((data as Buffer).toString("utf8"), maxJsonDepth);
    if (isBad(message)) this.#tell(message, badRequest(message.problem));
    else if (this.#running >= maxSocketRequests)
      this.#tell(message, new HttpError("limited", `this socket has ${maxSocketRequests} requests running; wait for their replies`));
    else void this.#answer(message);
  }

  /** Replies that nothing waits for: a client that asks on and on without reading them is let go. */
  #tell(message: Message | BadMessage, error: HttpError): void {
    if (this.#isUnread) {
      this.#comeBack("replies are not read");
      return;
    }
    const { status, body } = problemOf(error);
    this.#send("isBare" in message && message.isBare ? body : enveloped(message, status, body));
  }
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
