// A server that speaks the binary protocol alone, as memcached 1.6 does with -S: it ends the connection at what is no message of that, and
// waits while there are not 24 bytes.

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { openCache } from "@bk/cache";
import { expect, it } from "vitest";

it.each(["", "app:secret@"])("a server with SASL is told as such (user: %j)", async (user) => {
  const server = createServer((socket) => {
    let length = 0;
    socket.on("data", (chunk) => {
      length += chunk.length;
      if (length >= 24) socket.destroy();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cache = await openCache(`memcached://${user}127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const error: unknown = await cache.get("a").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "unavailable", outcome: "none", message: expect.stringContaining("SASL (-S)") });
    expect(String((error as Error).message)).not.toContain("secret");
  } finally {
    await cache.close();
    server.close();
  }
});
