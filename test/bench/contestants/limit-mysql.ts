// What a careful person can get out of the client by hand: the gets and the puts of a tick in one statement.

import mysql, { type RowDataPacket } from "mysql2/promise";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";
import { gather } from "./gather.js";
import { entry as raw } from "./raw-mysql.js";

export const entry: Entry = {
  async open(url): Promise<Contestant> {
    const lone = await raw.open(url);
    const pool = mysql.createPool({ uri: url, connectionLimit: 10 });
    const set = columns.slice(1).map((name) => `${name} = VALUES(${name})`);
    const puts = `INSERT INTO users (${columns.join(", ")}) VALUES ? ON DUPLICATE KEY UPDATE ${set.join(", ")}`;
    return {
      ...lone,
      get: gather(async (ids: readonly string[]) => {
        if (ids.length === 1) return [await lone.get(ids[0]!)];
        const [rows] = await pool.query<RowDataPacket[]>("SELECT * FROM users WHERE id IN (?)", [ids]);
        const found = new Map(rows.map((row) => [row["id"] as string, row]));
        return ids.map((id): unknown => found.get(id));
      }),
      put: gather(async (users: readonly User[]) => {
        if (users.length === 1) return [await lone.put(users[0]!)];
        await pool.query(puts, [users.map((user) => columns.map((name) => (name === "meta" ? JSON.stringify(user.meta) : user[name])))]);
        return users.map((): unknown => undefined);
      }),
      async close() {
        await lone.close();
        await pool.end();
      },
    };
  },
};
