import type { Socket } from "node:net";

/**
 * The first line that comes. What follows it stays for whoever reads the socket next.
 *
 * @param longest  bytes; more end the connection
 */
export function firstLine(socket: Socket, longest: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf(10);
      if (end < 0) {
        if (bytes.length > longest) socket.destroy();
        return;
      }
      socket.off("data", take);
      socket.pause();
      if (end + 1 < bytes.length) socket.unshift(bytes.subarray(end + 1));
      resolve(bytes.subarray(0, end).toString());
    };
    socket.on("data", take);
    socket.once("close", () => reject(new Error("the other end left")));
  });
}
