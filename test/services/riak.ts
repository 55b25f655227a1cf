import { fileURLToPath } from "node:url";
import { exchange } from "./exchange.js";
import type { Recipe } from "./recipe.js";

const program = fileURLToPath(new URL("./riak/server.ts", import.meta.url));

/** A program of our own that follows the documentation of Riak's HTTP API; Riak itself is not to be had here. */
export const riak: Recipe = {
  name: "riak",
  variable: "BK_TEST_RIAK",
  portCount: 1,
  needs: [],
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `riak://127.0.0.1:${port}`,
  prepare: async () => undefined,
  commands: ({ data, ports: [port] }) => [[process.execPath, "--import", import.meta.resolve("tsx"), program, String(port), data]],
  answers: async ([port = 0]) => {
    const request = `GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
    const answered = await exchange(port, request, (reply) =>
      reply.includes("\r\n") ? reply.toString("latin1").startsWith("HTTP/1.1 200") : undefined,
    );
    return answered === true;
  },
};
