import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exchange } from "./exchange.js";
import { onPath } from "./on-path.js";
import type { Place, Recipe } from "./recipe.js";

/** Whoever gives no name may do everything, as `app` with the password `secret` may; `reader` may only subscribe. */
const configuration = `
authorization {
  timeout: 30
  users = [
    { user: guest, password: guest }
    { user: app, password: secret }
    { user: reader, password: secret, permissions: { publish: "_INBOX.>", subscribe: ">" } }
  ]
}
no_auth_user: guest
`;

const fileIn = (place: Place): string => join(place.data, "nats.conf");

/** NATS with JetStream. */
export const nats: Recipe = {
  name: "nats",
  variable: "BK_TEST_NATS",
  portCount: 1,
  needs: [{ what: "nats-server", packages: ["nats-server"], found: () => onPath("nats-server") !== undefined }],
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `nats://127.0.0.1:${port}`,
  prepare: (place) => writeFile(fileIn(place), configuration),
  commands: (place) => [command(place)],
  answers: async ([port = 0]) => (await exchange(port, greeting, isReady)) ?? false,
};

function command(place: Place): string[] {
  const server = ["--config", fileIn(place), "--addr", "127.0.0.1", "--port", String(place.ports[0])];
  const stored = ["--jetstream", "--store_dir", join(place.data, "jetstream")];
  return [onPath("nats-server") ?? "nats-server", ...server, ...stored];
}

// The second line asks JetStream: it answers when it has read what it stored.
const greeting = 'CONNECT {"verbose":false}\r\nSUB ready 1\r\nPUB $JS.API.INFO ready 0\r\n\r\n';

function isReady(reply: Buffer): boolean | undefined {
  const text = reply.toString();
  return /^MSG ready /m.test(text) ? true : text.includes("-ERR") ? false : undefined;
}
