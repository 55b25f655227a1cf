import knexFactory, { type Knex } from "knex";
import type { Contestant, Entry } from "../contestant.js";
import type { User } from "../users.js";

type Engine = "sqlite" | "pg" | "mysql";

const configs: Readonly<Record<Engine, (url: string) => Knex.Config>> = {
  sqlite: (filename) => ({
    client: "better-sqlite3",
    connection: { filename },
    useNullAsDefault: true,
    pool: {
      min: 1,
      max: 1,
      afterCreate(connection: { pragma(text: string): void }, done: (error: Error | null, connection: unknown) => void) {
        connection.pragma("synchronous = NORMAL");
        done(null, connection);
      },
    },
  }),
  pg: (connection) => ({ client: "pg", connection, pool: { min: 1, max: 10 } }),
  mysql: (connection) => ({ client: "mysql2", connection, pool: { min: 1, max: 10 } }),
};

/** Rows of one INSERT; SQLite limits the terms that Knex's SQLite INSERT is made of. */
const rowsOfStatement: Readonly<Record<Engine, number>> = { sqlite: 500, pg: 2_000, mysql: 1_000 };

export function knex(engine: Engine): Entry {
  const stored = (user: User): Record<string, unknown> => ({
    ...user,
    meta: JSON.stringify(user.meta),
    active: engine === "sqlite" ? Number(user.active) : user.active,
  });
  const active = engine === "sqlite" ? 1 : true;
  return {
    async open(url): Promise<Contestant> {
      const db = knexFactory(configs[engine](url));
      return {
        get: (id) => db("users").where({ id }).first(),
        select: (email) => db("users").where({ email }).orderBy("mtime", "desc").limit(20),
        page: (age) => db("users").where({ active }).andWhere("age", ">=", age).orderBy("id").limit(100),
        update: (id, age) => db("users").where({ id }).update({ age }),
        incr: (id) => db("users").where({ id }).increment("age", 1),
        put: (user) => db("users").insert(stored(user)).onConflict("id").merge(),
        add: (user) => db("users").insert(stored(user)),
        del: (id) => db("users").where({ id }).delete(),
        bulk: (users) => db.batchInsert("users", users.map(stored), rowsOfStatement[engine]),
        clear: () => db("users").where("id", "like", "x-%").delete(),
        close: () => db.destroy(),
      };
    },
  };
}
