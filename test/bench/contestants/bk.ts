import { defineTables, openDb } from "@bk/db";
import type { Contestant, Entry } from "../contestant.js";
import type { User } from "../users.js";

/** The columns of the table of users. */
export const users = {
  id: { primary: 1 },
  name: {},
  email: { index: 1 },
  age: { type: "int" },
  balance: { type: "real" },
  active: { type: "bool" },
  meta: { type: "json" },
  mtime: { type: "bigint" },
} as const;

const indexed = defineTables({ users });
/** Where raw clients read and write rows by key alone: no index is kept. */
const keyed = defineTables({ users: { ...users, email: {} } });

export async function openUsers(url: string) {
  return openDb({
    url,
    tables: /^(sqlite|postgres|mysql|mariadb)/.test(url) ? indexed : keyed,
    ...(url.startsWith("redis") ? { options: { prefix: "bench-bk:" } } : {}),
  });
}

export const entry: Entry = {
  async create(url) {
    const db = await openUsers(url);
    await db.sync();
    await db.close();
  },
  async open(url): Promise<Contestant> {
    const db = await openUsers(url);
    return {
      get: (id) => db.get("users", id),
      select: (email) => db.select("users", { email }, { sort: "-mtime", count: 20 }),
      page: (age) => db.select("users", { active: true, age: { $ge: age } }, { sort: "id", count: 100, scan: true }),
      update: (id, age) => db.update("users", { id, age }),
      incr: (id) => db.incr("users", { id, age: 1 }),
      put: (user) => db.put("users", user),
      add: (user) => db.add("users", user),
      del: (id) => db.del("users", id),
      async bulk(rows: readonly User[]) {
        const results = await db.bulk(rows.map((row) => ({ op: "add", table: "users", row }) as const));
        const failed = results.find((result) => "error" in result);
        if (failed !== undefined && "error" in failed) throw failed.error;
      },
      clear: () => db.delAll("users", { id: { $begins_with: "x-" } }, { scan: true }),
      close: () => db.close(),
    };
  },
};
