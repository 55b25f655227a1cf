import Database from "better-sqlite3";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";

export function openSqlite(file: string): Database.Database {
  const database = new Database(file);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = NORMAL");
  return database;
}

/** The values that SQLite stores, in order of the columns. */
export function storedUser(user: User): (string | number)[] {
  const { id, name, email, age, balance, active, meta, mtime } = user;
  return [id, name, email, age, balance, active ? 1 : 0, JSON.stringify(meta), mtime];
}

export const entry: Entry = {
  async create(file) {
    const database = openSqlite(file);
    database.exec(
      "CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT, email TEXT, age INTEGER, balance REAL, active INTEGER, meta TEXT, mtime INTEGER); CREATE INDEX users_email ON users (email)",
    );
    database.close();
  },
  async open(file): Promise<Contestant> {
    const database = openSqlite(file);
    const names = columns.join(", ");
    const marks = columns.map(() => "?").join(", ");
    const set = columns.slice(1).map((name) => `${name} = excluded.${name}`);
    const get = database.prepare("SELECT * FROM users WHERE id = ?");
    const select = database.prepare("SELECT * FROM users WHERE email = ? ORDER BY mtime DESC LIMIT 20");
    const page = database.prepare("SELECT * FROM users WHERE active = 1 AND age >= ? ORDER BY id LIMIT 100");
    const update = database.prepare("UPDATE users SET age = ? WHERE id = ?");
    const incr = database.prepare("UPDATE users SET age = age + 1 WHERE id = ?");
    const put = database.prepare(`INSERT INTO users (${names}) VALUES (${marks}) ON CONFLICT (id) DO UPDATE SET ${set.join(", ")}`);
    const add = database.prepare(`INSERT INTO users (${names}) VALUES (${marks})`);
    const del = database.prepare("DELETE FROM users WHERE id = ?");
    const bulk = database.transaction((users: readonly User[]) => {
      for (const user of users) add.run(storedUser(user));
    });
    return {
      get: (id) => get.get(id),
      select: (email) => select.all(email),
      page: (age) => page.all(age),
      update: (id, age) => update.run(age, id),
      incr: (id) => incr.run(id),
      put: (user) => put.run(storedUser(user)),
      add: (user) => add.run(storedUser(user)),
      del: (id) => del.run(id),
      bulk,
      clear: () => database.exec("DELETE FROM users WHERE id >= 'x-' AND id < 'x.'"),
      close: () => database.close(),
    };
  },
};
