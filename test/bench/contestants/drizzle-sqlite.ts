import { and, asc, desc, eq, gte, like, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";
import { openSqlite } from "./raw-sqlite.js";

const users = sqliteTable("users", {
  id: text().primaryKey(),
  name: text(),
  email: text(),
  age: integer(),
  balance: real(),
  active: integer({ mode: "boolean" }),
  meta: text({ mode: "json" }).$type<User["meta"]>(),
  mtime: integer(),
});

const { placeholder } = sql;
const given = {
  id: placeholder("id"),
  name: placeholder("name"),
  email: placeholder("email"),
  age: placeholder("age"),
  balance: placeholder("balance"),
  active: placeholder("active"),
  meta: placeholder("meta"),
  mtime: placeholder("mtime"),
};
const excluded = Object.fromEntries(columns.slice(1).map((name) => [name, sql.raw(`excluded.${name}`)]));

export const entry: Entry = {
  async open(file): Promise<Contestant> {
    const client = openSqlite(file);
    const db = drizzle(client);
    const byId = eq(users.id, placeholder("id"));
    const get = db.select().from(users).where(byId).prepare();
    const select = db
      .select()
      .from(users)
      .where(eq(users.email, placeholder("email")))
      .orderBy(desc(users.mtime))
      .limit(20)
      .prepare();
    const older = and(eq(users.active, true), gte(users.age, placeholder("age")));
    const page = db.select().from(users).where(older).orderBy(asc(users.id)).limit(100).prepare();
    const update = db
      .update(users)
      .set({ age: sql`${placeholder("age")}` })
      .where(byId)
      .prepare();
    const incr = db
      .update(users)
      .set({ age: sql`${users.age} + 1` })
      .where(byId)
      .prepare();
    const put = db.insert(users).values(given).onConflictDoUpdate({ target: users.id, set: excluded }).prepare();
    const add = db.insert(users).values(given).prepare();
    const del = db.delete(users).where(byId).prepare();
    return {
      get: (id) => get.get({ id }),
      select: (email) => select.all({ email }),
      page: (age) => page.all({ age }),
      update: (id, age) => update.run({ id, age }),
      incr: (id) => incr.run({ id }),
      put: (user) => put.run({ ...user }),
      add: (user) => add.run({ ...user }),
      del: (id) => del.run({ id }),
      bulk: (rows) =>
        db.transaction(() => {
          for (const row of rows) add.run({ ...row });
        }),
      clear: () => db.delete(users).where(like(users.id, "x-%")).run(),
      close: () => client.close(),
    };
  },
};
