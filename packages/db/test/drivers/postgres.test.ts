import { never } from "../../src/reference/condition.js";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { silentLog, systemClock } from "@bk/core";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { DefineShape, Driver, Reply, Shape, Value, Values } from "../../src/driver.js";
import { servesColumn } from "../../src/drivers/postgres/catalog.js";
import { classifyPostgres, takenColumns } from "../../src/drivers/postgres/errors.js";
import { fixture } from "../../src/drivers/postgres/fixture.js";
import { postgresDriver } from "../../src/drivers/postgres/index.js";
import { postgresOptions } from "../../src/drivers/postgres/options.js";
import { DbError } from "../../src/errors.js";
import { compileTables } from "../../src/schema/compile-table.js";
import type { Table } from "../../src/schema/table.js";
import { parseSearch, searchMatcher } from "../../src/reference/search-query.js";
import { isWanted } from "../fixtures.js";
import { count, get, groupOf, orderOf, put, select, tableOf, test, update } from "../golden/shapes.js";
import { checkAgainstMemory, modelTable } from "./driver-model.js";

const settings = { clock: systemClock, log: silentLog };

/** As the core would tell the error. */
async function classified(driver: Driver, call: Parameters<Driver["execute"]>): Promise<Reply> {
  try {
    return await driver.execute(...call);
  } catch (error) {
    throw error instanceof DbError ? error : Object.assign(new Error("classified", { cause: error }), driver.classify(error));
  }
}

