// A client that asks over kept connections as fast as it is answered, one request at a time on each.

import { connect, type Socket } from "node:net";

export interface Load {
  readonly port: number;
  /** Whole requests, as they go over the wire. */
  readonly requests: readonly string[];
  readonly connections: number;
  readonly ms: number;
}

/**
 * Asks until the time is over; gives the number of answers.
 *
 * @throws Error for an answer that is not 200, with what it says
 */
export async function load({ port, requests, connections, ms }: Load): Promise<number> {
  const end = performance.now() + ms;
  let next = 0;
  let answers = 0;
  const ask = (socket: Socket): void => void socket.write(requests[next++ % requests.length]!);
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => ask(socket));
      let text = "";
      socket.setNoDelay(true);
      socket.on("error", reject);
      socket.on("data", (part) => {
        text += part.toString("latin1");
        const size = sizeOf(text);
        if (size === undefined || text.length < size) return;
        if (!text.startsWith("HTTP/1.1 200 ")) return reject(new Error(`the server answers ${text.slice(0, 500)}`));
        text = text.slice(size);
        answers++;
        if (performance.now() < end) ask(socket);
        else {
          socket.destroy();
          resolve();
        }
      });
    });
  await Promise.all(Array.from({ length: connections }, one));
  return answers;
}

/** The length of the answer that begins here; undefined while its end is not known. */
function sizeOf(text: string): number | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1];
  if (length !== undefined) return head + 4 + Number(length);
  const last = text.indexOf("\r\n0\r\n\r\n", head);
  return last < 0 ? undefined : last + 7;
}
