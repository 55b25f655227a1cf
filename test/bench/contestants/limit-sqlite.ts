// What a careful person can get out of the client by hand: rows as arrays, typed at once; the puts of a tick in one transaction.

import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";
import { gather } from "./gather.js";
import { entry as raw, openSqlite, storedUser } from "./raw-sqlite.js";

type Stored = [id: string, name: string, email: string, age: number, balance: number, active: number, meta: string, mtime: number];

const typed = ([id, name, email, age, balance, active, meta, mtime]: Stored): User => ({
  id,
  name,
  email,
  age,
  balance,
  active: active === 1,
  meta: JSON.parse(meta) as User["meta"],
  mtime,
});

export const entry: Entry = {
  async open(file): Promise<Contestant> {
    const database = openSqlite(file);
    const list = columns.join(", ");
    const reader = (rest: string) => database.prepare<[string | number], Stored>(`SELECT ${list} FROM users ${rest}`).raw(true);
    const get = reader("WHERE id = ?");
    const select = reader("WHERE email = ? ORDER BY mtime DESC LIMIT 20");
    const page = reader("WHERE active = 1 AND age >= ? ORDER BY id LIMIT 100");
    const set = columns.slice(1).map((name) => `${name} = excluded.${name}`);
    const marks = columns.map(() => "?").join(", ");
    const put = database.prepare(`INSERT INTO users (${list}) VALUES (${marks}) ON CONFLICT (id) DO UPDATE SET ${set.join(", ")}`);
    const putAll = database.transaction((users: readonly User[]) => users.map((user) => put.run(storedUser(user))));
    return {
      ...(await raw.open(file)),
      // As a promise, which a library that serves other databases too must give.
      get: async (id) => {
        const row = get.get(id);
        return row === undefined ? undefined : typed(row);
      },
      select: async (email) => select.all(email).map(typed),
      page: async (age) => page.all(age).map(typed),
      put: gather(async (users: readonly User[]) => putAll(users)),
    };
  },
};
