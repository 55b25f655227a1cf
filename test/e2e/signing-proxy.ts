// A proxy that signs what passes through it, for programs that cannot sign.

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { AuthError, signRequest } from "@bk/auth/client";

export interface SigningProxy extends AsyncDisposable {
  readonly url: string;
}

/**
 * Passes requests on to a server, signed by an account.
 *
 * @param target  the URL of the server
 */
export async function startSigningProxy(
  target: string,
  account: { readonly login: string; readonly secret: string },
): Promise<SigningProxy> {
  const { host } = new URL(target);

  async function pass(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method = "GET", url: path = "/" } = incoming;
    const contentType = incoming.headers["content-type"] ?? "";
    // What cannot be signed goes on as it came, and is refused there.
    const signed = await signRequest({ url: target + path, ...account, method, body, contentType }).catch((error: unknown) => {
      if (error instanceof AuthError) return {};
      throw error;
    });
    const { "transfer-encoding": _framing, ...headers } = incoming.headers;
    const outgoing = request(
      target,
      { method, path, headers: { ...headers, host, "content-length": body.length, ...signed } },
      (answer) => {
        reply.writeHead(answer.statusCode!, answer.rawHeaders);
        answer.pipe(reply);
      },
    );
    outgoing.on("error", (error) => reply.destroy(error));
    outgoing.end(body);
  }

  // Whether a head is too long is for the server to say.
  const server = createServer(
    { maxHeaderSize: 1024 * 1024 },
    (incoming, reply) => void pass(incoming, reply).catch((error: Error) => reply.destroy(error)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