describe.skipIf(!isWanted(fixture))("driver: pg", () => {
  let instance: NonNullable<Awaited<ReturnType<typeof fixture.open>>>;
  let driver: Driver;

  const open = async (options: Record<string, unknown> = {}): Promise<Driver> =>
    (await postgresDriver({ url: instance.url, options: { ...instance.options, ...options }, ...settings })) as Driver;
  const run = async (shape: Shape, values: Values = []): Promise<Reply> => driver.execute(driver.compile(shape), values);
  const native = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
    (await driver.native!({ text, values })) as Record<string, unknown>[];

  /** The table, empty. */
  async function fresh(table: Table): Promise<void> {
    await native(`DROP TABLE IF EXISTS "${table.name}"`);
    await define(driver, table);
  }

  async function define(on: Driver, table: Table): Promise<void> {
    const steps: DefineShape["step"][] = [
      { kind: "table" },
      ...[...table.indexes, ...table.uniques].map((index) => ({ kind: "index", index }) as const),
    ];
    if (table.search.length > 0) steps.push({ kind: "search" });
    for (const step of steps) await on.execute(on.compile({ verb: "define", table, step }), []);
  }

  beforeAll(async () => {
    instance = (await fixture.open())!;
    driver = await open();
  });

  afterAll(async () => {
    await driver.close();
    await instance.clean();
  });

  it.each([1, 2, 3])("answers random commands as the memory driver does, seed %i", async (seed) => {
    await fresh(modelTable);
    await checkAgainstMemory({ ...driver, execute: (...call) => classified(driver, call) }, seed, 1_000);
  });

  describe("groups", () => {
    const hostile = [
      "",
      "a",
      "\\",
      "\\N",
      "\\.",
      '"',
      "'",
      "{}",
      "NULL",
      "a,b",
      "\t",
      "\n",
      "\r\n",
      "\\x41",
      "é",
      "\u{1F600}",
      "\u{10000}\uffff",
      " ",
    ];
    const rowOf = (id: string, i: number): Value[] => [id, `${id}@x`, i % 3 === 0 ? null : hostile[i % hostile.length]!, String(i), null];

    it.each([1, 2, 31, 32, 33, 700])("puts and gets %i rows at once as one by one", async (size) => {
      await fresh(tableOf("account"));
      const rows = Array.from({ length: size }, (_, i) => rowOf(`k${i}${hostile[i % hostile.length]!}`, i));
      for (const round of [0, 1]) {
        const written = rows.map((row) => [...row.slice(0, 3), String(Number(row[3]) + round), row[4]!]);
        const replies = await groupOf(driver, driver.compile(put("account", "put")), written);
        expect(replies.map(({ affected }) => affected)).toEqual(written.map(() => 1));
        const keys = [["missing"], ...written.map(([id]) => [id!])];
        const found = await groupOf(driver, driver.compile(get("account")), keys);
        expect(found[0]!.rows).toEqual([]);
        expect(found.slice(1).map(({ rows: [row] }) => row!.slice(0, 5))).toEqual(written);
      }
    });

    it.each([3, 60])("tells which of %i adds were new", async (size) => {
      await fresh(tableOf("account"));
      const rows = Array.from({ length: size }, (_, i) => rowOf(`k${(i * 7) % size}`, i));
      await run(put("account", "add"), rows[1]!);
      const replies = await groupOf(driver, driver.compile(put("account", "add")), rows);
      expect(replies.map(({ affected }) => affected)).toEqual(rows.map((_, i) => (i === 1 ? 0 : 1)));
    });

    it.each([3, 60])("of %i puts does nothing when one fails", async (size) => {
      await fresh(tableOf("account"));
      const rows = Array.from({ length: size }, (_, i) => rowOf(`k${i}`, i));
      const bad = rows.map((row, i) => (i === 2 ? [row[0]!, "k0@x", ...row.slice(2)] : row));
      const sent = Promise.resolve(groupOf(driver, driver.compile(put("account", "put")), bad));
      const error: unknown = await sent.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "already-exists", outcome: "none", detail: { unique: "email" } });
      expect((await run(count("account"))).rows).toEqual([["0"]]);
      // The connection goes on, and what it prepared is made again.
      await groupOf(driver, driver.compile(put("account", "put")), rows);
      expect((await run(count("account"))).rows).toEqual([[String(size)]]);
    });

    it("stores each kind alike, alone and in groups", async () => {
      const bytes = new Uint8Array([0, 1, 92, 255]);
      const stored = (number: number): Value[] => [
        String(number),
        "-9223372036854775808",
        "5e-324",
        "-0.000000000000000000000000000001",
        false,
        "-62135596800000",
        bytes,
      ];
      await fresh(tableOf("sample"));
      await run(put("sample", "put"), stored(1));
      await groupOf(driver, driver.compile(put("sample", "put")), [stored(2), stored(3)]);
      await groupOf(
        driver,
        driver.compile(put("sample", "put")),
        Array.from({ length: 40 }, (_, i) => stored(i + 4)),
      );
      const rows = await native(`SELECT DISTINCT "big", "ratio"::text, "price", "on", "born", "bytes" FROM "sample"`);
      expect(rows).toEqual([
        {
          big: "-9223372036854775808",
          ratio: "5e-324",
          price: "-0.000000000000000000000000000001",
          on: false,
          born: "-62135596800000",
          bytes: Buffer.from(bytes),
        },
      ]);
    });

    it.each(["text", "int", "int64", "date"] as const)("finds keys of two columns, one of type %s", async (type) => {
      const name = `by_${type}`;
      const table = compileTables({ [name]: { k: { type, primary: 1 }, owner: { primary: 2 }, n: { type: "int" } } }).get(name)!;
      await fresh(table);
      const keys = ["-1", "10", "7"];
      const shape = { verb: "put", table, key: [0, 1], row: [0, 1, 2], over: never, returning: "none" } as const;
      const add = async (rows: Values[]): Promise<number[]> =>
        (await groupOf(driver, driver.compile(shape), rows)).map(({ affected }) => affected);
      expect(await add(keys.map((key, i) => [key, "o", String(i)]))).toEqual([1, 1, 1]);
      expect(await add([["10", "p", "9"], ...keys.map((key): Values => [key, "o", "9"])])).toEqual([1, 0, 0, 0]);
      const read = { verb: "get", table, columns: [table.columns[2]!], key: [0, 1], consistent: false } as const;
      const found = await groupOf(driver, driver.compile(read), [["7", "missing"], ...keys.map((key) => [key, "o"])]);
      expect(found.map(({ rows }) => rows[0]?.[0])).toEqual([undefined, "0", "1", "2"]);
    });
  });

  describe("rows before a write", () => {
    it("are given by one of many puts each, in turn", async () => {
      await fresh(tableOf("account"));
      const shape = driver.compile(put("account", "put", { returning: "old" }));
      const replies = await Promise.all(Array.from({ length: 60 }, (_, i) => driver.execute(shape, ["1", "e", null, String(i), null])));
      const [last] = (await run(get("account"), ["1"])).rows;
      const seen = [...replies.flatMap(({ rows }) => rows.map((row) => Number(row[3]))), Number(last![3])];
      // Each value is replaced once, but for the one that stayed; only the first put replaced nothing.
      expect(replies.filter(({ rows }) => rows.length === 0)).toHaveLength(1);
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    });

    it("are given inside a transaction, which goes on", async () => {
      await fresh(tableOf("account"));
      const session = await driver.begin!({});
      const shape = driver.compile(put("account", "put", { returning: "old" }));
      expect((await session.execute(shape, ["1", "e", null, "1", null])).rows).toEqual([]);
      expect((await session.execute(shape, ["1", "e", null, "2", null])).rows[0]![3]).toBe("1");
      await session.commit();
      expect((await run(get("account"), ["1"])).rows[0]![3]).toBe("2");
    });
  });

  describe("transactions", () => {
    it("go on after a write that was refused", async () => {
      await fresh(tableOf("account"));
      const session = await driver.begin!({});
      const command = driver.compile(put("account", "put"));
      const giving = driver.compile(put("account", "put", { returning: "old" }));
      await session.execute(command, ["1", "e", null, "0", null]);
      for (const refused of [
        () => session.execute(command, ["2", "e", null, "0", null]),
        () => session.execute(giving, ["2", "e", null, "0", null]),
      ]) {
        const error: unknown = await Promise.resolve(refused()).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: "already-exists", outcome: "none", column: "email" });
      }
      await session.execute(command, ["4", "y", null, "0", null]);
      await session.commit();
      expect((await run(select("account", { columns: ["id"], order: orderOf("account", "id") }))).rows).toEqual([["1"], ["4"]]);
    });

    it("can only be rolled back after another failure", async () => {
      await fresh(tableOf("account"));
      const session = await driver.begin!({});
      await session.execute(driver.compile(put("account", "put")), ["1", "e", null, "0", null]);
      const misread = select("account", { columns: ["id"], filter: test("account", "logins", "eq", 0) });
      await expect(session.execute(driver.compile(misread), ["no number"])).rejects.toMatchObject({ code: "22P02" });
      await expect(session.execute(driver.compile(get("account")), ["1"])).rejects.toMatchObject({
        code: "condition-failed",
        outcome: "none",
      });
      await expect(session.commit()).rejects.toMatchObject({ code: "condition-failed", outcome: "none" });
      await expect(session.rollback()).rejects.toMatchObject({ code: "closed" });
      expect((await run(get("account"), ["1"])).rows).toEqual([]);
    });

    it("that are serializable fail as limited when they cannot be put in an order", async () => {
      await fresh(tableOf("account"));
      for (const id of ["1", "2"]) await run(put("account", "put"), [id, null, null, "0", null]);
      const sessions = [await driver.begin!({ isolation: "serializable" }), await driver.begin!({ isolation: "serializable" })];
      for (const session of sessions) await session.execute(driver.compile(select("account", {})), []);
      const change = driver.compile(update("account", [["logins", "set", 1]]));
      const outcomes = await Promise.allSettled(
        sessions.map(async (session, i) => {
          await session.execute(change, [String(i + 1), "5"]);
          await session.commit();
        }),
      );
      const failed = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(failed).toHaveLength(1);
      expect(driver.classify(failed[0]!.reason)).toMatchObject({ code: "limited", outcome: "none" });
      await Promise.all(
        sessions.map((session) => session.rollback().catch((error: unknown) => expect(error).toMatchObject({ code: "closed" }))),
      );
    });

    it("that wait for each other fail as limited", async () => {
      await fresh(tableOf("account"));
      for (const id of ["1", "2"]) await run(put("account", "put"), [id, null, null, "0", null]);
      const sessions = [await driver.begin!({}), await driver.begin!({})];
      const change = driver.compile(update("account", [["logins", "set", 1]]));
      for (const [i, session] of sessions.entries()) await session.execute(change, [String(i + 1), "5"]);
      const outcomes = await Promise.allSettled(
        sessions.map(async (session, i) => {
          await session.execute(change, [String(2 - i), "6"]);
          await session.commit();
        }),
      );
      const failed = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(failed.map(({ reason }) => driver.classify(reason))).toMatchObject([{ code: "limited", outcome: "none" }]);
      for (const [i, outcome] of outcomes.entries()) if (outcome.status === "rejected") await sessions[i]!.rollback();
    });

    it("give old rows to calls that are made at once, and undo none", async () => {
      await fresh(tableOf("account"));
      const session = await driver.begin!({});
      const giving = driver.compile(put("account", "put", { returning: "old" }));
      const counting = driver.compile(update("account", [["logins", "incr", 1]]));
      await session.execute(giving, ["1", null, null, "0", null]);
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          i % 2 === 0 ? session.execute(counting, ["1", "1"]) : session.execute(giving, [`k${i}`, null, null, "0", null]),
        ),
      );
      await session.commit();
      expect((await run(get("account"), ["1"])).rows[0]![3]).toBe("10");
      expect((await run(count("account"))).rows).toEqual([["11"]]);
    });

    it("hold up no call outside, even of rows they lock", async () => {
      await fresh(tableOf("account"));
      await run(put("account", "put"), ["1", null, null, "0", null]);
      const session = await driver.begin!({});
      const change = driver.compile(update("account", [["logins", "set", 1]]));
      await session.execute(change, ["1", "5"]);
      const waiting = Promise.all([driver.execute(change, ["1", "6"]), driver.execute(change, ["1", "6"])]);
      expect((await run(get("account"), ["1"])).rows[0]![3]).toBe("0");
      await session.commit();
      await waiting;
    });
  });

  describe("cancelling", () => {
    it("ends the statement on the server, and nobody else's", async () => {
      const one = await open({ max: 2 });
      const controller = new AbortController();
      const slow = one.native!("SELECT pg_sleep(60)", controller.signal);
      const other = one.native!("SELECT pg_sleep(0.2), 1 AS one") as Promise<{ one: number }[]>;
      await sleep(50);
      controller.abort();
      const error: unknown = await slow.catch((thrown: unknown) => thrown);
      expect(one.classify(error)).toMatchObject({ code: "timeout", outcome: "none" });
      expect((await other)[0]!.one).toBe(1);
      await one.close();
      const left = await native(
        "SELECT count(*)::int AS count FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'",
      );
      expect(left).toEqual([{ count: 0 }]);
    });

    it("ends the wait for a connection", async () => {
      const one = await open({ max: 1 });
      const session = await one.begin!({});
      const controller = new AbortController();
      const waiting = one.native!("SELECT 1", controller.signal);
      controller.abort();
      await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
      await session.rollback();
      expect(await one.native!("SELECT 1 AS one")).toEqual([{ one: 1 }]);
      await one.close();
    });

    it("is done by the server after statementTimeoutMs", async () => {
      const hasty = await open({ statementTimeoutMs: 50 });
      const error: unknown = await hasty.native!("SELECT pg_sleep(60)").catch((thrown: unknown) => thrown);
      expect(hasty.classify(error)).toMatchObject({ code: "timeout", outcome: "none" });
      await hasty.close();
    });
  });

  describe("connections", () => {
    it("that are lost make running calls unavailable, and are replaced", async () => {
      const frail = await open({ max: 3, applicationName: "bk frail" });
      const kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bk frail'";
      const slow = frail.native!("SELECT pg_sleep(60)").catch((thrown: unknown) => thrown);
      await sleep(50);
      await native(kill);
      expect(frail.classify(await slow)).toMatchObject({ code: "unavailable", outcome: "unknown" });
      expect(await frail.native!("SELECT 1 AS one")).toEqual([{ one: 1 }]);
      const session = await frail.begin!({});
      await native(kill);
      const error: unknown = await Promise.resolve(session.execute(frail.compile(get("account")), ["1"])).catch(
        (thrown: unknown) => thrown,
      );
      expect(frail.classify(error) ?? error).toMatchObject({ code: "unavailable" });
      await session.rollback();
      // The pool's other connection was ended too; this process hears of it in its own time.
      await vi.waitFor(async () => expect(await frail.native!("SELECT 1 AS one")).toEqual([{ one: 1 }]));
      await frail.close();
    });

    it("are not made before the first call, nor more than max", async () => {
      const small = await open({ max: 2, applicationName: "bk small" });
      const count = async (): Promise<unknown> =>
        (await native("SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'bk small'"))[0]!["count"];
      expect(await count()).toBe(0);
      await Promise.all(Array.from({ length: 20 }, () => small.native!("SELECT pg_sleep(0.01)")));
      expect(await count()).toBe(2);
      await small.close();
      await expect(small.native!("SELECT 1")).rejects.toMatchObject({ code: "closed" });
    });

    it("go on when the server has forgotten what they prepared", async () => {
      const one = await open({ max: 1 });
      await fresh(tableOf("account"));
      const command = one.compile(get("account"));
      await one.execute(command, ["1"]);
      await one.native!("DEALLOCATE ALL");
      expect((await one.execute(command, ["1"])).rows).toEqual([]);
      await fresh(tableOf("account"));
      expect((await one.execute(command, ["1"])).rows).toEqual([]);
      await one.native!("ALTER TABLE account ALTER COLUMN logins TYPE numeric");
      expect((await one.execute(command, ["1"])).rows).toEqual([]);
      await one.close();
    });

    it("are refused to a database that is not UTF-8", async () => {
      const name = `bk_ascii_${process.pid}`;
      await native(`CREATE DATABASE ${name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
      const url = new URL(instance.url);
      url.pathname = `/${name}`;
      const other = await postgresDriver({ url: url.href, options: {}, ...settings });
      await expect(other.native!("SELECT 1")).rejects.toMatchObject({ code: "unsupported" });
      await other.close();
      await native(`DROP DATABASE ${name}`);
    });

    it("that are not made in time, or not as asked for, are errors that name the server and not its password", async () => {
      const silent = createServer(() => undefined);
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const { port } = silent.address() as AddressInfo;
      const deaf = await postgresDriver({ url: `postgres://u:secret@127.0.0.1:${port}/x`, options: { connectTimeoutMs: 50 }, ...settings });
      await expect(deaf.native!("SELECT 1")).rejects.toMatchObject({
        code: "timeout",
        outcome: "none",
        message: `no answer from 127.0.0.1:${port} within 50 ms (connectTimeoutMs)`,
      });
      await deaf.close();
      silent.close();
      const sealed = await open({ ssl: true });
      await expect(sealed.native!("SELECT 1")).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
      await sealed.close();
    });

    it("that cannot be made are unavailable", async () => {
      const nowhere = await postgresDriver({ url: "postgres://u:secret@127.0.0.1:1/x", options: {}, ...settings });
      const error: unknown = await nowhere.native!("SELECT 1").catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "unavailable", outcome: "none", message: "no server answers (127.0.0.1:1)" });
      expect(String(error)).not.toContain("secret");
      await nowhere.close();
    });
  });

  describe("definitions", () => {
    it("are safe from ten at once", async () => {
      const tables = ["account", "photo", "post"].map((name) => tableOf(name));
      for (const { name } of tables) await native(`DROP TABLE IF EXISTS "${name}"`);
      await native("DROP FUNCTION IF EXISTS bk_words");
      const drivers = await Promise.all(Array.from({ length: 10 }, () => open({ max: 1 })));
      await Promise.all(
        drivers.map(async (each) => {
          for (const table of tables) await define(each, table);
        }),
      );
      await Promise.all(drivers.map((each) => each.close()));
      const { stored } = await run({ verb: "inspect", table: tableOf("photo") });
      expect(stored!.key).toEqual(["owner", "taken"]);
      expect([...stored!.indexes]).toEqual([["photo$place$stars$index", { columns: ["place", "stars", "owner", "taken"], unique: false }]]);
    });

    it("keep long names of indexes apart", async () => {
      const column = (end: string): string => `${"c".repeat(45)}${end}`;
      const table = compileTables({
        ["t".repeat(48)]: { id: { primary: 1 }, [column("a")]: { index: 1, unique: 1 }, [column("b")]: { index1: 1, unique1: 1 } },
      }).get("t".repeat(48))!;
      await fresh(table);
      const { stored } = await run({ verb: "inspect", table });
      expect(stored!.indexes.size).toBe(4);
      const row = { verb: "put", table, key: [0], row: [0, 1, 2], over: never, returning: "none" } as const;
      await run(row, ["1", "x", "y"]);
      const error: unknown = await run(row, ["2", "z", "y"]).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "already-exists", column: column("b"), detail: { unique: column("b") } });
    });

    it("tell a column of another type, and what to do", async () => {
      await native(`DROP TABLE IF EXISTS "account"`);
      await native(
        `CREATE TABLE "account" ("id" text COLLATE "C" PRIMARY KEY, "email" text, "name" varchar(20) COLLATE "POSIX", "logins" integer, "mtime" timestamptz)`,
      );
      const { stored } = await run({ verb: "inspect", table: tableOf("account") });
      const served = tableOf("account").columns.map((column) => [column.name, servesColumn(stored!.columns.get(column.name)!, column)]);
      expect(served).toEqual([
        ["id", true],
        ["email", true],
        ["name", "declare maxLength: 20, or change its type to text"],
        ["logins", true],
        ["mtime", false],
      ]);
    });
  });

  describe("search", () => {
    const texts = [
      "plain words",
      "Grand-Hotel, Rome",
      "mail@example.com and http://x.y/z?q=1",
      "caf\u00e9s CAF\u00c9",
      "cafe\u0301 e",
      "\u212Aelvin 300\u212A",
      "\u0130stanbul \u0130X",
      "\u039F\u0394\u039F\u03A3 \u039F\u0394\u039F\u03A3'\u0391",
      "stra\u00dfe STRASSE",
      "\u65e5\u672c\u8a9e \u30c6\u30b9\u30c8",
      "x\u00b2 \u2167 \u00bd 12\u0663",
      "a_b a\u00adb a\u200db",
      "\u{1D54F}math \u{1F600}smile",
      "\u01C5 \uFB01ne",
      "",
      "it's o\u2019clock",
    ];
    const queries = [
      ...texts,
      ...texts.flatMap((text) => text.split(/\s+/)),
      "cafe",
      "kelvin",
      "istanbul",
      "i\u0307x",
      "ix",
      "\u03bf\u03b4\u03bf\u03c2",
      "\u03bf\u03b4\u03bf\u03c3",
      "300k",
      "x",
      "b",
      "hotel rome",
      '"grand hotel" -plain',
      "-plain",
    ];

    it.each(["und-x-icu", "C"])("finds at least what the core finds, with the words of collation %s", async (collation) => {
      const table = tableOf("post");
      await native("DROP FUNCTION IF EXISTS bk_words CASCADE");
      await fresh(table);
      if (collation === "C") {
        const [{ source }] = (await native("SELECT pg_get_functiondef('bk_words'::regproc) AS source")) as [{ source: string }];
        await native(source.replace('"und-x-icu"', '"C"'));
      }
      for (const [i, text] of texts.entries()) await run(put("post", "put"), [String(i), text, i % 2 === 0 ? null : "body text"]);
      await native("SET enable_seqscan = off");
      const shape = driver.compile(select("post", { columns: ["id"], match: 0, order: orderOf("post", "id") }));
      for (const query of queries) {
        const found = new Set((await driver.execute(shape, [query])).rows.map(([id]) => id));
        const expected = texts.flatMap((text, i) =>
          searchMatcher(parseSearch(query), [text, i % 2 === 0 ? null : "body text"]) ? [String(i)] : [],
        );
        expect(
          expected.filter((id) => !found.has(id)),
          query,
        ).toEqual([]);
      }
    });

    it("takes texts of any size, with words of any length", async () => {
      await fresh(tableOf("post"));
      const long = `${"w".repeat(5_000)} ${Array.from({ length: 100_000 }, (_, i) => `word${i}`).join(" ")}`;
      await run(put("post", "put"), ["1", long, null]);
      const shape = driver.compile(select("post", { columns: ["id"], match: 0 }));
      expect((await driver.execute(shape, ["word99999"])).rows).toEqual([["1"]]);
      expect((await driver.execute(shape, ["w".repeat(5_000)])).rows).toEqual([["1"]]);
      expect((await driver.execute(shape, ["absent"])).rows).toEqual([]);
    });

    it("reads the index", async () => {
      await fresh(tableOf("post"));
      await native(`INSERT INTO "post" SELECT i, 'word' || i, NULL FROM generate_series(1, 5000) AS i`);
      await native(`ANALYZE "post"`);
      const text = driver.describe(driver.compile(select("post", { match: 0, order: orderOf("post", "id"), limit: 1 }))) as string;
      expect(await planOf(text, ["word77", "10"])).toContain(`Bitmap Index Scan on "post$title$body$search"`);
    });
  });

  /** The plan as text. */
  async function planOf(text: string, values: readonly Value[]): Promise<string> {
    const literal = values.map((value) => (value === null ? "NULL" : `'${String(value)}'`)).join(", ");
    await native(`PREPARE planned AS ${text}`);
    const lines = await native(`EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE planned(${literal})`);
    await native("DEALLOCATE planned");
    return lines.map((line) => line["QUERY PLAN"]).join("\n");
  }

  describe("pages", () => {
    it.each([
      ["ascending", orderOf("photo", "place", "stars", "owner", "taken"), ["500", "5", "x", "0"]],
      ["descending", orderOf("photo", "-place", "-stars", "-owner", "-taken"), ["500", "5", "x", "0"]],
      ["after a null", orderOf("photo", "place", "stars", "owner", "taken"), ["500", null, "x", "0"]],
    ])("far in are read from the index, %s", async (_name, order, position) => {
      await fresh(tableOf("photo"));
      await native(
        `INSERT INTO "photo" ("owner", "taken", "place", "stars") SELECT 'x', i, (i % 1000)::text, CASE WHEN i % 7 > 0 THEN i % 10 END FROM generate_series(1, 20000) AS i`,
      );
      await native(`ANALYZE "photo"`);
      const shape = select("photo", { columns: ["taken"], order, after: [0, 1, 2, 3], limit: 4 });
      const values = [...position, "20"];
      const { rows } = await run(shape, values);
      expect(rows).toHaveLength(20);
      const command = driver.compile(shape) as { choose: (values: Values) => { text: string; slots: readonly number[] } };
      const { text, slots } = command.choose(values);
      const plan = await planOf(
        text,
        slots.map((slot) => values[slot]!),
      );
      expect(plan).not.toContain("Seq Scan");
      // No scan goes past a page.
      for (const [, read] of plan.matchAll(/Index (?:Only )?Scan.*rows=(\d+)/g)) expect(Number(read)).toBeLessThanOrEqual(20);
    });
  });

  describe("filters", () => {
    it("like matches characters, not bytes, and takes escapes", async () => {
      await fresh(tableOf("account"));
      const names = ["\u{1F600}", "a%b", "a\\b", "axb", "AXB"];
      for (const [i, name] of names.entries()) await run(put("account", "put"), [String(i), null, name, "0", null]);
      const found = async (pattern: string): Promise<unknown> =>
        (
          await run(select("account", { columns: ["name"], filter: test("account", "name", "like", 0), order: orderOf("account", "id") }), [
            pattern,
          ])
        ).rows.flat();
      expect(await found("_")).toEqual(["\u{1F600}"]);
      expect(await found("a\\%b")).toEqual(["a%b"]);
      expect(await found("a\\\\b")).toEqual(["a\\b"]);
      expect(await found("a_b")).toEqual(["a%b", "a\\b", "axb"]);
    });
  });

  it("tells what errors of the server mean", async () => {
    await fresh(tableOf("account"));
    const meaning = async (text: string): Promise<unknown> => {
      const error: unknown = await driver.native!(text).catch((thrown: unknown) => thrown);
      const known = error instanceof DbError ? error : driver.classify(error);
      const native = (error instanceof DbError ? error.cause : error) as { code?: unknown };
      return [native.code, known?.code, known?.outcome];
    };
    expect(await meaning("SELECT * FROM no_such_table")).toEqual(["42P01", "invalid", "none"]);
    expect(await meaning('SELECT "x" FROM "account"')).toEqual(["42703", "invalid", "none"]);
    expect(await meaning("SELECT 9223372036854775807 + 1")).toEqual(["22003", "invalid", "none"]);
    expect(await meaning("SELEC 1")).toEqual(["42601", "invalid", "none"]);
    expect(await meaning('INSERT INTO "account" ("id") VALUES (NULL)')).toEqual(["23502", "invalid", "none"]);
    expect(
      await meaning(
        `CREATE INDEX ON "account" ("name"); INSERT INTO "account" ("id", "name") SELECT '1', string_agg(md5(i::text), '') FROM generate_series(1, 500) AS i`,
      ),
    ).toEqual(["54000", "too-large", "none"]);
    expect(await meaning("BEGIN READ ONLY; DELETE FROM account")).toEqual(["25006", "denied", "none"]);
    expect(await meaning("SET LOCAL lock_timeout = 0; SELECT no_such_function()")).toEqual(["42883", "invalid", "none"]);
  });

  it("tells a refused login without the password", async () => {
    const url = new URL(instance.url);
    url.pathname = "/no_such_database";
    url.password = "top-secret";
    const stranger = await postgresDriver({ url: url.href, options: {}, ...settings });
    const error: unknown = await stranger.native!("SELECT 1").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "not-found", outcome: "none" });
    expect(JSON.stringify([error, String(error)])).not.toContain("top-secret");
    await stranger.close();
  });
});

