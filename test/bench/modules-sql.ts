// What a message and a connection are as statements, prepared once: those that the server runs, on tables that the server has made.

import { randomBytes } from "node:crypto";

import type Database from "better-sqlite3";

import { openSqlite } from "./contestants/raw-sqlite.js";
import { loginOf, type ModuleCell, pairOf } from "./modules-requests.js";

export interface PlainStatements extends Readonly<Record<ModuleCell, () => void>> {
  close(): Promise<void>;
}

export function plainStatements(file: string, ids: readonly string[]): PlainStatements {
  const database = openSqlite(file);
  const insert = (table: string, names: readonly string[]): Database.Statement =>
    database.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`);
  const account = database.prepare("SELECT * FROM bk_auth WHERE login = ?");
  const person = database.prepare("SELECT id, name FROM bk_account WHERE id = ?");
  const nonce = insert("bk_nonce", ["ends", "digest", "gone"]);
  const event = insert("bk_event", ["account", "id", "event", "gone"]);
  const message = insert("bk_message", ["id", "box", "mtime", "sender", "name", "msg", "icon", "ctime", "token", "read"]);
  const sent = insert("bk_sent", ["id", "mtime", "recipient", "name", "msg", "icon", "ctime", "token"]);
  const connection = insert("bk_connection", ["id", "type", "peer", "name", "mtime", "silent", "own_name", "counted", "told"]);
  const reference = insert("bk_reference", ["id", "type", "peer", "name", "mtime", "silent"]);
  const count = (name: string): Database.Statement =>
    database.prepare(
      `INSERT INTO bk_counter (id, ${name}) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET ${name} = coalesce(${name}, 0) + 1`,
    );
  const [like0, like1] = [count("like0"), count("like1")];
  let n = 0;
  /** No two messages have one time. */
  let time = Date.now();

  const sendMessage = database.transaction((from: number, to: number, mtime: number) => {
    const [text, token] = ["a message of some words, as people write them", randomBytes(16).toString("hex")];
    message.run(ids[to], "inbox", mtime, ids[from], loginOf(from), text, 0, mtime, token, 0);
    sent.run(ids[from], mtime, ids[to], loginOf(to), text, 0, mtime, token);
  });
  const connect = database.transaction((from: number, to: number, mtime: number) => {
    connection.run(ids[from], "like", ids[to], loginOf(to), mtime, 0, loginOf(from), 1, 1);
    reference.run(ids[to], "like", ids[from], loginOf(from), mtime, 0);
    like0.run(ids[from]);
    like1.run(ids[to]);
  });

  /** What both have around them: who asks, the signature that counts once, whom it concerns, and what that one is told. */
  function around(work: (from: number, to: number, mtime: number) => void): void {
    const [from, to] = pairOf(n++, ids.length);
    const mtime = ++time;
    account.get(loginOf(from));
    nonce.run(mtime, randomBytes(20).toString("base64"), mtime);
    person.get(ids[to]);
    work(from, to, mtime);
    event.run(
      ids[to],
      `${mtime.toString(36)}${n}`,
      JSON.stringify({ path: "/bench", mtime, sender: ids[from], name: loginOf(from) }),
      mtime,
    );
  }

  return {
    message: () => around(sendMessage),
    connection: () => around(connect),
    close: () => Promise.resolve(void database.close()),
  };
}
