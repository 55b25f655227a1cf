// The primary that sentinels know, and the end of a Redis.

import { Redis } from "ioredis";

import { askRedis } from "./services/redis.js";

/** The port of the primary, as the first sentinel of a URL knows it. */
export async function primaryOf(url: string): Promise<number> {
  const sentinel = new Redis(Number(/:(\d+)/.exec(url.replace(/^[a-z-]+:/, ""))![1]));
  const [, port] = (await sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")) as [string, string];
  sentinel.disconnect();
  return Number(port);
}

/** Ends the server at a port of this machine by SIGKILL. */
export async function killRedis(port: number): Promise<void> {
  const info = await askRedis(port, "INFO", "server");
  process.kill(Number(/process_id:(\d+)/.exec(info ?? "")![1]), "SIGKILL");
}
