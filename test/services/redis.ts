import { exchange } from "./exchange.js";
import { onPath } from "./on-path.js";
import type { Need, Place, Recipe } from "./recipe.js";

/** What Redis and Redis Cluster need. */
export const redisNeeds: readonly Need[] = [
  { what: "redis-server", packages: ["redis-server"], found: () => onPath("redis-server") !== undefined },
];

/** The command line of one Redis server. */
export function redisCommand(place: Place, port: number, ...more: string[]): string[] {
  // "no" leaves the syncing to the system, yet each write is handed to it before the reply: a SIGKILL loses nothing.
  // "everysec" would hold writes back while a sync is under way.
  const kept = place.durable ? ["--appendonly", "yes", "--appendfsync", "no"] : ["--appendonly", "no"];
  return ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", place.data, "--save", "", ...kept, ...more];
}

/** Sends one command and gives the whole first reply line, or for a bulk string its text; undefined when there is none. */
export function askRedis(port: number, ...command: string[]): Promise<string | undefined> {
  const request = `*${command.length}\r\n${command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
  return exchange(port, request, (reply) => {
    const text = reply.toString();
    const end = text.indexOf("\r\n");
    if (end < 0) return undefined;
    if (!text.startsWith("$")) return text.slice(0, end);
    const length = Number(text.slice(1, end));
    return reply.length >= end + 2 + length + 2 ? text.slice(end + 2, end + 2 + length) : undefined;
  });
}

/** Redis, alone. */
export const redis: Recipe = {
  name: "redis",
  variable: "BK_TEST_REDIS",
  portCount: 1,
  needs: redisNeeds,
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `redis://127.0.0.1:${port}`,
  prepare: async () => undefined,
  commands: (place) => place.ports.map((port) => redisCommand(place, port)),
  answers: async ([port = 0]) => (await askRedis(port, "PING")) === "+PONG",
};
