// What is MySQL's and MariaDB's own: the behaviour suite has what they share with all drivers.

import { always } from "../../src/reference/condition.js";
import { silentLog, systemClock } from "@bk/core";
import { afterEach, describe, expect, it } from "vitest";
import type { Condition } from "../../src/reference/condition.js";
import type { Driver, PutShape, Reply, Shape, Value, Values } from "../../src/driver.js";
import type { MysqlCommand } from "../../src/drivers/mysql/compile.js";
import { classifyMysql } from "../../src/drivers/mysql/errors.js";
import { fixture, mariadbFixture } from "../../src/drivers/mysql/fixture.js";
import { mysqlDialect } from "../../src/drivers/mysql/dialect.js";
import { compileGroupPut } from "../../src/drivers/mysql/group.js";
import { mysqlDriver } from "../../src/drivers/mysql/index.js";
import { runPrepared } from "../../src/drivers/mysql/statements.js";
import { compileTables } from "../../src/schema/compile-table.js";
import { defineTables } from "../../src/schema/define-tables.js";
import { columnOf, count, define, get, groupOf, orderOf, put, select, tableOf, test, update } from "../golden/shapes.js";
import { checkAgainstMemory, modelTable } from "./driver-model.js";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Opened {
  readonly driver: Driver<MysqlCommand>;
  readonly url: string;
  readonly run: (shape: Shape, values?: Values) => Promise<Reply>;
}

async function openAt(url: string, options: Record<string, unknown> = {}): Promise<Opened> {
  const driver = await mysqlDriver({ url, options, clock: systemClock, log: silentLog });
  cleanups.push(() => driver.close());
  return { driver, url, run: async (shape, values = []) => driver.execute(driver.compile(shape), values) };
}

