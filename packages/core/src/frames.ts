// Messages on a stream of bytes: JSON, one a line. JSON has no line end inside.

import type { Socket } from "node:net";
import { nodeModule } from "./node-module.js";

/** The longest line, in characters; whoever sends more is cut off. */
const maxLine = 256 * 1024 * 1024;
/** How many bytes may wait to be sent to one who does not read them, until it is cut off. */
const maxUnsent = 256 * 1024 * 1024;

/** Calls `receive` for each message. One that is not JSON ends the connection. */
export function receiveFrames(socket: Socket, receive: (message: never) => void): void {
  // Strings that are joined and cut are faster than bytes, and a character may be cut in two by a chunk.
  socket.setEncoding("utf8");
  let rest: string[] = [];
  let length = 0;
  socket.on("data", (chunk: unknown) => {
    let text = String(chunk);
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = rest.length === 0 ? text.slice(0, end) : rest.join("") + text.slice(0, end);
      rest = [];
      length = 0;
      text = text.slice(end + 1);
      let message: unknown;
      try {
        message = JSON.parse(line);
      } catch {
        // Whoever speaks another language is no partner.
        socket.destroy();
        return;
      }
      receive(message as never);
    }
    if (text === "") return;
    rest.push(text);
    length += text.length;
    if (length > maxLine) socket.destroy();
  });
}

/** Sends messages, those of one tick in one piece. */
export function frameSender(socket: Socket): (message: unknown) => void {
  let waiting: string[] = [];
  const flush = (): void => {
    const lines = waiting;
    waiting = [];
    if (socket.destroyed) return;
    socket.write(`${lines.join("\n")}\n`);
    if (socket.writableLength > maxUnsent) socket.destroy();
  };
  return (message) => {
    if (waiting.push(JSON.stringify(message)) === 1) globalThis.process.nextTick(flush);
  };
}

/** Opens a connection to a socket's path. */
export function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = nodeModule("node:net").connect(path);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
