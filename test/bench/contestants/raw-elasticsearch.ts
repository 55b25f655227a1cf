import { Client } from "@opensearch-project/opensearch";
import type { Contestant, Entry } from "../contestant.js";
import type { User } from "../users.js";

const index = "bench-raw";

export const entry: Entry = {
  async create() {
    // The first row makes the index.
  },
  async open(url): Promise<Contestant> {
    const client = new Client({ node: url.replace(/^[a-z]+:/, "http:") });
    return {
      async get(id) {
        const { body } = await client.get({ index, id }, { ignore: [404] });
        return (body as { _source?: unknown })._source;
      },
      put: (user) => client.index({ index, id: user.id, body: user }),
      del: (id) => client.delete({ index, id }, { ignore: [404] }),
      async bulk(users: readonly User[]) {
        await client.bulk({ body: users.flatMap((user) => [{ index: { _index: index, _id: user.id } }, user]) });
      },
      clear: () =>
        client.deleteByQuery({ index, refresh: true, conflicts: "proceed", body: { query: { prefix: { "id.keyword": "x-" } } } }),
      close: () => client.close(),
    };
  },
};
