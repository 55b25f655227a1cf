// What rules of modules' tables tell: the same random requests of one caller to two servers, whose databases differ in rows and columns alone that
// the caller may not read. Whatever is there, they must answer alike: status, body, pages, counts, errors, and what listeners are told.
import { addAccount } from "@bk/auth";
import { callsOf } from "@bk/modules";
import { afterAll, describe, expect, it } from "vitest";

import { fixtures } from "../../../db/test/all-fixtures.js";
import { isWanted } from "../../../db/test/fixtures.js";
import type { Fixture } from "../../../db/test/fixtures.js";
import { Random } from "../../../db/test/model/random.js";
import { temporaryFolder } from "../run-cli.js";
import { masterKey, startServer, type TestServer } from "../start-server.js";
import { keyed, keys, modules, type Name, people, randomRequest, randomRow, rules, type Row, seenIn } from "./ruled-rows.js";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

interface Side {
  readonly test: TestServer;
  readonly random: Random;
  readonly close: () => Promise<void>;
}

async function openSide(fixture: Fixture, seed: number): Promise<Side> {
  const { url, options = {}, clean } = (await fixture.open())!;
  const db = { pools: { main: { url, options } } };
  const test = await startServer({
    db,
    tables: {},
    modules: modules(),
    moduleRules: rules,
    home: folder.path,
    tokenKey: "a key for the tokens of tests",
  });
  for (const login of people) {
    const type = login === "ed" ? { type: "editor" } : {};
    if (login !== "bob" && login !== "eve")
      await addAccount(test.server.db, { login, name: login, secret: `secret of ${login}`, ...type }, { masterKey });
    // The same on both sides.
    await callsOf(test.server.db).update("bk_auth", { login, id: login, name: login });
  }
  const close = async (): Promise<void> => {
    await test.server.close();
    await clean();
  };
  return { test, random: new Random(seed), close };
}

const names = Object.keys(keys) as Name[];
const ofPeople: ReadonlySet<Name> = new Set(["bk_account", "bk_counter", "bk_status", "bk_location"]);

/** Rows that the caller reads are alike on both sides in what is read of them; the rest is each side's own. */
async function fill(sides: readonly Side[], random: Random, login: string, rows: number): Promise<void> {
  const now = Date.now();
  const dbs = sides.map(({ test }) => callsOf(test.server.db));
  for (const db of dbs) for (const name of [...names, "bk_page_version", "bk_event"]) await db.delAll(name, {}, { all: true, scan: true });
  for (const name of names)
    for (let at = 0; at < (ofPeople.has(name) ? people.length : rows); at++) {
      const row = randomRow(random, name, at);
      const seen = seenIn(login, name, row);
      for (const [i, { random: own }] of sides.entries()) {
        const other = hiddenOf(own, login, name, at, row, seen);
        if (other === undefined) continue;
        await dbs[i]!.add(name, other, { keepNow: true });
        const event = eventOf(name, other);
        if (event !== undefined && other["id"] === login) {
          const id = `${now.toString(36).padStart(9, "0")}${String(100 + at)}${name === "bk_message" ? "a" : "b"}`.padEnd(30, "0");
          await dbs[i]!.add("bk_event", { account: login, id, event, gone: now + 300_000 });
        }
        if (name === "bk_pages") {
          const { userid: author, book: _book, ...version } = other;
          await dbs[i]!.add("bk_page_version", { ...version, author, deleted: false }, { keepNow: true });
        }
      }
    }
}

/** What its account was told when the row came. */
function eventOf(name: Name, row: Row): Row | undefined {
  const { mtime, sender, msg, type, peer } = row;
  const key = keyed(name, row);
  if (name === "bk_message")
    return {
      path: "/message/add",
      mtime,
      sender,
      msg,
      note: row["name"],
      _row: { table: name, key, columns: { msg: "msg", note: "name" } },
    };
  if (name !== "bk_reference") return undefined;
  return { path: "/connection/add", mtime: 1, type, id: peer, name: row["name"], _row: { table: name, key, columns: { name: "name" } } };
}

