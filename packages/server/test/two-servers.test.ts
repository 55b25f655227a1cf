// Two servers on PostgreSQL, with Redis as their cache and bus, and a load of all modules; one is killed in the middle. What was replied to
// is there, nothing is there by halves, who listens goes on at the other server, and that one never fails.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { addAccount, authTables } from "@bk/auth";
import { silentLog, systemClock } from "@bk/core";
import { openDb, type TableDefinitions } from "@bk/db";
import { callsOf, type ModuleDb, modulesNamed, type Row } from "@bk/modules";
import { pushcartService } from "@bk/modules/pushcart";
import { describe, expect, it } from "vitest";

import { fixture } from "../../db/src/drivers/postgres/fixture.js";
import { Random } from "../../db/test/model/random.js";
import { temporaryFolder } from "./run-cli.js";
import { accounts } from "./two-servers/accounts.js";
import { type Actor, checkEvents, type Part, type World } from "./two-servers/actor.js";
import { data, dataTables, files, icons, locations, pages, profiles } from "./two-servers/content.js";
import { Tally } from "./two-servers/outcomes.js";
import { pico, pushcart } from "./two-servers/queues.js";
import { type Login, Servers } from "./two-servers/servers.js";
import { connections, counters, messages } from "./two-servers/social.js";
import { Subscriber } from "./two-servers/subscriber.js";

const redis = process.env["BK_TEST_REDIS"];
const isFull = process.env["BK_FULL_E2E"] === "1";
const [accountCount, turns] = isFull ? [16, 250] : [6, 40];
const seed = Number(process.env["BK_SEED"] ?? Date.now() % 1_000_000);
const masterKey = "a master key for two servers, long enough";
const moduleTables = Object.assign({}, authTables, ...modulesNamed(["all"]).map(({ tables }) => tables)) as TableDefinitions;

describe.skipIf(fixture.env === undefined || process.env[fixture.env] === undefined || redis === undefined)("driver: pg", () => {
  it(`two servers lose nothing when one is killed (BK_SEED=${seed})`, { timeout: isFull ? 600_000 : 120_000 }, async () => {
    using folder = temporaryFolder();
    const { url, options, clean } = (await fixture.open())!;
    const db = await openDb({ url, ...(options === undefined ? {} : { options }), tables: moduleTables });
    const tables = folder.file("tables.json");
    writeFileSync(tables, JSON.stringify(dataTables));
    const servers = new Servers({
      url,
      schema: options!["schema"] as string,
      args: ["--home", folder.path, "--modules", "all", "--tables", tables, "--cache", redis!, "--bus", redis!, "--log-level", "error"],
      env: { BK_MASTER_KEY: masterKey },
    });
    try {
      await db.sync();
      await servers.start("first");
      await servers.start("second");
      const logs = await run(servers, callsOf(db as never), join(folder.path, "var/objects"));
      // Nothing went wrong at those that were not killed.
      expect(logs).toEqual(logs.map(() => ""));
    } finally {
      await servers.stop("SIGKILL");
      await db.close();
      await clean();
    }
  });
});

