// A socket in a folder, for its user alone: by it commands reach a process.

import { chmodSync } from "node:fs";
import { createServer, type Socket } from "node:net";

import { listenAtPath } from "./listen-at.js";

export interface PrivateSocket {
  close(): void;
}

/**
 * Serves whoever connects, until it is closed. It keeps no process from ending.
 *
 * @param end  what becomes of those that are connected when it is closed
 */
export async function openPrivateSocket(
  path: string,
  serve: (socket: Socket) => void,
  end: (socket: Socket) => void,
): Promise<PrivateSocket> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => undefined);
    serve(socket);
  });
  await listenAtPath(server, path);
  // No file is left for a connection: whoever asks is refused, and this process goes on.
  server.on("error", () => undefined);
  chmodSync(path, 0o600);
  server.unref();
  return {
    close() {
      server.close();
      for (const socket of open) end(socket);
    },
  };
}
