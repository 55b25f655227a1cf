// What a careful person can get out of the client by hand: the gets and the puts of a tick in one statement.

import pg from "pg";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";
import { gather } from "./gather.js";
import { entry as raw } from "./raw-postgres.js";

export const entry: Entry = {
  async open(url): Promise<Contestant> {
    const lone = await raw.open(url);
    const pool = new pg.Pool({ connectionString: url, max: 10 });
    const types = ["text", "text", "text", "int", "double precision", "boolean", "jsonb", "bigint"];
    const arrays = types.map((type, i) => `$${i + 1}::${type}[]`).join(", ");
    const set = columns.slice(1).map((name) => `${name} = excluded.${name}`);
    const puts = `INSERT INTO users (${columns.join(", ")}) SELECT * FROM unnest(${arrays}) ON CONFLICT (id) DO UPDATE SET ${set.join(", ")}`;
    return {
      ...lone,
      get: gather(async (ids: readonly string[]) => {
        if (ids.length === 1) return [await lone.get(ids[0]!)];
        const { rows } = await pool.query<User>({ name: "gets", text: "SELECT * FROM users WHERE id = ANY($1)", values: [ids] });
        const found = new Map(rows.map((row) => [row.id, row]));
        return ids.map((id): unknown => found.get(id));
      }),
      put: gather(async (users: readonly User[]) => {
        if (users.length === 1) return [await lone.put(users[0]!)];
        const values = columns.map((name) => users.map((user) => (name === "meta" ? JSON.stringify(user.meta) : user[name])));
        await pool.query({ name: "puts", text: puts, values });
        return users.map((): unknown => undefined);
      }),
      async close() {
        await lone.close();
        await pool.end();
      },
    };
  },
};
