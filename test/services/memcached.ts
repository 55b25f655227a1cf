import { exchange } from "./exchange.js";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";
import { isRoot } from "./run-as.js";

/** Two memcached servers, over which keys are shared out. */
export const memcached: Recipe = {
  name: "memcached",
  variable: "BK_TEST_MEMCACHED",
  portCount: 2,
  needs: [{ what: "memcached", packages: ["memcached"], found: () => onPath("memcached") !== undefined }],
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: (ports) => `memcached://${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
  prepare: async () => undefined,
  // It keeps nothing over a SIGKILL, whatever is asked.
  commands: ({ ports }) =>
    ports.map((port) => ["memcached", "-l", "127.0.0.1", "-p", String(port), "-U", "0", "-m", "64", ...(isRoot() ? ["-u", "nobody"] : [])]),
  answers: async (ports) => {
    const versions = await Promise.all(
      ports.map((port) => exchange(port, "version\r\n", (reply) => reply.toString().startsWith("VERSION ") || undefined)),
    );
    return versions.every((version) => version === true);
  },
};
