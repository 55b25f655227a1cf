import type { AddressInfo, Server } from "node:net";

import { BkError } from "@bk/core";

export interface Listening {
  readonly url: string;
}

/** Listens, and gives the URL. @param setting  what another port is given by */
export async function listenAt(server: Server, port: number, host: string, setting = "port"): Promise<Listening> {
  await listening(server, (done) => server.listen(port, host, done)).catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, port, host, setting);
  });
  const address = server.address() as AddressInfo;
  return { url: `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}` };
}

/** Listens at a socket of this machine. The caller listens for what goes wrong later. */
export function listenAtPath(server: Server, path: string): Promise<void> {
  return listening(server, (done) => server.listen(path, done));
}

function listening(server: Server, listen: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    listen(() => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Another program has the port. */
export function isPortInUse(error: unknown): boolean {
  return error instanceof BkError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
}

function listenError(error: NodeJS.ErrnoException, port: number, host: string, setting: string): BkError {
  const why =
    error.code === "EADDRINUSE"
      ? `port ${port} of ${host} is in use: is another bk-server running? Choose another one with --${setting}`
      : error.code === "EACCES"
        ? `port ${port} of ${host} needs rights that this user has not; choose one above 1023 with --${setting}`
        : `cannot listen on port ${port} of ${host} (${error.code ?? error.message})`;
  return new BkError("unavailable", why, { cause: error });
}
