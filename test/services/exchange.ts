import { connect } from "node:net";

/**
 * Sends `request` to a port of this machine and hands what has come back so far to `read` until that gives a value.
 *
 * @returns  that value, or undefined when the server refused, hung up or said nothing for two seconds
 */
export function exchange<T>(
  port: number,
  request: Uint8Array | string,
  read: (reply: Buffer) => T | undefined,
  host = "127.0.0.1",
): Promise<T | undefined> {
  return new Promise((resolve) => {
    let reply: Buffer = Buffer.alloc(0);
    const socket = connect(port, host, () => {
      if (request.length > 0) socket.write(request);
    });
    const finish = (value: T | undefined): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(2000, () => finish(undefined));
    socket.on("error", () => finish(undefined));
    socket.on("close", () => finish(undefined));
    socket.on("data", (chunk) => {
      reply = Buffer.concat([reply, chunk]);
      const value = read(reply);
      if (value !== undefined) finish(value);
    });
  });
}
