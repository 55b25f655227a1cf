import { Redis } from "ioredis";
import type { Contestant, Entry } from "../contestant.js";

export const prefix = "bench-raw:";

export const entry: Entry = {
  async create() {
    // There is nothing to make.
  },
  async open(url): Promise<Contestant> {
    const redis = new Redis(url);
    return {
      async get(id) {
        const text = await redis.get(prefix + id);
        return text === null ? undefined : (JSON.parse(text) as unknown);
      },
      put: (user) => redis.set(prefix + user.id, JSON.stringify(user)),
      del: (id) => redis.del(prefix + id),
      async clear() {
        const keys = await redis.keys(`${prefix}x-*`);
        for (let i = 0; i < keys.length; i += 1000) await redis.unlink(keys.slice(i, i + 1000));
      },
      close: () => redis.quit(),
    };
  },
};
