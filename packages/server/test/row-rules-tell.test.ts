// What rules tell: the same random requests of one caller to two servers, whose databases differ in rows and columns alone that the
// caller may not read. Whatever is there, they must answer alike: status, body, pages, conflicts, errors.
import { signRequest } from "@bk/auth";
import type { Db } from "@bk/db";
import { describe, expect, it } from "vitest";

import { fixtures } from "../../db/test/all-fixtures.js";
import { type Fixture, isWanted, openStore } from "../../db/test/fixtures.js";
import { Random } from "../../db/test/model/random.js";
import { type BkServer, createServer } from "../src/index.js";
import { callers, logins, type Name, pools, randomRow, Requests, type Row, seenIn, tables } from "./row-rule-requests.js";

/** One of the two databases with its server. */
interface Side {
  readonly db: Db;
  readonly server: BkServer;
  readonly random: Random;
  readonly close: () => Promise<void>;
}

async function openSide(fixture: Fixture, seed: number): Promise<Side> {
  const store = await openStore(fixture);
  const db = (await store.openDb({ tables, tokenKey: "a key for the tokens of tests" } as never)) as unknown as Db;
  await db.sync();
  const server = await createServer({
    db,
    tables,
    accounts: { findByLogin: (login) => Promise.resolve(Object.hasOwn(callers, login) ? callers[login] : undefined) },
    accountFields: { team: "text" },
    auth: { nonces: false },
    limits: { maxAttempts: 0 },
  });
  const close = async (): Promise<void> => {
    await server.close();
    await db.close();
    await store.clean();
  };
  return { db, server, random: new Random(seed), close };
}

/** Rows that the caller reads are alike on both sides in what is read of them; the rest is each side's own. */
async function fill(sides: readonly Side[], random: Random, login: string): Promise<void> {
  for (const { db } of sides) for (const name of Object.keys(tables)) await db.delAll(name, {}, { all: true, scan: true });
  for (const name of Object.keys(tables) as Name[])
    for (let i = 0; i < 14; i++) {
      const row = randomRow(random, name, name === "person" && i < 3 ? pools.owner[i]! : `${name[0]}${i}`);
      const seen = seenIn(login, name, row);
      for (const side of sides) {
        const other = hiddenOf(side.random, login, name, row, seen);
        if (other !== undefined) await side.db.put(name, other as never);
      }
    }
}

/** A row with the same visible columns, and others of its own; of an invisible one another invisible one, or none. */
function hiddenOf(random: Random, login: string, name: Name, row: Row, seen: readonly string[]): Row | undefined {
  if (seen.length === 0 && random.chance(0.3)) return undefined;
  for (let tries = 0; tries < 200; tries++) {
    const other = randomRow(random, name, row["id"] as string);
    for (const column of seen) other[column] = row[column];
    // Where the key says that a row is there, it is under another key: what is taken may be found out by whoever makes rows.
    if (seenIn(login, name, other).join() === seen.join()) return other;
  }
  return row;
}

async function send({ server }: Side, login: string, path: string, json: Row): Promise<{ status: number; body: Row }> {
  const url = `http://bk.test${path}`;
  const body = JSON.stringify(json);
  const account = callers[login];
  const request = { method: "POST", url, body, contentType: "application/json" };
  const signature =
    account === undefined ? { "content-type": "application/json" } : await signRequest({ ...request, login, secret: account.secret });
  const response = await server.app.fetch(
    new Request(url, { method: "POST", headers: { host: "bk.test", "content-type": "application/json", ...signature }, body }),
  );
  return { status: response.status, body: (await response.json()) as Row };
}

/** Runs the check; gives what differed, or undefined, and how many requests were answered. */
async function check(
  fixture: Fixture,
  count: number,
  seed: number,
): Promise<{ readonly wrong: string | undefined; readonly answered: number }> {
  const random = new Random(seed);
  const sides = [await openSide(fixture, seed + 1), await openSide(fixture, seed + 2)] as const;
  let answered = 0;
  try {
    for (const login of logins) {
      await fill(sides, random, login);
      const requests = new Requests(random);
      const done: string[] = [];
      for (let i = 0; i < count; i++) {
        const [path, json] = requests.next();
        let starts: readonly unknown[] = [undefined, undefined];
        do {
          const replies = await Promise.all(
            sides.map((side, at) => send(side, login, path, starts[at] === undefined ? json : { ...json, _start: starts[at] })),
          );
          const shown = replies.map(({ status, body: { next_token: next, ...body } }) =>
            JSON.stringify([status, body, next !== undefined]),
          );
          done.push(`${path} ${JSON.stringify(json)}`);
          if (shown[0] !== shown[1])
            return {
              wrong: `seed ${seed}, as ${login}, request ${i}: ${done.at(-1)}\n  left  ${shown[0]}\n  right ${shown[1]}\nbefore:\n${done.slice(-8, -1).join("\n")}`,
              answered,
            };
          if (replies[0]!.status >= 500) return { wrong: `seed ${seed}: ${done.at(-1)} gave ${shown[0]}`, answered };
          if (replies[0]!.status === 200) answered++;
          starts = replies.map(({ body }) => body["next_token"]);
        } while (starts[0] !== undefined);
      }
    }
    return { wrong: undefined, answered };
  } finally {
    for (const side of sides) await side.close();
  }
}

const seed = Number(process.env["BK_MODEL_SEED"] ?? 1);
/** Requests of each caller, on engines in this process and on servers; `BK_RULE_REQUESTS` for all. */
const counts = { embedded: 120, server: 25 };

for (const fixture of fixtures) {
  if (!isWanted(fixture)) {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    continue;
  }
  describe(`driver: ${fixture.name}`, () => {
    const count = Number(process.env["BK_RULE_REQUESTS"] ?? counts[fixture.env === undefined ? "embedded" : "server"]);
    it(`${count} random requests of each caller do not tell what rules hide, from seed ${seed}`, { timeout: 300_000 }, async () => {
      const { wrong, answered } = await check(fixture, count, seed);
      if (wrong !== undefined) expect.fail(wrong);
      // Requests that are all refused would tell nothing either.
      expect(answered).toBeGreaterThan(count / 2);
    });
  });
}