/** The load, and all that must be true afterwards. @returns  what the servers wrote to standard error */
async function run(servers: Servers, db: ModuleDb, objects: string): Promise<string[]> {
  const admin = await accountOf(db, "root", "admin");
  const actors: Actor[] = [];
  for (let i = 0; i < accountCount; i++)
    actors.push({
      ...(await accountOf(db, `actor${i}`)),
      random: new Random(seed + i),
      subscriber: new Subscriber(),
      told: new Map(),
      pings: new Tally(),
    });
  const world: World = { servers, actors };
  const cart = pushcart(world, await tokensOf(db));
  const guests = accounts(world, admin);
  const parts: readonly Part[] = [
    guests,
    ...[profiles, counters, connections, messages, locations, icons, files, pages, data, pico].map((part) => part(world)),
    cart,
  ];
  await Promise.all(
    actors.map((actor, i) => actor.subscriber.start(servers, actor, i % 2 === 0 ? "sse" : "socket", servers.urls[(i >> 1) % 2]!)),
  );

  const [killedUrl] = servers.urls;
  const reading = cart.read(new Random(seed - 1));
  const killed = await underLoad(actors, parts, () => servers.kill("first"));
  expect(killed, "the server was killed").toBe(true);
  cart.end();
  await reading;

  for (const actor of actors) await checkEvents(actor);
  for (const part of parts) for (const actor of actors) await part.check(actor);
  // Whoever looks after the servers starts the killed one again, and it carries on what was left.
  await servers.start("first");
  await expect.poll(() => db.count("bk_account_removal"), { timeout: 30_000 }).toBe(0);
  for (const part of parts) await part.checkAll?.();
  for (const { subscriber } of actors) await subscriber.stop();
  // All who began at the one that was killed have come back.
  expect(actors.filter(({ subscriber: { first, connections: times } }) => first === killedUrl && times < 2).length).toBe(0);
  const logs = await servers.stop();
  await checkRows(db, guests, objects);
  return logs;
}

/** All accounts at once, one thing after the other; when half of all is done a server is killed. */
async function underLoad(actors: readonly Actor[], parts: readonly Part[], kill: () => Promise<void>): Promise<boolean> {
  const bag = parts.flatMap((part) => Array.from({ length: part.weight }, () => part));
  let done = 0;
  let killing: Promise<void> | undefined;
  await Promise.all(
    actors.map(async (actor) => {
      for (let turn = 0; turn < turns; turn++) {
        await actor.random.pick(bag).act(actor);
        if (++done >= (actors.length * turns) / 2) killing ??= kill();
      }
    }),
  );
  await killing;
  return killing !== undefined;
}

/** Counters are what they count, connections have their mirrors, and what was removed is nowhere. */
async function checkRows(db: ModuleDb, guests: ReturnType<typeof accounts>, objects: string): Promise<void> {
  const tables = new Map<string, readonly Row[]>();
  for (const name of Object.keys(moduleTables)) tables.set(name, await rowsOf(db, name));
  const counts: Record<string, Record<string, number>> = {};
  const count = (id: unknown, counter: string): void => {
    const row = (counts[String(id)] ??= { like0: 0, like1: 0, follow0: 0, follow1: 0 });
    row[counter]!++;
  };
  const edges = tables.get("bk_connection")!;
  for (const { id, type, peer } of edges) {
    count(id, `${String(type)}0`);
    count(peer, `${String(type)}1`);
  }
  for (const { id, like0, like1, follow0, follow1 } of tables.get("bk_counter")!)
    expect({ like0, like1, follow0, follow1 }, "counters of connections").toEqual(
      counts[String(id)] ?? { like0: 0, like1: 0, follow0: 0, follow1: 0 },
    );
  const names = (rows: readonly Row[], from: string, to: string): string[] =>
    rows.map((row) => `${String(row[from])} ${String(row["type"])} ${String(row[to])}`).sort();
  expect(names(tables.get("bk_reference")!, "peer", "id")).toEqual(names(edges, "id", "peer"));
  expect(tables.get("bk_connection_task")).toEqual([]);
  await guests.checkRemoved(tables, objects);
}

async function rowsOf(db: ModuleDb, table: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of db.scan(table)) rows.push(row);
  return rows;
}

async function accountOf(db: ModuleDb, login: string, type?: string): Promise<Login & { readonly id: string }> {
  const account = { login, name: login, secret: `secret of ${login}`, ...(type === undefined ? {} : { type }) };
  return { ...account, id: (await addAccount(db as never, account, { masterKey })).id };
}

/** Of an application and a client of pushcart, which a command registers. */
async function tokensOf(db: ModuleDb): Promise<{ readonly app: string; readonly client: string }> {
  const bus = { publish: () => Promise.resolve(), subscribe: () => Promise.resolve({ close: () => Promise.resolve() }) };
  const service = pushcartService({ db, bus, clock: systemClock, log: silentLog });
  return { app: (await service.addApp("load")).token, client: (await service.addClient("reader")).token };
}
