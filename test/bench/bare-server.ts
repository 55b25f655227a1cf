// What open subscribers cost Node alone: its own server that writes events, or the library of WebSockets on it, which check nothing and keep nothing.

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { type WebSocket, WebSocketServer } from "ws";

import { answerOrders } from "./answer.js";
import { memory } from "./memory.js";
import type { ModulesServerOrder } from "./modules-server.js";

export interface BareServerOptions {
  readonly bare: true;
}

const streams = new Set<ServerResponse>();
const sockets = new Set<WebSocket>();

const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(":\n\n");
  streams.add(response);
  response.on("close", () => streams.delete(response));
});
const upgrades = new WebSocketServer({ noServer: true, clientTracking: false });
server.on("upgrade", (request, socket, head) =>
  upgrades.handleUpgrade(request, socket, head, (webSocket) => {
    sockets.add(webSocket);
    webSocket.on("error", () => webSocket.terminate());
    webSocket.on("close", () => sockets.delete(webSocket));
  }),
);

function publish(marker: string): { at: number } {
  const at = performance.timeOrigin + performance.now();
  const text = JSON.stringify({ path: "/bench", mtime: Date.now(), marker });
  for (const stream of streams) stream.write(`data: ${text}\n\n`);
  for (const socket of sockets) socket.send(text);
  return { at };
}

answerOrders(async (order: ModulesServerOrder) => {
  switch (order.kind) {
    case "start":
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 511, resolve));
      return { port: (server.address() as AddressInfo).port, ids: [] };
    case "memory":
      return memory();
    case "publish":
      return publish(order.marker);
    default:
      throw new Error(`${order.kind} is nothing that the bare server does`);
  }
});