describe("postgres options", () => {
  it("are read from the URL, the pool's options win", () => {
    const location = postgresOptions({ url: "postgres://a:p%40@h:6/db?max=3&sslmode=no-verify&schema=s", options: { max: 4 } });
    expect(location).toMatchObject({
      host: "h",
      port: 6,
      user: "a",
      password: "p@",
      database: "db",
      max: 4,
      schema: "s",
      ssl: { rejectUnauthorized: false },
    });
  });

  it.each([
    { max: 0 },
    { max: "x" },
    { schema: "" },
    { schema: "s".repeat(64) },
    { ssl: "maybe" },
    { sslmode: "toString" },
    { statementTimeoutMs: -1 },
    { poolSize: 1 },
  ])("refuses %o", (options) => {
    expect(() => postgresOptions({ url: "postgres://h/db", options })).toThrow(
      expect.objectContaining({ code: "invalid", detail: { field: Object.keys(options)[0] } }),
    );
  });

  it("refuses several hosts", () => {
    expect(() => postgresOptions({ url: "postgres://a,b/db", options: {} })).toThrow(/several hosts/);
  });
});

describe("classify", () => {
  const native = (code: string, more: object = {}): Error =>
    Object.assign(new pg.DatabaseError("native", 0, "error"), { code, severity: "ERROR", ...more });

  it.each([
    ["40001", "limited", "none"],
    ["40P01", "limited", "none"],
    ["53300", "unavailable", "none"],
    ["57P01", "unavailable", "unknown"],
    ["57P02", "unavailable", "unknown"],
    ["57P03", "unavailable", "none"],
    ["57014", "timeout", "none"],
    ["28P01", "unauthenticated", "none"],
    ["28000", "unauthenticated", "none"],
    ["3D000", "not-found", "none"],
    ["42501", "denied", "none"],
    ["54000", "too-large", "none"],
    ["55P03", "limited", "none"],
    ["08006", "unavailable", "unknown"],
    ["23514", "invalid", "none"],
    ["XX000", "internal", "none"],
  ])("%s is %s, %s", (code, expected, outcome) => {
    expect(classifyPostgres(native(code))).toMatchObject({ code: expected, outcome });
  });

  it.each(["ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT"])("%s is unavailable", (code) => {
    expect(classifyPostgres(Object.assign(new Error("native"), { code }))).toMatchObject({ code: "unavailable", outcome: "none" });
  });

  it("finds the columns whose value was taken, whatever the index's name and the values are", () => {
    const columns = (more: object): unknown => takenColumns(native("23505", { table: "person", ...more }));
    expect(columns({ constraint: "mine", detail: 'Key (first, "Last")=(a)=(b), c) already exists.' })).toEqual(["first", "Last"]);
    expect(columns({ constraint: "person_pkey", detail: "Schlüssel »(id)=(1)« existiert bereits." })).toEqual(["id"]);
    expect(columns({ constraint: "mine" })).toBeUndefined();
  });

  it.each([
    ["42P01", 'relation "note" does not exist', "table note does not exist in the store; call sync() first"],
    ["42P01", "Relation »note« existiert nicht", "table note does not exist in the store; call sync() first"],
    ["42703", 'column "born" does not exist', "column born does not exist in the store; call sync() first"],
  ])("%s says what is missing: %s", (code, message, expected) => {
    expect(classifyPostgres(Object.assign(native(code), { message }))).toMatchObject({ code: "drift", message: expected });
  });

  it("leaves what it does not know", () => {
    expect(classifyPostgres(new Error("other"))).toBeUndefined();
    expect(classifyPostgres("text")).toBeUndefined();
  });
});
