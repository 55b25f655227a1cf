// The reply to an upgrade that opens no socket.

import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** Headers that are about the connection, or that are said otherwise here. */
const notPassedOn: ReadonlySet<string> = new Set(["connection", "content-length", "transfer-encoding", "keep-alive"]);

/** Sends a reply by hand: Node has given the connection away. */
export async function refuseUpgrade(socket: Socket, reply: Response): Promise<void> {
  const body = Buffer.from(await reply.arrayBuffer());
  // Names and values of headers hold no line breaks: `Headers` takes none.
  const headers = [...reply.headers].filter(([name]) => !notPassedOn.has(name)).map(([name, value]) => `${name}: ${value}\r\n`);
  const { status } = reply;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}\r\n${headers.join("")}content-length: ${body.length}\r\nconnection: close\r\n\r\n`;
  // Node's server leaves the other half open.
  socket.once("finish", () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(head, "latin1"), body]));
}
