import { open } from "lmdb";
import type { Contestant, Entry } from "../contestant.js";
import type { User } from "../users.js";

export const entry: Entry = {
  async create() {
    // The first row makes the file.
  },
  async open(path): Promise<Contestant> {
    const database = open<User, string>({ path });
    return {
      get: async (id) => database.get(id),
      put: (user) => database.put(user.id, user),
      del: (id) => database.remove(id),
      bulk: (users) => database.batch(() => void users.map((user) => database.put(user.id, user))),
      clear: () => Promise.all([...database.getKeys({ start: "x-", end: "x." })].map((key) => database.remove(key))),
      close: () => database.close(),
    };
  },
};
