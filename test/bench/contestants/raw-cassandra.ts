import { Client } from "cassandra-driver";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";

/** Most requests that are under way: a connection takes 2,048. */
const atOnce = 500;

function optionsOf(url: string) {
  const { hostname, port, pathname, searchParams } = new URL(url);
  return { contactPoints: [`${hostname}:${port}`], localDataCenter: searchParams.get("localDataCenter")!, keyspace: pathname.slice(1) };
}

export const entry: Entry = {
  async create(url) {
    const { keyspace, ...server } = optionsOf(url);
    const client = new Client(server);
    await client.execute(
      `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    );
    await client.execute(
      `CREATE TABLE IF NOT EXISTS ${keyspace}.users (id text PRIMARY KEY, name text, email text, age int, balance double, active boolean, meta text, mtime bigint)`,
    );
    await client.shutdown();
  },
  async open(url): Promise<Contestant> {
    const client = new Client(optionsOf(url));
    await client.connect();
    const prepare = true;
    const insert = `INSERT INTO users (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
    const valuesOf = (user: User) => columns.map((name) => (name === "meta" ? JSON.stringify(user.meta) : user[name]));
    return {
      get: async (id) => (await client.execute("SELECT * FROM users WHERE id = ?", [id], { prepare })).first(),
      put: (user) => client.execute(insert, valuesOf(user), { prepare }),
      del: (id) => client.execute("DELETE FROM users WHERE id = ?", [id], { prepare }),
      async bulk(users: readonly User[]) {
        for (let i = 0; i < users.length; i += atOnce)
          await Promise.all(users.slice(i, i + atOnce).map((user) => client.execute(insert, valuesOf(user), { prepare })));
      },
      async clear() {
        const { rows } = await client.execute("SELECT id FROM users", [], { prepare, fetchSize: 0 });
        const added = rows.map((row) => row["id"] as string).filter((id) => id.startsWith("x-"));
        for (let i = 0; i < added.length; i += atOnce)
          await Promise.all(added.slice(i, i + atOnce).map((id) => client.execute("DELETE FROM users WHERE id = ?", [id], { prepare })));
      },
      close: () => client.shutdown(),
    };
  },
};
