import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { inspect } from "node:util";
import { type Clock, silentLog, systemClock, testClock } from "@bk/core";
import { defineTables, openDb, table } from "@bk/db";
import { describe, expect, it } from "vitest";
import { clusterFixture, fixture, type RedisInstance } from "../../src/drivers/redis/fixture.js";
import { redisDriver } from "../../src/drivers/redis/index.js";
import { checkAgainstMemory } from "./driver-model.js";

const tables = defineTables({
  account: { id: { primary: 1 }, email: { unique: 1 }, logins: { type: "counter" }, ends: { type: "ttl" } },
  photo: { owner: { primary: 1 }, taken: { type: "int", primary: 2 }, place: { index: 1 }, stars: { type: "int", index: 2 } },
  left: table({ id: { primary: 1 }, n: { type: "int" } }, { drivers: { redis: { tag: "pair" } } }),
  right: table({ id: { primary: 1 }, n: { type: "int" } }, { drivers: { redis: { tag: "pair" } } }),
});

const openOn = ({ url, options }: Pick<RedisInstance, "url" | "options">, more: { clock?: Clock } = {}) =>
  openDb({ url, options, tables, ...more });

type TestDb = Awaited<ReturnType<typeof openOn>>;

/** Runs a program in a process of its own, with `db` open on the instance; gives what it wrote. */
async function runProcess({ url, options }: RedisInstance, program: string): Promise<string> {
  const start = `
    import { openDb } from "@bk/db";
    const tables = {
      account: { id: { primary: 1 }, email: { unique: 1 }, logins: { type: "counter" }, ends: { type: "ttl" } },
    };
    const db = await openDb({ url: ${JSON.stringify(url)}, options: ${JSON.stringify(options)}, tables });`;
  const child: ChildProcessByStdio<null, Readable, null> = spawn(
    process.execPath,
    ["--conditions=bk-source", "--import", "tsx", "--input-type=module", "-e", `${start}${program}\nawait db.close();`],
    { cwd: new URL("../..", import.meta.url), stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(0);
  return output;
}

/** A way to a server that, once armed, hands on the next script and then cuts the connection instead of giving the answer. */
async function cuttingProxy(port: number): Promise<{ readonly port: number; cutNextScript(): void; close(): Promise<void> }> {
  let armed = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    let cutting = false;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
    }
    client.on("data", (chunk) => {
      cutting = armed && /eval/i.test(chunk.toString("latin1"));
      if (cutting) armed = false;
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => (cutting ? client.destroy() : client.write(chunk)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    cutNextScript: () => (armed = true),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const processes = Array.from({ length: 8 }, (_, i) => i);

describe("driver: redis", () => {
  for (const { name, env, open } of [fixture, clusterFixture]) {
    describe.skipIf(process.env[env] === undefined)(`${name} (${env})`, () => {
      async function withInstance(work: (instance: RedisInstance) => Promise<void>): Promise<void> {
        const instance = (await open())!;
        try {
          await work(instance);
        } finally {
          await instance.clean();
        }
      }

      const withDb = (work: (db: TestDb, instance: RedisInstance) => Promise<void>): Promise<void> =>
        withInstance(async (instance) => {
          const db = await openOn(instance);
          await db.sync();
          try {
            await work(db, instance);
          } finally {
            await db.close();
          }
        });

      it.each([1, 2, 3, 4])("answers random commands as the memory driver does (seed %i)", (seed) =>
        withInstance(async (instance) => {
          const driver = await redisDriver({ ...instance, clock: systemClock, log: silentLog });
          await checkAgainstMemory(driver, seed, 300);
          await driver.close();
        }),
      );

      // On a cluster the same scripts run on one node: once is enough.
      if (name === "redis")
        // Eight processes of TypeScript take their time to start on a busy machine.
        it("loses no increment of eight processes on one row, and gives each unique value to one of them", { timeout: 120_000 }, () =>
          withDb(async (db, instance) => {
            const program = `
            for (let i = 0; i < 50; i++) await db.incr("account", { id: "one", logins: 1 });
            let won = 0;
            for (let i = 0; i < 30; i++)
              won += await db.add("account", { id: process.pid + "-" + i, email: "mail" + i }).then(() => 1, (error) => {
                if (error.code !== "already-exists" || error.detail.unique !== "email") throw error;
                return 0;
              });
            console.log(won);`;
            const won = await Promise.all(processes.map(() => runProcess(instance, program)));
            expect((await db.get("account", "one"))?.logins).toBe(400);
            expect(won.reduce((sum, count) => sum + Number(count), 0)).toBe(30);
            const emails: (string | null)[] = [];
            for await (const row of db.scan("account", { email: { $not_null: true } })) emails.push(row.email);
            expect(emails.sort()).toEqual(Array.from({ length: 30 }, (_, i) => `mail${i}`).sort());
          }),
        );

      it("pages by an index cover each row that stays once, while others are moved, removed and made", () =>
        withDb(async (db, instance) => {
          for (let taken = 0; taken < 60; taken++) await db.put("photo", { owner: "stays", taken, place: "here", stars: taken % 7 });
          const other = await openOn(instance);
          let writing = true;
          const writer = (async () => {
            for (let i = 0; writing; i++) {
              const key = { owner: "moves", taken: i % 20 };
              if (i % 3 === 0) await other.del("photo", key);
              else await other.put("photo", { ...key, place: i % 2 === 0 ? "here" : "there", stars: i % 7 });
            }
          })();
          try {
            for (const count of [1, 3, 7, 50]) {
              const taken: number[] = [];
              for (let start: string | undefined; ;) {
                const page = await db.select(
                  "photo",
                  { place: "here" },
                  { count, sort: "stars", ...(start === undefined ? {} : { start }) },
                );
                expect(page.rows.every((row) => row.place === "here")).toBe(true);
                taken.push(...page.rows.filter((row) => row.owner === "stays").map((row) => row.taken!));
                if (page.next === undefined) break;
                start = page.next;
              }
              expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
            }
          } finally {
            writing = false;
            await writer;
            await other.close();
          }
        }));

      it("sync makes an index of rows that are there, while others write, and finds nothing to do the second time", () =>
        withInstance(async (instance) => {
          const plain = await openDb({
            url: instance.url,
            options: instance.options,
            tables: { photo: { owner: { primary: 1 }, taken: { type: "int", primary: 2 }, place: {}, stars: { type: "int" } } },
          });
          expect(await plain.sync()).toMatchObject({ created: ["photo"] });
          for (let taken = 0; taken < 450; taken++)
            await plain.put("photo", { owner: "o", taken, place: taken % 2 === 0 ? "even" : "odd", stars: 1 });
          const [one, two] = [await openOn(instance), await openOn(instance)];
          const writes = Promise.all(Array.from({ length: 100 }, (_, i) => two.update("photo", { owner: "o", taken: 4 * i, stars: 2 })));
          const results = await Promise.all([one.sync(), two.sync()]);
          await writes;
          expect(results.flatMap(({ indexed }) => indexed)).toContain("photo.place_stars");
          expect(await one.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
          expect(await one.count("photo", { place: "even" })).toBe(225);
          expect(await one.count("photo", { place: "even", stars: 2 })).toBe(100);
          await Promise.all([plain.close(), one.close(), two.close()]);
        }));

      it("sync makes a declared index also where a longer one begins with its columns", () =>
        withInstance(async ({ url, options }) => {
          const id = { primary: 1 };
          const older = await openDb({ url, options, tables: { pair: { id, a: { index: 1 }, b: { index: 2 } } } });
          await older.sync();
          await older.put("pair", { id: "1", a: "x", b: "y" });
          const newer = await openDb({ url, options, tables: { pair: { id, a: { index: 1, index1: 1 }, b: { index: 2 } } } });
          expect((await newer.sync()).indexed).toContain("pair.a");
          expect((await newer.sync()).indexed).toEqual([]);
          expect((await newer.select("pair", { a: "x" }, { sort: "id" })).rows).toHaveLength(1);
          await Promise.all([older.close(), newer.close()]);
        }));

      it("lets a row go some time after it has expired, and gives its unique value free at once", () =>
        withInstance(async (instance) => {
          const clock = testClock();
          const db = await openOn(instance, { clock });
          await db.sync();
          await db.put("account", { id: "old", email: "mail", ends: clock.now() + 10_000 });
          const key = `{${String(instance.options["prefix"])}account}:r:old\u0001`;
          const restMs = Number(await db.native("main", ["PTTL", key]));
          expect(restMs).toBeGreaterThan(10_000);
          expect(restMs).toBeLessThanOrEqual(70_000);
          await expect(db.add("account", { id: "new", email: "mail" })).rejects.toMatchObject({ code: "already-exists" });
          clock.advance(10_000);
          expect(await db.get("account", "old")).toBeUndefined();
          expect(await db.add("account", { id: "new", email: "mail" })).toMatchObject({ affected: 1 });
          await db.put("account", { id: "new", email: "mail" });
          expect(await db.native("main", ["PTTL", key.replace("old", "new")])).toBe(-1);
          await db.close();
        }));

      it("carries out a transaction over tables of one tag", () =>
        withDb(async (db) => {
          await db.put("left", { id: "a", n: 5 });
          await db.transaction(async (tx) => {
            await tx.incr("left", { id: "a", n: -2 });
            await tx.incr("right", { id: "a", n: 2 });
          });
          expect([await db.get("left", "a"), await db.get("right", "a")]).toEqual([
            { id: "a", n: 3 },
            { id: "a", n: 2 },
          ]);
        }));

      it("carries out a transaction over any tables, except on a cluster, where it says so and does nothing", () =>
        withDb(async (db) => {
          const done = db.transaction(async (tx) => {
            await tx.put("account", { id: "a" });
            await tx.put("photo", { owner: "a", taken: 1 });
          });
          if (name === "redis") await done;
          else await expect(done).rejects.toMatchObject({ code: "unsupported", outcome: "none", detail: { capability: "atomic" } });
          expect(await db.count("account", {}, { scan: true })).toBe(name === "redis" ? 1 : 0);
        }));

      if (name === "redis")
        it("connects again after the connection was cut", () =>
          withDb(async (db) => {
            await db.put("left", { id: "a", n: 1 });
            const id = await db.native("main", ["CLIENT", "ID"]);
            // The answer may or may not arrive before the connection ends.
            await db.native("main", ["CLIENT", "KILL", "ID", String(id), "SKIPME", "no"]).catch(() => undefined);
            expect(await db.get("left", "a")).toEqual({ id: "a", n: 1 });
          }));

      if (name === "redis")
        it("does not send a write again whose answer was lost, and says that its outcome is unknown", () =>
          withDb(async (direct, { url, options }) => {
            const proxy = await cuttingProxy(Number(new URL(url).port));
            const db = await openOn({ url: `redis://127.0.0.1:${proxy.port}`, options });
            await db.put("left", { id: "a", n: 1 });
            proxy.cutNextScript();
            await expect(db.incr("left", { id: "a", n: 1 })).rejects.toMatchObject({ code: "unavailable", outcome: "unknown" });
            expect(await direct.get("left", "a")).toEqual({ id: "a", n: 2 });
            await db.incr("left", { id: "a", n: 1 });
            expect(await direct.get("left", "a")).toEqual({ id: "a", n: 3 });
            await db.close();
            await proxy.close();
          }));

      if (name === "redis")
        it("says that a key of its prefix holds something else, without the row's values", () =>
          withDb(async (db, { options }) => {
            const key = `{${String(options["prefix"])}pair}left:r:a\u0001`;
            await db.native("main", ["RPUSH", key, "x"]);
            const error: unknown = await db.put("left", { id: "a", n: 987654 }).catch((thrown: unknown) => thrown);
            expect(error).toMatchObject({ code: "drift", outcome: "none" });
            expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("987654");
          }));

      if (name === "redis")
        it("tells an unknown user without the password", () =>
          withInstance(async ({ url, options }) => {
            const db = await openOn({ url: url.replace("redis://", "redis://nobody:hunter2@"), options });
            const error: unknown = await db.get("left", "a").catch((thrown: unknown) => thrown);
            expect(error).toMatchObject({ code: "unauthenticated", outcome: "none" });
            expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("hunter2");
            await db.close();
          }));
    });
  }

  it("says that nothing was done when there is no server", async () => {
    const db = await openDb({ url: "redis://127.0.0.1:1", tables, attempts: 2 });
    await expect(db.put("left", { id: "a", n: 1 })).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
    await db.close();
  });
});
