import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect, sql, type Dialect } from "kysely";
import { createPool } from "mysql2";
import pg from "pg";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";
import { openSqlite } from "./raw-sqlite.js";

interface Tables {
  readonly users: StoredUser;
}
interface StoredUser extends Omit<User, "meta" | "active"> {
  readonly meta: string;
  readonly active: number | boolean;
}

type Engine = "sqlite" | "pg" | "mysql";

const dialects: Readonly<Record<Engine, (url: string) => Dialect>> = {
  sqlite: (file) => new SqliteDialect({ database: openSqlite(file) }),
  pg: (url) => new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 10 }) }),
  mysql: (uri) => new MysqlDialect({ pool: createPool({ uri, connectionLimit: 10 }) }),
};

/** Rows of one INSERT; SQLite and MySQL limit its parameters. */
const rowsOfStatement: Readonly<Record<Engine, number>> = { sqlite: 1_000, pg: 2_000, mysql: 1_000 };

export function kysely(engine: Engine): Entry {
  const stored = (user: User): StoredUser => ({
    ...user,
    meta: JSON.stringify(user.meta),
    active: engine === "sqlite" ? Number(user.active) : user.active,
  });
  const active = engine === "sqlite" ? 1 : true;
  return {
    async open(url): Promise<Contestant> {
      const db = new Kysely<Tables>({ dialect: dialects[engine](url) });
      const changed = columns.slice(1);
      return {
        get: (id) => db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst(),
        select: (email) => db.selectFrom("users").selectAll().where("email", "=", email).orderBy("mtime", "desc").limit(20).execute(),
        page: (age) =>
          db.selectFrom("users").selectAll().where("active", "=", active).where("age", ">=", age).orderBy("id").limit(100).execute(),
        update: (id, age) => db.updateTable("users").set({ age }).where("id", "=", id).execute(),
        incr: (id) =>
          db
            .updateTable("users")
            .set((eb) => ({ age: eb("age", "+", 1) }))
            .where("id", "=", id)
            .execute(),
        put(user) {
          const insert = db.insertInto("users").values(stored(user));
          if (engine === "mysql")
            return insert.onDuplicateKeyUpdate(Object.fromEntries(changed.map((name) => [name, sql`values(${sql.ref(name)})`]))).execute();
          return insert
            .onConflict((conflict) =>
              conflict.column("id").doUpdateSet((eb) => Object.fromEntries(changed.map((name) => [name, eb.ref(`excluded.${name}`)]))),
            )
            .execute();
        },
        add: (user) => db.insertInto("users").values(stored(user)).execute(),
        del: (id) => db.deleteFrom("users").where("id", "=", id).execute(),
        async bulk(users) {
          const size = rowsOfStatement[engine];
          await db.transaction().execute(async (tx) => {
            for (let i = 0; i < users.length; i += size)
              await tx
                .insertInto("users")
                .values(users.slice(i, i + size).map(stored))
                .execute();
          });
        },
        clear: () => db.deleteFrom("users").where("id", "like", "x-%").execute(),
        close: () => db.destroy(),
      };
    },
  };
}