describe.each([
  ["mysql", fixture],
  ["mariadb", mariadbFixture],
] as const)("driver: %s", (_name, own) => {
  describe.skipIf(process.env[own.env] === undefined)("on its server", () => {
    async function open(options: Record<string, unknown> = {}): Promise<Opened> {
      const place = (await own.open())!;
      cleanups.push(() => place.clean());
      return openAt(place.url, options);
    }

    async function openWith(...names: string[]): Promise<Opened> {
      const opened = await open();
      for (const name of names) {
        await opened.run(define(name, { kind: "table" }));
        for (const index of [...tableOf(name).indexes, ...tableOf(name).uniques]) await opened.run(define(name, { kind: "index", index }));
      }
      return opened;
    }

    const account = (id: string, email: string | null = null, logins: number | null = null): Values => [id, email, null, logins, 1];
    const post = (id: string, title: string | null): Values => [id, title, null];
    const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => "nothing",
        (error: unknown) => error,
      );

    it.each([1, 2, 3, 4, 5, 6])("answers random commands as the memory driver does (seed %i)", { timeout: 60_000 }, async (seed) => {
      const { driver } = await open();
      await driver.execute(driver.compile({ verb: "define", table: modelTable, step: { kind: "table" } }), []);
      for (const index of [...modelTable.indexes, ...modelTable.uniques])
        await driver.execute(driver.compile({ verb: "define", table: modelTable, step: { kind: "index", index } }), []);
      await checkAgainstMemory(driver, seed, 300);
    });

    describe("writes", () => {
      it.each(["put", "add"] as const)("%s with another row's unique value writes nothing and names the group", async (mode) => {
        const { run } = await openWith("account");
        await run(put("account", "put"), account("1", "a@b.c"));
        await run(put("account", "put"), account("2", "x@b.c", 7));
        const error = await thrownBy(run(put("account", mode), account(mode === "put" ? "2" : "3", "a@b.c")));
        expect(error).toMatchObject({ code: "already-exists", outcome: "none", detail: { unique: "email" } });
        const { rows } = await run(select("account", { columns: ["id", "email", "logins"], order: orderOf("account", "id") }));
        expect(rows).toEqual([
          ["1", "a@b.c", null],
          ["2", "x@b.c", 7],
        ]);
      });

      it("the index of a taken value is told even where the value looks like an error", async () => {
        const { run } = await openWith("account");
        const email = "x' for key 'PRIMARY'";
        await run(put("account", "add"), account("1", email));
        expect(await thrownBy(run(put("account", "add"), account("2", email)))).toMatchObject({ detail: { unique: "email" } });
        expect((await run(put("account", "add"), account("1", email))).affected).toBe(0);
      });

      it("puts of one row at once leave one of them", async () => {
        const { run } = await openWith("account");
        await Promise.all(Array.from({ length: 20 }, (_, i) => run(put("account", "put"), account("1", `a${i}@b.c`, i))));
        const { rows } = await run(select("account", { columns: ["id"] }));
        expect(rows).toEqual([["1"]]);
      });

      it("of adds of one key at once exactly one is made", async () => {
        const { run } = await openWith("photo");
        const shape = put("photo", "add", { over: test("photo", "expires", "le", 7) });
        const row = (n: number, expires: number, now: number): Values => ["o", 1, null, null, null, n, expires, now];
        const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => run(shape, row(i, 100, 50))));
        expect(replies.reduce((sum, { affected }) => sum + affected, 0)).toBe(1);
        const again = await Promise.all(Array.from({ length: 20 }, (_, i) => run(shape, row(i, 300, 200))));
        expect(again.reduce((sum, { affected }) => sum + affected, 0)).toBe(1);
      });

      it("an update that changes nothing counts its row", async () => {
        const { run } = await openWith("account");
        await run(put("account", "put"), account("1", null, 5));
        expect((await run(update("account", [["logins", "set", 1]]), ["1", 5])).affected).toBe(1);
      });

      it("increments at once are all counted", async () => {
        const { run } = await openWith("account");
        await run(put("account", "put"), account("1"));
        await Promise.all(Array.from({ length: 50 }, () => run(update("account", [["logins", "incr", 1]]), ["1", 2])));
        expect((await run(get("account", ["logins"]), ["1"])).rows).toEqual([[100]]);
      });
    });

    describe("values", () => {
      const sample = (values: Partial<Record<string, Value>>): Values => tableOf("sample").columns.map(({ name }) => values[name] ?? null);

      it.each([0.1, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, 123456789.12345679, 1 / 3])(
        "the real %d comes back as it was",
        async (ratio) => {
          const { run } = await openWith("sample");
          await run(put("sample", "put"), sample({ number: 1, ratio }));
          expect((await run(select("sample", { columns: ["ratio"], filter: test("sample", "ratio", "eq", 0) }), [ratio])).rows).toEqual([
            [ratio],
          ]);
        },
      );

      it("64-bit integers and decimals are compared and added exactly", async () => {
        const { run } = await openWith("sample");
        const digits = "1234567890123456789012345678901234";
        await run(put("sample", "put"), sample({ number: Number.MAX_SAFE_INTEGER, big: "9007199254740993", price: `${digits}` }));
        await run(
          put("sample", "put"),
          sample({ number: -Number.MAX_SAFE_INTEGER, big: "9007199254740992", price: `-0.${digits.slice(0, 30)}` }),
        );
        const found = async (filter: Condition, ...values: Value[]): Promise<unknown> =>
          (await run(select("sample", { columns: ["number"], filter }), values)).rows.map(([number]) => number);
        expect(await found(test("sample", "big", "eq", 0), "9007199254740993")).toEqual([Number.MAX_SAFE_INTEGER]);
        expect(await found(test("sample", "big", "lt", 0), "9007199254740993")).toEqual([-Number.MAX_SAFE_INTEGER]);
        expect(await found(test("sample", "price", "ge", 0), digits)).toEqual([Number.MAX_SAFE_INTEGER]);
        expect(await found(test("sample", "price", "gt", 0), digits)).toEqual([]);
        await run(update("sample", [["big", "incr", 1]]), [Number.MAX_SAFE_INTEGER, "9007199254740993"]);
        expect(await found(test("sample", "big", "eq", 0), "18014398509481986")).toEqual([Number.MAX_SAFE_INTEGER]);
      });

      it("text is told apart by case, accents and spaces at its end, and sorts by code point", async () => {
        const { run } = await openWith("post");
        const texts = ["", "A", "a", "a ", "a\u0001", "é", "e\u0301", "\uff5a", "\u{1f600}", "%", "\\", "'", "a\nb"];
        for (const text of texts) await run(put("post", "add"), post(`k${text}`, text));
        const { rows } = await run(select("post", { columns: ["title"], order: orderOf("post", "title", "id") }));
        const byBytes = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(rows.map(([title]) => title)).toEqual(byBytes);
        for (const text of texts)
          expect((await run(select("post", { columns: ["id"], filter: test("post", "title", "eq", 0) }), [text])).rows).toEqual([
            [`k${text}`],
          ]);
      });

      it.each([
        ["a%", ["ab", "a%b", "a😀b", "a\nb"]],
        ["a_b", ["a%b", "a😀b", "a\nb"]],
        ["a\\%b", ["a%b"]],
        ["A%", ["Ab"]],
      ])("like %j finds %j", async (pattern, expected) => {
        const { run } = await openWith("post");
        for (const text of ["ab", "a%b", "a😀b", "a\nb", "Ab"]) await run(put("post", "add"), post(text, text));
        const { rows } = await run(select("post", { columns: ["title"], filter: test("post", "title", "like", 0) }), [pattern]);
        expect(rows.map(([title]) => title).sort()).toEqual([...expected].sort());
      });

      it("text of 2 MiB and bytes that are no text are kept", async () => {
        const { run } = await openWith("post", "sample");
        const text = "é😀".repeat(350_000);
        await run(put("post", "put"), post("1", text));
        expect((await run(get("post", ["title"]), ["1"])).rows).toEqual([[text]]);
        const bytes = new Uint8Array([0, 255, 39, 92, 128]);
        await run(put("sample", "put"), sample({ number: 1, bytes }));
        const [[stored] = []] = (await run(get("sample", ["bytes"]), [1])).rows;
        expect(Uint8Array.from(stored as Uint8Array)).toEqual(bytes);
      });
    });

    it("a row over max_allowed_packet is refused, and the connection serves the next call", async () => {
      const { driver, run } = await openWith("post");
      const [server] = (await driver.native!("SELECT @@max_allowed_packet AS bytes")) as [{ bytes: number }];
      const error = await thrownBy(run(put("post", "put"), post("1", "x".repeat(Number(server.bytes)))));
      expect(error).toMatchObject({ code: "too-large", outcome: "none" });
      expect((await run(get("post"), ["1"])).rows).toEqual([]);
    });

    it("texts of up to 50,000 characters are sorted by all of them", async () => {
      const { run } = await openWith("post");
      const start = "x".repeat(49_999);
      for (const end of ["c", "a", "b"]) await run(put("post", "put"), post(end, start + end));
      const shape = select("post", { columns: ["id"], order: orderOf("post", "title", "id"), limit: 0 });
      expect((await run(shape, [2])).rows).toEqual([["a"], ["b"]]);
    });

    it("keys and indexes of many texts fit, and keep a key of the greatest length", async () => {
      const { run } = await open();
      const wide = compileTables(
        defineTables({
          wide: {
            a: { primary: 1 },
            b: { primary: 2 },
            c: { primary: 3 },
            d: { index: 1, unique: 1 },
            e: { index: 2, unique: 2 },
            f: { index: 3, maxLength: 1_000 },
            g: { index: 4, index1: 1 },
            n: { type: "decimal", index1: 2, index: 5 },
          },
        }),
      ).get("wide")!;
      await run({ verb: "define", table: wide, step: { kind: "table" } });
      for (const index of [...wide.indexes, ...wide.uniques]) await run({ verb: "define", table: wide, step: { kind: "index", index } });
      const long = "\u{1f600}".repeat(255);
      const row = [long, long.slice(0, 200), long.slice(0, 200), "d", "e", "f", "g", "1.5"];
      const slots = row.map((_, i) => i);
      await run({ verb: "put", table: wide, key: [0, 1, 2], row: slots, over: always, returning: "none" }, row);
      const { rows } = await run({ verb: "get", table: wide, columns: wide.columns, key: [0, 1, 2], consistent: false }, row.slice(0, 3));
      expect(rows[0]!.slice(0, 7)).toEqual(row.slice(0, 7));
    });

    describe("groups", () => {
      it.each([1, 2, 3, 5, 999, 1000])("of %i gets answer each key", async (count) => {
        const { driver, run } = await openWith("photo");
        await run(put("photo", "put"), ["o", 1, null, null, null, 5, null]);
        await run(put("photo", "put"), ["o", 3, null, null, null, 6, null]);
        const keys = Array.from({ length: count }, (_, i): Values => ["o", i]);
        const replies = await groupOf(driver, driver.compile(get("photo", ["stars"])), keys);
        expect(replies.map(({ rows }) => rows[0]?.[0])).toEqual(keys.map(([, n]) => (n === 1 ? 5 : n === 3 ? 6 : undefined)));
      });

      it.each(["post", "account"])("of puts replace rows of %s and insert others", async (table) => {
        const { driver, run } = await openWith(table);
        const row = (i: number, text: string): Values =>
          table === "post" ? [`k${i}`, text, null] : [`k${i}`, `${text}${i}@b.c`, null, i, 1];
        const command = driver.compile(put(table, "put"));
        const ids = async (): Promise<number> => (await run(count(table))).rows[0]![0] as number;
        await groupOf(
          driver,
          command,
          Array.from({ length: 700 }, (_, i) => row(i, "old")),
        );
        expect(await ids()).toBe(700);
        const replies = await groupOf(
          driver,
          command,
          Array.from({ length: 700 }, (_, i) => row(i + 350, "new")),
        );
        expect(replies.every(({ affected }) => affected === 1)).toBe(true);
        expect(await ids()).toBe(1050);
        expect((await run(get(table), ["k349"])).rows[0]![1]).toMatch(/^old/);
        expect((await run(get(table), ["k350"])).rows[0]![1]).toMatch(/^new/);
      });

      it.each(["put", "add"] as const)("of %s with a taken unique value do nothing", async (mode) => {
        const { driver, run } = await openWith("account");
        await run(put("account", "put"), account("9", "taken@b.c"));
        await run(put("account", "put"), account("1", "one@b.c"));
        const group = [account("1", "new@b.c"), account("2", "taken@b.c"), account("3")].slice(mode === "put" ? 0 : 1);
        await expect(groupOf(driver, driver.compile(put("account", mode)), group)).rejects.toThrow();
        const { rows } = await run(select("account", { columns: ["id", "email"], order: orderOf("account", "id") }));
        expect(rows).toEqual([
          ["1", "one@b.c"],
          ["9", "taken@b.c"],
        ]);
      });

      it("of rows that are too big for one command take several, all or none", async () => {
        const { driver, run } = await openWith("post");
        const group = Array.from({ length: 6 }, (_, i) => post(`${i}`, "x".repeat(600_000)));
        await groupOf(driver, driver.compile(put("post", "put")), group);
        expect((await run(count("post"))).rows).toEqual([[6]]);
      });
    });

    describe("transactions", () => {
      const ids = select("account", { columns: ["id"], order: orderOf("account", "id") });

      it("are seen by others when they are committed, and leave nothing when rolled back", async () => {
        const { driver, run } = await openWith("account");
        const session = await driver.begin!({});
        await session.execute(driver.compile(put("account", "put")), account("1"));
        expect((await run(ids)).rows).toEqual([]);
        await session.commit();
        const other = await driver.begin!({ isolation: "serializable" });
        await other.execute(driver.compile(put("account", "put")), account("2"));
        await other.rollback();
        expect((await run(ids)).rows).toEqual([["1"]]);
        await expect(other.execute(driver.compile(ids), [])).rejects.toMatchObject({ code: "closed" });
      });

      it("a call that is under way when one is rolled back takes no effect and is refused", async () => {
        const { driver, run } = await openWith("account");
        const session = await driver.begin!({});
        const command = driver.compile(put("account", "put"));
        const late = Promise.allSettled(["1", "2"].map(async (id) => session.execute(command, account(id, `${id}@b.c`))));
        await session.rollback();
        expect(await late).toMatchObject([
          { status: "rejected", reason: { code: "closed", outcome: "none" } },
          { status: "rejected", reason: { code: "closed", outcome: "none" } },
        ]);
        expect((await run(count("account"))).rows).toEqual([[0]]);
      });

      it("a call that is under way when one is committed is in it, or refused", async () => {
        const { driver, run } = await openWith("account");
        for (let i = 0; i < 20; i++) {
          const session = await driver.begin!({});
          const command = driver.compile(put("account", "put"));
          const late = Promise.allSettled(["1", "2"].map(async (id) => session.execute(command, account(`${i}-${id}`, `${i}-${id}@b.c`))));
          for (let turn = 0; turn < i % 5; turn++) await new Promise((resolve) => setImmediate(resolve));
          await session.commit();
          const stored = new Set((await run(select("account", { columns: ["id"] }))).rows.map(([id]) => id));
          for (const [at, result] of (await late).entries())
            expect(stored.has(`${i}-${at + 1}`), `${i} ${result.status}`).toBe(result.status === "fulfilled");
        }
      });

      it("that wait for each other: one goes on, the other is told to try again and does nothing more", async () => {
        const { driver, run } = await openWith("account");
        await run(put("account", "put"), account("1", null, 0));
        await run(put("account", "put"), account("2", null, 0));
        const command = driver.compile(update("account", [["logins", "incr", 1]]));
        const [a, b] = [await driver.begin!({}), await driver.begin!({})];
        await a.execute(command, ["1", 1]);
        await b.execute(command, ["2", 1]);
        const results = await Promise.allSettled([a.execute(command, ["2", 1]), b.execute(command, ["1", 1])]);
        const lost = results.findIndex(({ status }) => status === "rejected");
        const [winner, loser] = lost === 0 ? [b, a] : [a, b];
        expect(driver.classify((results[lost] as PromiseRejectedResult).reason)).toMatchObject({ code: "limited", outcome: "none" });
        await expect(loser.execute(driver.compile(put("account", "put")), account("3"))).rejects.toThrow();
        await expect(loser.commit()).rejects.toThrow();
        await winner.commit();
        expect((await run(select("account", { columns: ["id", "logins"], order: orderOf("account", "id") }))).rows).toEqual([
          ["1", 1],
          ["2", 1],
        ]);
      });
    });

    describe("connections", () => {
      /** Ends every other connection to the database of `url`, as an operator would. */
      async function killAll({ url, driver }: Opened): Promise<void> {
        const { driver: other } = await openAt(url);
        const list = (await other.native!(
          "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
        )) as Record<string, unknown>[];
        for (const row of list) await other.native!(`KILL ${Number(row["id"] ?? row["ID"])}`);
        expect(driver).toBeDefined();
      }

      it("are made again after the server has ended them", async () => {
        const opened = await openWith("account");
        await opened.run(put("account", "put"), account("1"));
        await killAll(opened);
        await systemClock.sleep(50);
        expect((await opened.run(get("account", ["id"]), ["1"])).rows).toEqual([["1"]]);
      });

      it("that are lost while a write is on its way leave its outcome unknown", async () => {
        const opened = await openWith("account");
        const session = await opened.driver.begin!({});
        await session.execute(opened.driver.compile(put("account", "put")), account("1"));
        const waiting = thrownBy(opened.run(put("account", "put"), account("1")));
        await opened.driver.native!(`KILL ${await waitingConnection(opened.driver)}`);
        expect(opened.driver.classify(await waiting)).toMatchObject({ code: "unavailable", outcome: "unknown" });
        await session.rollback();
        expect((await opened.run(get("account"), ["1"])).rows).toEqual([]);
      });

      it("a call that is cancelled is ended on the server, and its connection serves the next", async () => {
        const { driver, run } = await openWith("account");
        const session = await driver.begin!({});
        await session.execute(driver.compile(put("account", "put")), account("1"));
        const controller = new AbortController();
        const waiting = thrownBy(
          Promise.resolve(driver.execute(driver.compile(put("account", "put")), account("1", null, 9), controller.signal)),
        );
        await waitingConnection(driver);
        controller.abort();
        const error = await waiting;
        expect(driver.classify(error)).toMatchObject({ code: "cancelled", outcome: "none" });
        await session.commit();
        expect((await run(get("account", ["logins"]), ["1"])).rows).toEqual([[null]]);
      });

      it("to a server that is not there, or with a wrong password, do nothing and tell no secret", async () => {
        const { url } = await open();
        const away = await openAt(url.replace(/:\d+\//, ":1/"));
        expect(await thrownBy(away.run(get("account"), ["1"]))).toMatchObject({
          code: "unavailable",
          outcome: "none",
          message: "no server answers (127.0.0.1:1)",
        });
        const wrong = await openAt(url.replace("//root", "//nobody:se-cret").replace(/\/\/nobody:se-cret:[^@]*@/, "//nobody:se-cret@"));
        const error = await thrownBy(wrong.run(get("account"), ["1"]));
        expect(error).toMatchObject({ code: "unauthenticated", outcome: "none" });
        expect(String((error as Error).message)).not.toContain("se-cret");
        const missing = await openAt(url.replace(/\/bk_\w+/, "/bk_missing"));
        expect(await thrownBy(missing.run(get("account"), ["1"]))).toMatchObject({ code: "not-found", outcome: "none" });
      });

      it("are refused after close, which may be called twice", async () => {
        const { driver, run } = await open();
        await Promise.all([driver.close(), driver.close()]);
        await expect(run(get("account"), ["1"])).rejects.toMatchObject({ code: "closed" });
        await expect(driver.begin!({})).rejects.toMatchObject({ code: "closed" });
      });
    });

    describe("definitions", () => {
      it("made by ten at once are made once", async () => {
        const { url, run } = await open();
        const others = await Promise.all(Array.from({ length: 10 }, () => openAt(url)));
        await Promise.all(
          others.map(async (other) => {
            await other.run(define("photo", { kind: "table" }));
            await other.run(define("photo", { kind: "column", column: columnOf("photo", "meta") }));
            await other.run(define("photo", { kind: "index", index: tableOf("photo").indexes[0]! }));
          }),
        );
        const { stored } = await run({ verb: "inspect", table: tableOf("photo") });
        expect(stored?.key).toEqual(["owner", "taken"]);
        expect([...stored!.indexes.values()]).toEqual([{ columns: ["place", "stars"], unique: false }]);
      });

      it("each made column serves the declared one", async () => {
        const { driver, run } = await openWith("sample", "photo", "account", "post");
        for (const name of ["sample", "photo", "account", "post"]) {
          const { stored } = await run({ verb: "inspect", table: tableOf(name) });
          for (const column of tableOf(name).columns)
            expect([column.name, driver.serves!(stored!.columns.get(column.name)!, column)]).toEqual([column.name, true]);
        }
      });

      it.each([
        ["varchar(255) collate utf8mb4_general_ci", "account", "name", false],
        ["varchar(20) collate utf8mb4_nopad_bin", "account", "name", false],
        ["tinytext collate utf8mb4_nopad_bin", "account", "name", false],
        ["varbinary(1020)", "account", "name", true],
        ["longtext collate utf8mb4_0900_bin", "account", "name", true],
        ["int(11)", "photo", "stars", true],
        ["bigint(20) unsigned", "photo", "stars", true],
        ["float", "sample", "ratio", false],
        ["decimal(10,2)", "sample", "price", false],
        ["json", "photo", "meta", false],
      ])("%s serves %s.%s: %s", async (stored, table, column, expected) => {
        const { driver } = await open();
        expect(driver.serves!(stored, columnOf(table, column)) === true).toBe(expected);
      });

      it("an index on a column that was stored without bounds orders and finds all the same", async () => {
        const { driver, run } = await open();
        const text = own.name === "mysql" ? "LONGBLOB" : "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";
        await driver.native!(
          "CREATE TABLE photo (owner VARBINARY(1020) NOT NULL, taken BIGINT NOT NULL, tags LONGTEXT, meta LONGTEXT, place " +
            text +
            ", stars BIGINT, expires BIGINT, PRIMARY KEY (owner, taken))",
        );
        await run(define("photo", { kind: "index", index: tableOf("photo").indexes[0]! }));
        const places = ["b".repeat(50_000), `${"b".repeat(49_999)}a`, "a"];
        for (const [i, place] of places.entries()) await run(put("photo", "put"), ["o", i, null, null, place, 1, null]);
        const { rows } = await run(
          select("photo", { columns: ["taken"], order: orderOf("photo", "place", "owner", "taken"), limit: 0 }),
          [3],
        );
        expect(rows).toEqual([[2], [1], [0]]);
      });

      it("a text that is too long for its column is refused", async () => {
        const { driver, run } = await openWith("photo");
        const error = await thrownBy(run(put("photo", "put"), ["o", 1, null, null, "x".repeat(3_000), 1, null]));
        expect(driver.classify(error)).toMatchObject({ code: "too-large", outcome: "none" });
      });
    });

    it("runs native commands", async () => {
      const { driver } = await openWith("account");
      expect(await driver.native!({ text: "INSERT INTO account (id) VALUES (?)", values: ["1"] })).toEqual({ affected: 1 });
      expect(await driver.native!("SELECT logins AS n FROM account")).toEqual([{ n: null }]);
      await expect(driver.native!(5)).rejects.toMatchObject({ code: "invalid" });
    });

    it("errors of the server are classified", async () => {
      const { driver, run } = await open();
      expect(driver.classify(await thrownBy(run(get("account"), ["1"])))).toMatchObject({
        code: "drift",
        outcome: "none",
        message: "table account does not exist in the store; call sync() first",
      });
      expect(driver.classify(new Error("?"))).toBeUndefined();
    });

    it("finds what may match a search, whatever its words", async () => {
      const { run } = await openWith("post");
      await run(put("post", "put"), ["1", "The Kelvin sign \u212aelvin", null]);
      await run(put("post", "put"), ["2", null, "A short text"]);
      const found = async (query: string): Promise<unknown> =>
        (await run(select("post", { columns: ["id"], order: orderOf("post", "id"), match: 0 }), [query])).rows.flat();
      expect(await found("KELVIN")).toEqual(["1"]);
      expect(await found("the")).toEqual(["1"]);
      expect(await found("a")).toEqual(["2"]);
      expect(await found("-short")).toEqual(["1", "2"]);
      expect(await found("héhé")).toEqual(["1", "2"]);
    });
  });
});

