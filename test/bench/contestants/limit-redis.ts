// What a careful person can get out of the client by hand: the gets and the puts of a tick in one command.

import { Redis } from "ioredis";
import type { Contestant, Entry } from "../contestant.js";
import type { User } from "../users.js";
import { gather } from "./gather.js";
import { entry as raw, prefix } from "./raw-redis.js";

export const entry: Entry = {
  async open(url): Promise<Contestant> {
    const lone = await raw.open(url);
    const redis = new Redis(url);
    return {
      ...lone,
      get: gather(async (ids: readonly string[]) => {
        const texts = await redis.mget(ids.map((id) => prefix + id));
        return texts.map((text): unknown => (text === null ? undefined : JSON.parse(text)));
      }),
      put: gather(async (users: readonly User[]) => {
        await redis.mset(users.flatMap((user) => [prefix + user.id, JSON.stringify(user)]));
        return users.map((): unknown => undefined);
      }),
      async close() {
        await lone.close();
        await redis.quit();
      },
    };
  },
};
