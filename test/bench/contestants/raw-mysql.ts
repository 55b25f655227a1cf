import mysql, { type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import type { Contestant, Entry } from "../contestant.js";
import { columns, type User } from "../users.js";

type Bound = string | number | boolean;

/** Rows of one INSERT of `bulk`. */
const rowsOfStatement = 1_000;

export const entry: Entry = {
  async create(url) {
    const connection = await mysql.createConnection(url);
    await connection.query(
      "CREATE TABLE users (id varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, name text, email varchar(255), age int, balance double, active boolean, meta json, mtime bigint, INDEX (email))",
    );
    await connection.end();
  },
  async open(url): Promise<Contestant> {
    const pool = mysql.createPool({ uri: url, connectionLimit: 10 });
    const set = columns.slice(1).map((name) => `${name} = VALUES(${name})`);
    const insert = `INSERT INTO users (${columns.join(", ")})`;
    const marks = columns.map(() => "?").join(", ");
    const valuesOf = (user: User): Bound[] => columns.map((name) => (name === "meta" ? JSON.stringify(user.meta) : user[name]));
    const rows = async (sql: string, values: Bound[]): Promise<RowDataPacket[]> => (await pool.execute<RowDataPacket[]>(sql, values))[0];
    const write = (sql: string, values: Bound[]): Promise<unknown> => pool.execute<ResultSetHeader>(sql, values);
    const put = `${insert} VALUES (${marks}) ON DUPLICATE KEY UPDATE ${set.join(", ")}`;
    const add = `${insert} VALUES (${marks})`;
    return {
      get: async (id) => (await rows("SELECT * FROM users WHERE id = ?", [id]))[0],
      select: (email) => rows("SELECT * FROM users WHERE email = ? ORDER BY mtime DESC LIMIT 20", [email]),
      page: (age) => rows("SELECT * FROM users WHERE active = 1 AND age >= ? ORDER BY id LIMIT 100", [age]),
      update: (id, age) => write("UPDATE users SET age = ? WHERE id = ?", [age, id]),
      incr: (id) => write("UPDATE users SET age = age + 1 WHERE id = ?", [id]),
      put: (user) => write(put, valuesOf(user)),
      add: (user) => write(add, valuesOf(user)),
      del: (id) => write("DELETE FROM users WHERE id = ?", [id]),
      async bulk(users) {
        for (let i = 0; i < users.length; i += rowsOfStatement)
          await pool.query(`${insert} VALUES ?`, [users.slice(i, i + rowsOfStatement).map(valuesOf)]);
      },
      clear: () => pool.query("DELETE FROM users WHERE id LIKE 'x-%'"),
      close: () => pool.end(),
    };
  },
};
