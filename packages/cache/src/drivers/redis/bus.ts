// Messages between processes over Redis, on a connection of its own: one that listens takes no other commands.

import { connectAgain } from "@bk/core/redis";
import type { Bus } from "../../driver.js";
import type { RedisClient } from "./connection.js";

export function redisBus(client: RedisClient, silenceMs: number): Bus {
  return {
    publish: (channel, message) => client.publish(channel, message),
    async subscribe(channel, listener, lost) {
      const own = "nodes" in client ? client.duplicate() : client.duplicate({ socketTimeout: silenceMs });
      let isBegun = false;
      let isClosed = false;
      connectAgain(own, () => isClosed);
      // It reconnects and subscribes again by itself; what was said meanwhile is lost.
      own.on("error", () => undefined);
      own.on("close", () => isBegun && lost());
      own.on("ready", () => isBegun && lost());
      own.on("message", (from: string, message: string) => from === channel && listener(message));
      if (own.status === "wait") await own.connect().catch(() => undefined);
      await own.subscribe(channel);
      isBegun = true;
      return {
        async close() {
          isClosed = true;
          own.disconnect();
        },
      };
    },
  };
}
