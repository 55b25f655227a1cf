// A client of WebSockets that keeps what it was sent.

import { type ClientOptions, WebSocket } from "ws";

/** A client that keeps all that it was sent. */
export interface Client {
  readonly socket: WebSocket;
  readonly messages: string[];
  /** The status of the reply that refused it, 101 where it is open. */
  readonly status: number;
  readonly body: string;
  /** The code that it was closed with. */
  readonly closed: Promise<number>;
  /** Waits for the message that `test` finds. */
  find(test: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Sends a request with an id, and waits for the reply that has it. */
  ask(request: Record<string, unknown>): Promise<Record<string, unknown>>;
}

let asked = 0;

export function open(url: string, options: ClientOptions = {}, protocols: string[] = []): Promise<Client> {
  const socket = new WebSocket(url.replace("http", "ws"), protocols, options);
  const messages: string[] = [];
  const waiting = new Set<() => void>();
  socket.on("message", (data: Buffer) => {
    messages.push(data.toString());
    for (const look of waiting) look();
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  const find: Client["find"] = (test) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = messages.map((text) => JSON.parse(text) as Record<string, unknown>).find((message) => test(message));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      void closed.then((code) => reject(new Error(`closed with ${code}`)));
      look();
    });
  const ask: Client["ask"] = (request) => {
    const id = `request ${++asked}`;
    socket.send(JSON.stringify({ id, ...request }));
    return find((message) => message["id"] === id);
  };
  return new Promise((resolve, reject) => {
    const client = { socket, messages, closed, find, ask };
    let status = 101;
    socket.once("open", () => resolve({ ...client, status, body: "" }));
    socket.once("unexpected-response", (_request, response) => {
      status = response.statusCode!;
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => resolve({ ...client, status, body }));
    });
    socket.on("error", (error) => status === 101 && socket.readyState !== socket.OPEN && reject(error));
  });
}
