import { and, asc, desc, eq, gte, like, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/mysql2";
import { bigint, boolean, double, int, json, mysqlTable, text, varchar } from "drizzle-orm/mysql-core";
import mysql from "mysql2/promise";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";

const users = mysqlTable("users", {
  id: varchar({ length: 255 }).primaryKey(),
  name: text(),
  email: varchar({ length: 255 }),
  age: int(),
  balance: double(),
  active: boolean(),
  meta: json().$type<User["meta"]>(),
  mtime: bigint({ mode: "number" }),
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
const inserted = Object.fromEntries(columns.slice(1).map((name) => [name, sql.raw(`values(${name})`)]));

/** Rows of one INSERT of `bulk`. */
const rowsOfStatement = 1_000;

export const entry: Entry = {
  async open(uri): Promise<Contestant> {
    const pool = mysql.createPool({ uri, connectionLimit: 10 });
    const db = drizzle(pool);
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
    const put = db.insert(users).values(given).onDuplicateKeyUpdate({ set: inserted }).prepare();
    const add = db.insert(users).values(given).prepare();
    const del = db.delete(users).where(byId).prepare();
    return {
      get: async (id) => (await get.execute({ id }))[0],
      select: (email) => select.execute({ email }),
      page: (age) => page.execute({ age }),
      update: (id, age) => update.execute({ id, age }),
      incr: (id) => incr.execute({ id }),
      put: (user) => put.execute({ ...user }),
      add: (user) => add.execute({ ...user }),
      del: (id) => del.execute({ id }),
      bulk: (rows) =>
        db.transaction(async (tx) => {
          for (let i = 0; i < rows.length; i += rowsOfStatement) await tx.insert(users).values(rows.slice(i, i + rowsOfStatement));
        }),
      clear: () => db.delete(users).where(like(users.id, "x-%")),
      close: () => pool.end(),
    };
  },
};
