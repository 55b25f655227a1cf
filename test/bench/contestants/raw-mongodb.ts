import { MongoClient } from "mongodb";
import type { Contestant, Entry } from "../contestant.js";
import type { User } from "../users.js";

export const entry: Entry = {
  async create() {
    // The first row makes the collection.
  },
  async open(url): Promise<Contestant> {
    const client = await MongoClient.connect(url);
    const users = client.db().collection<Omit<User, "id"> & { _id: string }>("users");
    const documentOf = ({ id, ...rest }: User): Omit<User, "id"> & { _id: string } => ({ _id: id, ...rest });
    return {
      get: (id) => users.findOne({ _id: id }),
      put: (user) => users.replaceOne({ _id: user.id }, documentOf(user), { upsert: true }),
      del: (id) => users.deleteOne({ _id: id }),
      bulk: (rows) => users.insertMany(rows.map(documentOf), { ordered: false }),
      clear: () => users.deleteMany({ _id: { $gte: "x-", $lt: "x." } }),
      close: () => client.close(),
    };
  },
};
