import pg from "pg";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";

export const entry: Entry = {
  async create(url) {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(
      "CREATE TABLE users (id text PRIMARY KEY, name text, email text, age int, balance double precision, active boolean, meta jsonb, mtime bigint)",
    );
    await client.query("CREATE INDEX users_email ON users (email)");
    await client.end();
  },
  async open(url): Promise<Contestant> {
    const pool = new pg.Pool({ connectionString: url, max: 10 });
    const set = columns.slice(1).map((name) => `${name} = excluded.${name}`);
    const insert = `INSERT INTO users (${columns.join(", ")})`;
    const marks = columns.map((_, i) => `$${i + 1}`).join(", ");
    const types = ["text", "text", "text", "int", "double precision", "boolean", "jsonb", "bigint"];
    const arrays = types.map((type, i) => `$${i + 1}::${type}[]`).join(", ");
    // Named statements are prepared once on each connection.
    const statement =
      (name: string, text: string): ((values: unknown[]) => Promise<pg.QueryResult>) =>
      (values) =>
        pool.query({ name, text, values });
    const get = statement("get", "SELECT * FROM users WHERE id = $1");
    const select = statement("select", "SELECT * FROM users WHERE email = $1 ORDER BY mtime DESC LIMIT 20");
    const page = statement("page", "SELECT * FROM users WHERE active AND age >= $1 ORDER BY id LIMIT 100");
    const update = statement("update", "UPDATE users SET age = $1 WHERE id = $2");
    const incr = statement("incr", "UPDATE users SET age = age + 1 WHERE id = $1");
    const put = statement("put", `${insert} VALUES (${marks}) ON CONFLICT (id) DO UPDATE SET ${set.join(", ")}`);
    const add = statement("add", `${insert} VALUES (${marks})`);
    const del = statement("del", "DELETE FROM users WHERE id = $1");
    const bulk = statement("bulk", `${insert} SELECT * FROM unnest(${arrays})`);
    const valuesOf = (user: User): unknown[] => columns.map((name) => (name === "meta" ? JSON.stringify(user.meta) : user[name]));
    return {
      get: async (id) => (await get([id])).rows[0] as unknown,
      select: async (email) => (await select([email])).rows,
      page: async (age) => (await page([age])).rows,
      update: (id, age) => update([age, id]),
      incr: (id) => incr([id]),
      put: (user) => put(valuesOf(user)),
      add: (user) => add(valuesOf(user)),
      del: (id) => del([id]),
      bulk: (users) => bulk(columns.map((name) => users.map((user) => (name === "meta" ? JSON.stringify(user.meta) : user[name])))),
      clear: () => pool.query("DELETE FROM users WHERE id LIKE 'x-%'"),
      close: () => pool.end(),
    };
  },
};