/** A row with the same visible columns, and others of its own; of an invisible one another invisible one, or none. */
function hiddenOf(random: Random, login: string, name: Name, at: number, row: Row, seen: readonly string[]): Row | undefined {
  // Accounts are there, whoever sees them.
  if (seen.length === 0 && name !== "bk_account" && random.chance(0.3)) return undefined;
  for (let tries = 0; tries < 200; tries++) {
    const other = { ...randomRow(random, name, at), ...keyed(name, row) };
    for (const column of seen) other[column] = row[column];
    if (seenIn(login, name, other).join() === seen.join()) return other;
  }
  return row;
}

/** Times of now are each side's own, as are the tokens of pages. */
function plainText(text: string): string {
  return text.replaceAll(/\b1[6-9]\d{11}\b|"(?:event_id|next_token)":"[^"]+"/g, (found) => (found.startsWith('"') ? '"made"' : "0"));
}

/** Runs the check; gives what differed, or undefined, and how many requests were answered. */
async function check(
  fixture: Fixture,
  count: number,
  seed: number,
  isWhole: boolean,
): Promise<{ readonly wrong?: string; readonly answered: number }> {
  const random = new Random(seed);
  const sides = await Promise.all([openSide(fixture, seed + 1), openSide(fixture, seed + 2)]);
  let answered = 0;
  try {
    for (const login of isWhole ? ["eve", "ed", "nobody"] : ["eve"]) {
      await fill(sides, random, login, isWhole ? 24 : 8);
      const done: string[] = [];
      for (let i = 0; i < count; i++) {
        const [path, json] = random.chance(0.05)
          ? (["/account/subscribe", { _timeout: 0, _interval: 0, _since: "000000000000001" }] as const)
          : randomRequest(random);
        done.push(`${path} ${JSON.stringify(json)}`);
        let starts: readonly unknown[] = ["", ""];
        do {
          const replies = await Promise.all(
            sides.map(({ test }, at) =>
              test.call(login, path, { json: starts[at] === "" ? json : { ...json, _start: starts[at] }, signed: login !== "nobody" }),
            ),
          );
          const [left, right] = replies.map(({ status, text }) => `${status} ${plainText(text)}`);
          if (left !== right)
            return {
              wrong: `seed ${seed}, as ${login}, request ${i}: ${done.at(-1)}\n  left  ${left}\n  right ${right}\nbefore:\n${done.slice(-8, -1).join("\n")}`,
              answered,
            };
          if (replies[0]!.status >= 500) return { wrong: `seed ${seed}: ${done.at(-1)} gave ${left}`, answered };
          if (replies[0]!.status === 200) answered++;
          starts = replies.map(({ body }) => body["next_token"] ?? "");
        } while (starts[0] !== "");
      }
    }
    return { answered };
  } finally {
    for (const side of sides) await side.close();
  }
}

const seed = Number(process.env["BK_MODEL_SEED"] ?? 1);
const engines: ReadonlySet<string> = new Set(["memory", "sqlite", "pg", "dynamodb", "redis", "mongodb", "cassandra"]);
/** Requests of each caller, on engines in this process and on servers; `BK_RULE_REQUESTS` for all. */
const counts = { embedded: 60, server: 12 };

for (const fixture of fixtures.filter(({ name }) => engines.has(name))) {
  if (!isWanted(fixture)) {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    continue;
  }
  describe(`driver: ${fixture.name}`, () => {
    // On servers one caller and few rows, unless all is asked for.
    const isWhole = fixture.env === undefined || process.env["BK_RULE_REQUESTS"] !== undefined;
    const count = Number(process.env["BK_RULE_REQUESTS"] ?? counts[fixture.env === undefined ? "embedded" : "server"]);
    it(`${count} random requests of a caller to modules do not tell what rules hide, from seed ${seed}`, { timeout: 300_000 }, async () => {
      const { wrong, answered } = await check(fixture, count, seed, isWhole);
      if (wrong !== undefined) expect.fail(wrong);
      // Requests that are all refused would tell nothing either.
      expect(answered).toBeGreaterThan(count / 2);
    });
  });
}