/** The connection whose statement waits for the lock of a transaction, as soon as there is one. */
async function waitingConnection(driver: Driver): Promise<number> {
  const text = `SELECT process.id AS id FROM information_schema.innodb_trx AS own
    JOIN information_schema.processlist AS process ON process.id = own.trx_mysql_thread_id
    WHERE own.trx_state = 'LOCK WAIT' AND process.db = DATABASE()`;
  for (;;) {
    // The server shows what it last saw while it is asked again within 0.1 s.
    await systemClock.sleep(150);
    const [row] = (await driver.native!(text)) as { id: number }[];
    if (row !== undefined) return Number(row.id);
  }
}

describe("driver: mysql", () => {
  it.each([
    [1, ["execute", "unprepare", "execute"]],
    [2, ["execute", "unprepare", "execute", "query"]],
  ])("goes on where the server has no room for prepared statements (refused %i times)", async (refusals, expected) => {
    const calls: string[] = [];
    let refused = 0;
    const full = Object.assign(new Error("Can't create more than max_prepared_stmt_count statements"), { errno: 1461, sqlMessage: "full" });
    type Callback = (error: Error | null, result?: unknown) => void;
    const connection = {
      execute: (_options: object, done: Callback) => {
        calls.push("execute");
        if (refused++ < refusals) done(full);
        else done(null, [[1]]);
      },
      unprepare: () => void calls.push("unprepare"),
      query: (options: { values?: unknown }, done: Callback) => {
        calls.push("query");
        done(null, [options.values]);
      },
    };
    expect((await runPrepared(connection as never, "SELECT ?", [1])).rows).toEqual([[1]]);
    expect(calls).toEqual(expected);
  });

  it("keeps the texts of a few sizes of groups that cannot be filled up", () => {
    const { insert } = compileGroupPut(put("account", "put") as PutShape, mysqlDialect);
    const first = insert(2);
    expect(insert(2)).toBe(first);
    for (let size = 3; size < 40; size++) expect(insert(size).size).toBe(size);
    expect(insert(2)).not.toBe(first);
    expect(insert(2).text).toBe(first.text);
  });

  it.each([
    ["mysql:", {}, /no database/],
    ["mysql://host", {}, /no database/],
    ["mysql://a,b/db", {}, /several hosts/],
    ["mysql://host/db?colour=1", {}, /unknown option "colour"/],
    ["mariadb://host/db", { max: 0 }, /"max"/],
    ["mysql://host/db", { ssl: 3 }, /"ssl"/],
    ["mysql://host/db", { connectTimeoutMs: "soon" }, /"connectTimeoutMs"/],
  ])("refuses %s with %j", async (url, options, message) => {
    await expect(openAt(url, options)).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(message) as unknown });
  });

  const native = (errno: number, message: string, sqlState = "HY000"): Error =>
    Object.assign(new Error(message), { errno, sqlState, code: "ER_OTHER", sqlMessage: message });
  it.each([
    [native(1062, "Duplicate entry 'a' for key 'PRIMARY'", "23000"), "already-exists", "none"],
    [native(1062, "Duplicate entry 'a' for key 'account.account_email_unique'", "23000"), "already-exists", "none"],
    [native(1213, "Deadlock found when trying to get lock; try restarting transaction", "40001"), "limited", "none"],
    [native(1205, "Lock wait timeout exceeded; try restarting transaction"), "limited", "none"],
    [native(1040, "Too many connections", "08004"), "unavailable", "none"],
    [native(1045, "Access denied for user 'app'@'localhost' (using password: YES)", "28000"), "unauthenticated", "none"],
    [native(1146, "Table 'test.photo' doesn't exist", "42S02"), "drift", "none"],
    [native(1264, "Out of range value for column 'n' at row 1", "22003"), "invalid", "none"],
    [native(1690, "BIGINT value is out of range in '(1 + 1)'", "22003"), "invalid", "none"],
    [native(1406, "Data too long for column 'place' at row 1", "22001"), "too-large", "none"],
    [native(1118, "Row size too large", "42000"), "too-large", "none"],
    [native(1366, "Incorrect string value: '\\xFF' for column 'place' at row 1"), "invalid", "none"],
    [native(3024, "Query execution was interrupted, maximum statement execution time exceeded"), "timeout", "none"],
    [native(1317, "Query execution was interrupted", "70100"), "cancelled", "none"],
    [native(1053, "Server shutdown in progress", "08S01"), "unavailable", "unknown"],
    [
      Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED", errno: -111, fatal: true }),
      "unavailable",
      "none",
    ],
    [
      Object.assign(new Error("Connection lost: The server closed the connection."), { code: "PROTOCOL_CONNECTION_LOST", fatal: true }),
      "unavailable",
      "unknown",
    ],
    [Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", errno: -104, fatal: true }), "unavailable", "unknown"],
    [Object.assign(new Error("Can't add new command when connection is in closed state"), { fatal: true }), "unavailable", "none"],
  ])("classifies %s as %s, outcome %s", (error, code, outcome) => {
    const classified = classifyMysql(error);
    expect(classified).toMatchObject({ code, outcome });
    expect(classified?.message).not.toMatch(/'a'|app/);
  });

  const server = process.env[mariadbFixture.env];
  it.skipIf(server === undefined)("a mysql: URL serves MariaDB with what both have", async () => {
    const place = (await mariadbFixture.open())!;
    cleanups.push(() => place.clean());
    const { driver, run } = await openAt(place.url.replace(/^mariadb:/, "mysql:"));
    await run({ verb: "define", table: modelTable, step: { kind: "table" } });
    for (const index of modelTable.uniques) await run({ verb: "define", table: modelTable, step: { kind: "index", index } });
    await checkAgainstMemory(driver, 7, 200);
  });

  const mysqlServer = process.env[fixture.env];
  it.skipIf(mysqlServer === undefined)("a mariadb: URL on MySQL is refused", async () => {
    const { run } = await openAt(mysqlServer!.replace(/^mysql:/, "mariadb:"));
    await expect(run(get("account"), ["1"])).rejects.toMatchObject({ code: "invalid" });
  });
});
