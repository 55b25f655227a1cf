// Somebody who follows an account's events, by SSE or over a WebSocket, and comes back with the last id that was seen: after the server
// was killed, and now and then by itself, to the other server.

import { signRequest, signUrl } from "@bk/auth";
import { WebSocket } from "ws";

import type { Login, Servers } from "./servers.js";

export interface SeenEvent {
  readonly path: string;
  readonly event_id: string;
  readonly [property: string]: unknown;
}

/** An open connection: its events, until it ends. */
export interface Connection {
  readonly events: AsyncIterable<SeenEvent>;
  close(): void;
}

export type Connect = (url: string, by: Login, last: string | undefined) => Promise<Connection>;

const path = "/account/subscribe";
/** It moves to the other server after so many events that it has not seen. */
const moveEvery = 8;

export class Subscriber {
  /** Everything that was seen, by id. */
  readonly seen = new Map<string, SeenEvent>();
  /** Ids that one connection has given twice. */
  readonly doubled: string[] = [];
  connections = 0;
  /** What has ended it. */
  failure: unknown;
  /** Where it began. */
  first: string | undefined;
  #isOver = false;
  #open: Connection | undefined;
  #done: Promise<void> | undefined;

  /** Resolves once it listens. */
  async start(servers: Servers, by: Login, kind: "sse" | "socket", first: string): Promise<void> {
    const connect = kind === "sse" ? connectSse : connectSocket;
    this.first = first;
    this.#open = await connect(first, by, undefined);
    this.#done = this.#follow(servers, by, connect, first);
    this.#done.catch((error: unknown) => (this.failure = error));
  }

  async #follow(servers: Servers, by: Login, connect: Connect, first: string): Promise<void> {
    // Ids grow; those of the two seconds before come again.
    let last: string | undefined;
    for (let url = first; !this.#isOver;) {
      const ids = new Set<string>();
      let fresh = 0;
      this.connections++;
      try {
        for await (const event of this.#open!.events) {
          if (ids.has(event.event_id)) this.doubled.push(event.event_id);
          ids.add(event.event_id);
          if (!this.seen.has(event.event_id)) fresh++;
          this.seen.set(event.event_id, event);
          if (last === undefined || event.event_id > last) last = event.event_id;
          if (fresh === moveEvery) break;
        }
      } catch (error) {
        if (!this.#isOver && !servers.isKilled(url)) throw error;
      }
      this.#open!.close();
      if (!this.#isOver) [url, this.#open] = await this.#reconnect(servers, by, connect, servers.other(url), last);
    }
    this.#open!.close();
  }

  async #reconnect(servers: Servers, by: Login, connect: Connect, to: string, last: string | undefined): Promise<[string, Connection]> {
    try {
      return [to, await connect(to, by, last)];
    } catch (error) {
      if (!servers.isKilled(to)) throw error;
      const rest = servers.other(to);
      return [rest, await connect(rest, by, last)];
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#open?.close();
    await this.#done;
  }
}

export async function connectSse(url: string, by: Login, last: string | undefined): Promise<Connection> {
  const leave = new AbortController();
  const signature = await signRequest({ url: url + path, login: by.login, secret: by.secret });
  const response = await fetch(url + path, {
    headers: { ...signature, accept: "text/event-stream", ...(last === undefined ? {} : { "last-event-id": last }) },
    signal: leave.signal,
  });
  if (response.status !== 200) throw new Error(`a stream was refused with ${response.status}: ${await response.text()}`);
  return { events: eventsOf(response.body as unknown as AsyncIterable<Uint8Array>), close: () => leave.abort() };
}

async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<SeenEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      const [, id, data] = /^id: (\S+)\ndata: (.*)$/.exec(part) ?? [];
      if (data !== undefined) yield { ...(JSON.parse(data) as SeenEvent), event_id: id! };
    }
  }
}

export async function connectSocket(url: string, by: Login, last: string | undefined): Promise<Connection> {
  const target = `${url}${path}${last === undefined ? "" : `?_since=${last}`}`;
  const socket = new WebSocket((await signUrl({ url: target, login: by.login, secret: by.secret })).replace("http", "ws"));
  const waiting: SeenEvent[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  socket.on("message", (data: Buffer) => {
    waiting.push(JSON.parse(data.toString()) as SeenEvent);
    wake();
  });
  socket.on("close", () => {
    isOver = true;
    wake();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  // That it ends is what counts.
  socket.on("error", () => undefined);
  async function* events(): AsyncGenerator<SeenEvent> {
    for (;;) {
      while (waiting.length > 0) yield waiting.shift()!;
      if (isOver) return;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return { events: events(), close: () => socket.terminate() };
}
