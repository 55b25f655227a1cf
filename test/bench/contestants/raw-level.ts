import { ClassicLevel } from "classic-level";
import type { Contestant, Entry } from "../contestant.js";
import type { User } from "../users.js";

export const entry: Entry = {
  async create() {
    // The first row makes the folder.
  },
  async open(path): Promise<Contestant> {
    const database = new ClassicLevel<string, User>(path, { valueEncoding: "json" });
    await database.open();
    return {
      get: (id) => database.get(id),
      put: (user) => database.put(user.id, user),
      del: (id) => database.del(id),
      bulk: (users) => database.batch(users.map((user) => ({ type: "put", key: user.id, value: user }))),
      clear: () => database.clear({ gte: "x-", lt: "x." }),
      close: () => database.close(),
    };
  },
};
