// What is SQLite's own: the behaviour suite has what it shares with all drivers.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { silentLog, systemClock } from "@bk/core";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { allOf, type Condition } from "../../src/reference/condition.js";
import type { Driver, Reply, Shape, Value, Values } from "../../src/driver.js";
import { fixture } from "../../src/drivers/sqlite/fixture.js";
import { sqliteDriver } from "../../src/drivers/sqlite/index.js";
import { searchDefinition, searchName } from "../../src/drivers/sqlite/dialect.js";
import type { SqlCommand } from "../../src/engines/sql/command.js";
import { columnOf, count, define, del, get, groupOf, orderOf, put, select, tableOf, tables, test, update } from "../golden/shapes.js";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Opened {
  readonly driver: Driver<SqlCommand>;
  readonly url: string;
  readonly run: (shape: Shape, values?: Values) => Promise<Reply>;
}

async function open(url?: string, options: Record<string, unknown> = {}): Promise<Opened> {
  const place = url === undefined ? (await fixture.open())! : { url, options: {}, clean: async () => {} };
  const driver = (await sqliteDriver({
    url: place.url,
    options: { ...place.options, ...options },
    clock: systemClock,
    log: silentLog,
  })) as Driver<SqlCommand>;
  cleanups.push(
    () => place.clean(),
    () => driver.close(),
  );
  return { driver, url: place.url, run: async (shape, values = []) => driver.execute(driver.compile(shape), values) };
}

async function openWith(...names: string[]): Promise<Opened> {
  const opened = await open();
  await defineAll(opened, names);
  return opened;
}

async function defineAll({ run }: Opened, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await run(define(name, { kind: "table" }));
    for (const index of [...tableOf(name).indexes, ...tableOf(name).uniques]) await run(define(name, { kind: "index", index }));
    if (tableOf(name).search.length > 0) await run(define(name, { kind: "search" }));
  }
}

const account = (id: string, email: string | null = null, logins: number | null = null): Values => [id, email, null, logins, 1];

/** Runs a program in a process of its own, with `driver` open on the file and the shapes' functions at hand. */
function runProcess(url: string, program: string): ChildProcessByStdio<null, Readable, null> {
  const module = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const start = `
    import { systemClock, silentLog } from "@bk/core";
    import { sqliteDriver } from ${module("../../src/drivers/sqlite/index.ts")};
    import { columnOf, define, get, put, tableOf } from ${module("../golden/shapes.ts")};
    const driver = await sqliteDriver({ url: ${JSON.stringify(url)}, options: {}, clock: systemClock, log: silentLog });
    const run = async (shape, values = []) => driver.execute(driver.compile(shape), values);`;
  return spawn(process.execPath, ["--conditions=bk-source", "--import", "tsx", "--input-type=module", "-e", start + program], {
    cwd: new URL("../..", import.meta.url),
    stdio: ["ignore", "pipe", "inherit"],
  });
}

describe("a SQLite file that cannot be opened", () => {
  it.each([
    ["damaged", (file: string) => writeFileSync(file, "garbage ".repeat(1000)), {}, "internal", "not a SQLite database"],
    ["a folder", (file: string) => void mkdirSync(file), {}, "invalid", "a folder"],
    ["missing, and to be read alone", (file: string) => mkdirSync(dirname(file)), { readonly: true }, "unavailable", "cannot be opened"],
    ["in a folder that is missing, and to be read alone", () => undefined, { readonly: true }, "unavailable", "folder does not exist"],
    ["under a file", (file: string) => writeFileSync(dirname(file), ""), {}, "unavailable", "folder cannot be made (E"],
  ])("is named by its path, with what is wrong: %s", async (_name, make, options, code, why) => {
    const folder = mkdtempSync(join(tmpdir(), "bk-sqlite-"));
    cleanups.push(async () => rmSync(folder, { recursive: true }));
    const file = join(folder, code === "unavailable" ? "sub/app.db" : "app.db");
    make(file);
    const opening = sqliteDriver({ url: `sqlite:${file}`, options, clock: systemClock, log: silentLog });
    const message: unknown = expect.stringMatching(new RegExp(`^sqlite: cannot open ${file}: .*${why.replaceAll("(", "\\(")}`));
    await expect(opening).rejects.toMatchObject({ name: "DbError", code, outcome: "none", message });
  });
});

describe("driver: sqlite", () => {
  describe("writes", () => {
    it("put replaces the row of its key, and add leaves it", async () => {
      const { run } = await openWith("account");
      expect((await run(put("account", "put"), account("1", "a@b.c", 5))).affected).toBe(1);
      expect((await run(put("account", "put"), account("1", "a@b.c"))).affected).toBe(1);
      expect((await run(put("account", "add"), account("1", "a@b.c", 7))).affected).toBe(0);
      expect((await run(put("account", "add"), account("2", "x@b.c"))).affected).toBe(1);
      expect((await run(get("account"), ["1"])).rows).toEqual([["1", "a@b.c", null, null, 1]]);
      expect((await run(get("account"), ["3"])).rows).toEqual([]);
    });

    it("add replaces a row for which over holds", async () => {
      const { run } = await openWith("photo");
      const shape = put("photo", "add", { over: test("photo", "expires", "le", 7) });
      const row = (stars: number, expires: number | null): Value[] => ["o", 1, null, null, null, stars, expires];
      expect((await run(shape, [...row(1, 100), 50])).affected).toBe(1);
      expect((await run(shape, [...row(2, 200), 50])).affected).toBe(0);
      expect((await run(shape, [...row(3, null), 150])).affected).toBe(1);
      expect((await run(shape, [...row(4, null), 1e15])).affected).toBe(0);
      expect((await run(get("photo", ["stars", "expires"]), ["o", 1])).rows).toEqual([[3, null]]);
    });

    it.each(["put", "add"] as const)("%s with another row's unique value writes nothing and names the group", async (mode) => {
      const { run } = await openWith("account");
      await run(put("account", "put"), account("1", "a@b.c"));
      await run(put("account", "put"), account("2", "x@b.c"));
      const error = await run(put("account", mode), account(mode === "put" ? "2" : "3", "a@b.c")).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "already-exists", outcome: "none", column: "email", detail: { unique: "email" } });
      expect((await run(select("account", { columns: ["id", "email"], order: orderOf("account", "id") }))).rows).toEqual([
        ["1", "a@b.c"],
        ["2", "x@b.c"],
      ]);
    });

    it("absent unique values never conflict", async () => {
      const { run } = await openWith("account");
      for (const id of ["1", "2", "3"]) expect((await run(put("account", "add"), account(id))).affected).toBe(1);
    });

    it("update changes a row under its guard, counting one that was already so", async () => {
      const { run } = await openWith("account");
      await run(put("account", "put"), account("1", "a@b.c", 5));
      const shape = update("account", [["logins", "set", 1]], { guard: test("account", "logins", "eq", 2), returning: "new" });
      expect(await run(shape, ["1", 6, 4])).toEqual({ rows: [], affected: 0 });
      expect(await run(shape, ["1", 5, 5])).toEqual({ rows: [["1", "a@b.c", null, 5, 1]], affected: 1 });
      expect(await run(shape, ["9", 5, 5])).toEqual({ rows: [], affected: 0 });
      expect(await run(update("account", []), ["1"])).toEqual({ rows: [], affected: 1 });
    });

    it("increments, appends, prepends and unsets, absent values counting as 0 and empty", async () => {
      const { run } = await openWith("account");
      await run(put("account", "put"), account("1"));
      const shape = update(
        "account",
        [
          ["logins", "incr", 1],
          ["name", "append", 2],
          ["email", "prepend", 3],
          ["mtime", "unset"],
        ],
        { returning: "new" },
      );
      await run(shape, ["1", 2 ** 40, "b", "x"]);
      expect((await run(shape, ["1", 1, "c", "y"])).rows).toEqual([["1", "yx", "bc", 2 ** 40 + 1, null]]);
    });

    it("increments 64-bit integers without rounding", async () => {
      const { run } = await openWith("sample");
      await run(put("sample", "put"), [1, "9007199254740993", 0.5, null, 1, null, new Uint8Array([0, 255])]);
      await run(update("sample", [["big", "incr", 1]]), [1, "2"]);
      const { rows } = await run(get("sample"), [1]);
      expect(rows[0]!.slice(0, 6)).toEqual([1, "9007199254740995", 0.5, null, 1, null]);
      expect([...(rows[0]![6] as Uint8Array)]).toEqual([0, 255]);
      const among = select("sample", {
        columns: ["number"],
        filter: test("sample", "big", "in", 0, 1),
        order: orderOf("sample", "number"),
      });
      expect((await run(among, ["9007199254740994", "9007199254740995"])).rows).toEqual([[1]]);
    });

    it("upsert inserts a missing row whatever the guard, and changes another under it", async () => {
      const { run } = await openWith("account");
      const shape = update("account", [["logins", "incr", 5]], {
        insert: [0, 1, 2, 3, 4],
        guard: test("account", "logins", "lt", 6),
        returning: "new",
      });
      expect((await run(shape, [...account("1", null, 1), 1, 2])).rows).toEqual([["1", null, null, 1, 1]]);
      expect((await run(shape, [...account("1", null, 1), 1, 2])).rows).toEqual([["1", null, null, 2, 1]]);
      expect(await run(shape, [...account("1", null, 1), 1, 2])).toEqual({ rows: [], affected: 0 });
    });

    it("gives the row before a put, an update and a delete", async () => {
      const { run } = await openWith("account");
      expect(await run(put("account", "put", { returning: "old" }), account("1", "a", 1))).toEqual({ rows: [], affected: 1 });
      expect(await run(put("account", "put", { returning: "old" }), account("1", "b", 2))).toEqual({
        rows: [["1", "a", null, 1, 1]],
        affected: 1,
      });
      const guarded = update("account", [["logins", "set", 1]], { guard: test("account", "logins", "eq", 2), returning: "old" });
      expect(await run(guarded, ["1", 3, 2])).toEqual({ rows: [["1", "b", null, 2, 1]], affected: 1 });
      expect(await run(guarded, ["1", 4, 2])).toEqual({ rows: [], affected: 0 });
      expect(await run(del("account", { returning: "old" }), ["1"])).toEqual({ rows: [["1", "b", null, 3, 1]], affected: 1 });
      expect(await run(del("account", { returning: "old" }), ["1"])).toEqual({ rows: [], affected: 0 });
    });

    it("updates and deletes by filter", async () => {
      const { run } = await openWith("account");
      for (let i = 0; i < 10; i++) await run(put("account", "put"), account(String(i), null, i));
      const under = (slot: number): Condition => test("account", "logins", "lt", slot);
      expect(
        (await run(update("account", [["name", "set", 0]], { target: "filter", key: [], guard: under(1) }), ["low", 4])).affected,
      ).toBe(4);
      expect((await run(del("account", { target: "filter", key: [], guard: under(0) }), [6])).affected).toBe(6);
      expect((await run(count("account"))).rows).toEqual([[4]]);
    });

    it("a group takes effect as a whole or not at all", async () => {
      const { driver, run } = await openWith("account");
      const command = driver.compile(put("account", "put"));
      const replies = await groupOf(driver, command, [account("1", "a"), account("2", "b")]);
      expect(replies.map((reply) => reply.affected)).toEqual([1, 1]);
      await expect((async () => groupOf(driver, command, [account("3", "c"), account("4", "a")]))()).rejects.toThrow();
      expect((await run(select("account", { columns: ["id"], order: orderOf("account", "id") }))).rows).toEqual([["1"], ["2"]]);
    });
  });

  describe("filters", () => {
    it("takes texts literally, by code point and case", async () => {
      const { run } = await openWith("account");
      const names = ["", "a", "A", "ab", "a%", "a_b", "b\\", "é", "e\u0301", "ß", "😀", "\ufffd", "10", "'\"", " a", "a "];
      for (const [i, name] of names.entries()) await run(put("account", "put"), [String(i), null, name, null, null]);
      await run(put("account", "put"), ["null", null, null, null, null]);
      const found = async (filter: Condition, values: Values): Promise<Value[]> =>
        (await run(select("account", { columns: ["name"], filter, order: orderOf("account", "name", "id") }), values)).rows.map(
          (row) => row[0]!,
        );
      const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await found(test("account", "name", "not_null"), [])).toEqual(sorted);
      for (const part of [...names, "b", "%", "_"]) {
        const where = (holds: (name: string) => boolean): string[] => sorted.filter(holds);
        expect(await found(test("account", "name", "eq", 0), [part])).toEqual(where((name) => name === part));
        expect(await found(test("account", "name", "ends_with", 0), [part])).toEqual(where((name) => name.endsWith(part)));
        expect(await found(test("account", "name", "not_ends_with", 0), [part])).toEqual(where((name) => !name.endsWith(part)));
        expect(await found(test("account", "name", "contains", 0), [part])).toEqual(where((name) => name.includes(part)));
        expect(await found(test("account", "name", "not_contains", 0), [part])).toEqual(where((name) => !name.includes(part)));
      }
      expect(await found(test("account", "name", "begins_with", 0, 1), ["a", "b"])).toEqual(sorted.filter((name) => name.startsWith("a")));
      expect(await found(test("account", "name", "same", 0), [null])).toEqual([null]);
    });

    it("finds elements of lists, and none in an absent one", async () => {
      const { run } = await openWith("photo");
      for (const [i, tags] of [null, "[]", '["a"]', '["b","a"]', '["ab"]'].entries())
        await run(put("photo", "put"), ["o", i, tags, null, null, null, null]);
      const found = async (op: "contains" | "not_contains"): Promise<unknown> =>
        (
          await run(
            select("photo", { columns: ["taken"], filter: test("photo", "tags", op, 0), order: orderOf("photo", "taken", "owner") }),
            ["a"],
          )
        ).rows.flat();
      expect(await found("contains")).toEqual([2, 3]);
      expect(await found("not_contains")).toEqual([1, 4]);
    });
  });

  describe("pages", () => {
    it("go on exactly after any position, whatever the nulls, directions and page sizes", async () => {
      const { driver, run } = await openWith("photo");
      const write = driver.compile(put("photo", "put"));
      const rows: (readonly [string, number, string | null, number | null])[] = [];
      for (let i = 0; i < 60; i++) rows.push([`o${i % 7}`, i, i % 4 === 0 ? null : `p${i % 3}`, i % 5 === 0 ? null : i % 3]);
      await groupOf(
        driver,
        write,
        rows.map(([owner, taken, place, stars]) => [owner, taken, null, null, place, stars, null]),
      );
      const names = ["place", "stars", "owner", "taken"] as const;
      const directed = fc.tuple(fc.subarray(["place", "stars", "taken"] as const), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }));
      await fc.assert(
        fc.asyncProperty(directed, fc.integer({ min: 1, max: 25 }), async ([sorted, down], limit) => {
          const order = [...sorted, ...(["owner", "taken"] as const).filter((key) => !(sorted as readonly string[]).includes(key))];
          const sort = orderOf("photo", ...order.map((name, i) => (down[i] ? `-${name}` : name)));
          const byOrder = (a: readonly Value[], b: readonly Value[]): number => {
            for (const [i, name] of order.entries()) {
              const at = names.indexOf(name);
              const [x, y] = [at > 1 ? a[at - 2]! : a[at + 2]!, at > 1 ? b[at - 2]! : b[at + 2]!];
              const sign = x === y ? 0 : x === null ? -1 : y === null ? 1 : x < y ? -1 : 1;
              if (sign !== 0) return down[i] ? -sign : sign;
            }
            return 0;
          };
          const read: (readonly Value[])[] = [];
          let after: readonly Value[] | undefined;
          for (;;) {
            const shape = select("photo", {
              columns: ["owner", "taken", ...names.slice(0, 2)],
              order: sort,
              limit: 0,
              ...(after === undefined ? {} : { after: order.map((_, i) => i + 1) }),
            });
            const page = (await run(shape, [limit, ...(after ?? [])])).rows;
            read.push(...page);
            const last = page.at(-1);
            if (last === undefined || page.length < limit) break;
            after = order.map((name) => last[["owner", "taken", "place", "stars"].indexOf(name)]!);
          }
          expect(read).toEqual(rows.toSorted(byOrder));
        }),
        { numRuns: 150 },
      );
    });

    it("are read from an index from the first row on, page 1 or page 1,000", async () => {
      const { driver } = await openWith("photo", "account");
      const plan = async (shape: Shape, values: Values): Promise<string> => {
        const command = driver.compile(shape);
        if (command.kind !== "read") throw new Error("not a read");
        const statement = command.choose?.(values) ?? command.statement;
        const rows = (await driver.native!({
          text: `EXPLAIN QUERY PLAN ${statement.text}`,
          values: statement.slots.map((slot) => values[slot]),
        })) as { detail: string }[];
        return rows.map(({ detail }) => detail).join("; ");
      };
      const own = test("photo", "owner", "eq", 0);
      expect(
        await plan(select("photo", { filter: own, order: orderOf("photo", "-taken", "-owner"), after: [1, 0], limit: 1 }), ["o", 5]),
      ).toMatch(/^SEARCH photo USING INDEX sqlite_autoindex_photo_1 \(owner=\? AND taken<\?\)$/);
      const placed = test("photo", "place", "eq", 0);
      const newest = select("photo", { filter: placed, order: orderOf("photo", "-stars", "-owner", "-taken"), after: [1, 2, 3], limit: 3 });
      const byIndex = await plan(newest, ["Rome", 4, "o", 7]);
      expect(byIndex).toContain("SEARCH photo USING INDEX photo$place$stars$index (place=? AND (stars,owner,taken)<(?,?,?))");
      expect(byIndex).not.toMatch(/SCAN photo/);
      expect(byIndex.match(/USE TEMP B-TREE/g)).toHaveLength(1);
      const oldest = select("photo", { filter: placed, order: orderOf("photo", "stars", "owner", "taken"), after: [1, 2, 3], limit: 3 });
      expect(await plan(oldest, ["Rome", 4, "o", 7])).toBe(
        "SEARCH photo USING INDEX photo$place$stars$index (place=? AND (stars,owner,taken)>(?,?,?))",
      );
    });
  });

  describe("search", () => {
    const found = async ({ run }: Opened, query: string): Promise<unknown> =>
      (await run(select("post", { columns: ["id"], order: orderOf("post", "id"), match: 0 }), [query])).rows.flat();

    it("finds words whatever their case and script, through every kind of write", async () => {
      const opened = await openWith("post");
      const { run } = opened;
      await run(put("post", "put"), ["1", "Grand Hôtel Rome", "by the sea"]);
      await run(put("post", "put"), ["2", "ΟΔΟΣ e\u0301tat İstanbul", null]);
      await run(put("post", "put"), ["3", null, "Milan\u2019s “Rome”"]);
      expect(await found(opened, "rome")).toEqual(["1", "3"]);
      expect(await found(opened, '"grand hôtel"')).toEqual(["1"]);
      expect(await found(opened, "hôtel sea")).toEqual(["1"]);
      expect(await found(opened, "tat")).toEqual(["2"]);
      expect(await found(opened, "οδος")).toEqual(["2"]);
      expect(await found(opened, "İSTANBUL")).toEqual(["2"]);
      expect(await found(opened, "-rome")).toEqual(["1", "2", "3"]);
      await run(update("post", [["title", "set", 1]]), ["1", "Paris"]);
      await run(del("post"), ["3"]);
      expect(await found(opened, "rome")).toEqual([]);
      expect(await found(opened, "paris")).toEqual(["1"]);
      await run(put("post", "put"), ["1", "Oslo", null]);
      expect(await found(opened, "paris")).toEqual([]);
      expect(await found(opened, "oslo")).toEqual(["1"]);
    });

    it("takes operators of the engine's query language for words", async () => {
      const opened = await openWith("post");
      await opened.run(put("post", "put"), ["1", "one AND two NEAR three OR title", null]);
      for (const query of ["and", "near(", "one:and", "one*", 'two "', "(", "^one", "one + two"])
        await expect(found(opened, query)).resolves.toEqual(["1"]);
    });

    it("takes the place of an index that was made under the name of before", async () => {
      const { driver, run } = await openWith("post");
      await run(put("post", "put"), ["1", "A title", null]);
      const names = ["insert", "update", "delete"];
      await driver.native!("DROP TABLE post$search");
      for (const name of names) await driver.native!(`DROP TRIGGER "post$search$${name}"`);
      await driver.native!(`CREATE VIRTUAL TABLE "post_search" ${searchDefinition}`);
      for (const name of names)
        await driver.native!(`CREATE TRIGGER "post_search_${name}" AFTER ${name} ON "post" BEGIN DELETE FROM "post_search"; END`);
      await run(define("post", { kind: "search" }));
      const left = (await driver.native!("SELECT name FROM sqlite_master WHERE name LIKE 'post\\_search%' ESCAPE '\\'")) as unknown[];
      expect(left).toEqual([]);
      await run(put("post", "put"), ["2", "Another title", null]);
      const { rows } = await run(select("post", { columns: ["id"], match: 0, order: orderOf("post", "id") }), ["title"]);
      expect(rows).toEqual([["1"], ["2"]]);
    });

    it("indexes rows that were there before, and follows VACUUM", async () => {
      const opened = await open();
      await opened.run(define("post", { kind: "table" }));
      for (const id of ["3", "1", "2"]) await opened.run(put("post", "put"), [id, `title ${id}`, null]);
      await opened.run(define("post", { kind: "search" }));
      await opened.run(del("post"), ["3"]);
      await opened.driver.native!("VACUUM");
      await opened.run(define("post", { kind: "search" }));
      expect(await found(opened, "title")).toEqual(["1", "2"]);
      expect(await found(opened, "2")).toEqual(["2"]);
      expect(await opened.driver.native!(`SELECT count(*) AS n FROM ${searchName(tableOf("post"))}`)).toEqual([{ n: 2 }]);
    });
  });

  describe("schema", () => {
    it("tells columns, key and indexes, and nothing of a missing table", async () => {
      const opened = await open();
      expect((await opened.run({ verb: "inspect", table: tableOf("photo") })).stored).toBeUndefined();
      await defineAll(opened, [...tables.keys()]);
      const photo = (await opened.run({ verb: "inspect", table: tableOf("photo") })).stored!;
      expect(photo.key).toEqual(["owner", "taken"]);
      expect([...photo.indexes]).toEqual([["photo$place$stars$index", { columns: ["place", "stars", "owner", "taken"], unique: false }]]);
      for (const table of tables.values()) {
        const stored = (await opened.run({ verb: "inspect", table })).stored!;
        expect(stored.key).toEqual(table.key.map((column) => column.name));
        expect([...stored.columns.keys()]).toEqual(table.columns.map((column) => column.name));
        for (const column of table.columns) expect(opened.driver.serves!(stored.columns.get(column.name)!, column)).toBe(true);
      }
      expect((await opened.run({ verb: "inspect", table: tableOf("account") })).stored!.indexes).toEqual(
        new Map([["account$email$unique", { columns: ["email"], unique: true }]]),
      );
    });

    it("makes everything twice without an error", async () => {
      const opened = await openWith(...tables.keys());
      await defineAll(opened, [...tables.keys()]);
      await expect(opened.run(define("photo", { kind: "column", column: columnOf("photo", "meta") }))).resolves.toMatchObject({
        affected: 0,
      });
    });

    it.each([
      ["VARCHAR(20)", "text", true],
      ["TEXT", "int", false],
      ["BIGINT", "int", true],
      ["INTEGER", "text", false],
      ["NUMERIC", "bool", true],
      ["DECIMAL(10,2)", "text", false],
      ["DOUBLE", "real", true],
      ["INT", "real", false],
      ["BLOB", "blob", true],
      ["BLOB", "text", false],
      ["", "text", true],
    ] as const)("a column of type %s serves %s: %s", async (stored, kind, serves) => {
      const { driver } = await open("sqlite::memory:");
      expect(driver.serves!(stored, { ...columnOf("account", "name"), kind })).toBe(serves);
    });

    it("says that a table is missing", async () => {
      const { driver, run } = await open();
      const error = await run(get("account"), ["1"]).catch((thrown: unknown) => thrown);
      expect(driver.classify(error)).toMatchObject({ code: "drift", outcome: "none" });
    });
  });

  describe("transactions", () => {
    const both = it.each([
      ["a file", undefined],
      ["memory", "sqlite::memory:"],
    ] as const);
    const ids = select("account", { columns: ["id"], order: orderOf("account", "id") });

    both("in %s are seen by others when they are committed, and other writes wait", async (_, url) => {
      const opened = await open(url);
      await defineAll(opened, ["account"]);
      const { driver, run } = opened;
      const command = driver.compile(put("account", "put"));
      const session = await driver.begin!({});
      await session.execute(command, account("1"));
      let waited = false;
      const other = run(put("account", "put"), account("2")).then(() => (waited = true));
      const second = driver.begin!({});
      const read = run(ids);
      if (url === undefined) expect((await read).rows).toEqual([]);
      await systemClock.sleep(20);
      expect(waited).toBe(false);
      await session.execute(command, account("3"));
      await session.commit();
      await other;
      const later = await second;
      expect((await later.execute(driver.compile(ids), [])).rows).toEqual([["1"], ["2"], ["3"]]);
      await later.rollback();
      expect((await run(ids)).rows).toEqual([["1"], ["2"], ["3"]]);
      if (url !== undefined) expect((await read).rows.length).toBeGreaterThan(1);
    });

    both("in %s leave nothing when they are rolled back", async (_, url) => {
      const opened = await open(url);
      await defineAll(opened, ["account"]);
      const { driver, run } = opened;
      const command = driver.compile(put("account", "put", { returning: "old" }));
      for (let i = 0; i < 3; i++) {
        const session = await driver.begin!({});
        await session.execute(command, account(`t${i}`));
        await session.rollback();
        await expect(async () => session.execute(command, account("late"))).rejects.toMatchObject({ code: "closed" });
        await run(put("account", "put"), account(`x${i}`));
      }
      expect((await run(ids)).rows).toEqual([["x0"], ["x1"], ["x2"]]);
    });

    it("a call that waits for a transaction can be cancelled", async () => {
      const { driver, run } = await openWith("account");
      const session = await driver.begin!({});
      const controller = new AbortController();
      const waiting = driver.execute(driver.compile(put("account", "put")), account("1"), controller.signal) as Promise<Reply>;
      controller.abort();
      await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
      await session.rollback();
      expect((await run(put("account", "put"), account("2"))).affected).toBe(1);
      expect((await run(ids)).rows).toEqual([["2"]]);
    });
  });

  describe("files", () => {
    it("two connections of two drivers write at the same time, each waiting for the other", async () => {
      const one = await openWith("account");
      const two = await open(one.url);
      const session = await one.driver.begin!({});
      await session.execute(one.driver.compile(put("account", "put")), account("1"));
      const other = two.run(put("account", "put"), account("2"));
      await systemClock.sleep(30);
      await session.commit();
      expect((await other).affected).toBe(1);
    });

    it("gives up on another's lock after busyTimeoutMs, as a call that may be repeated", async () => {
      const one = await openWith("account");
      const two = await open(one.url, { busyTimeoutMs: 20 });
      const session = await one.driver.begin!({});
      const error = await two.run(put("account", "put"), account("2")).catch((thrown: unknown) => thrown);
      expect(two.driver.classify(error)).toMatchObject({ code: "limited", outcome: "none" });
      await session.rollback();
      expect((await two.run(put("account", "put"), account("2"))).affected).toBe(1);
    });

    it("reads a file without writing to it when told so", async () => {
      const one = await openWith("account");
      await one.run(put("account", "put"), account("1"));
      const two = await open(`${one.url}?readonly=true`);
      expect((await two.run(get("account", ["id"]), ["1"])).rows).toEqual([["1"]]);
      const error = await two.run(put("account", "put"), account("2")).catch((thrown: unknown) => thrown);
      expect(two.driver.classify(error)).toMatchObject({ code: "denied", outcome: "none" });
    });

    it("keeps every acknowledged write when the process is killed", async () => {
      const opened = await openWith("account");
      const child = runProcess(
        opened.url,
        `const command = driver.compile(put("account", "put"));
        for (let i = 0; ; i++) {
          await driver.execute(command, ["k" + String(i).padStart(9, "0"), null, null, i, 1]);
          process.stdout.write(i + "\\n");
          if (i % 50 === 49) await new Promise(setImmediate);
        }`,
      );
      let told = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        told += chunk;
        if (told.length > 2_000) child.kill("SIGKILL");
      });
      await once(child, "close");
      const last = Number(told.slice(0, told.lastIndexOf("\n")).split("\n").at(-1));
      const { rows } = await opened.run(count("account", { filter: allOf([test("account", "logins", "le", 0)]) }), [last]);
      expect(last).toBeGreaterThan(100);
      expect(rows).toEqual([[last + 1]]);
    });

    it("is opened, defined and written to by several processes at once", async () => {
      const opened = await open();
      const children = Array.from({ length: 5 }, (_, i) =>
        runProcess(
          opened.url,
          `await run(define("photo", { kind: "table" }));
          await run(define("photo", { kind: "column", column: columnOf("photo", "meta") }));
          await run(define("photo", { kind: "index", index: tableOf("photo").indexes[0] }));
          await run(define("post", { kind: "table" }));
          await run(define("post", { kind: "search" }));
          for (let i = 0; i < 100; i++) await run(put("post", "add"), ["${i}-" + i, "title", null]);
          await driver.close();`,
        ),
      );
      const codes = await Promise.all(children.map(async (child) => ((await once(child, "close")) as [number])[0]));
      expect(codes).toEqual([0, 0, 0, 0, 0]);
      expect((await opened.run(select("post", { columns: ["id"], match: 0 }), ["title"])).rows).toHaveLength(500);
    });

    it.each([
      ["sqlite:", {}, /no path/],
      ["sqlite://app.db", {}, /has a host/],
      ["sqlite::memory:?colour=1", {}, /unknown option "colour"/],
      ["sqlite::memory:", { busyTimeoutMs: "soon" }, /"busyTimeoutMs"/],
      ["sqlite::memory:", { synchronous: "never" }, /"synchronous"/],
      ["sqlite::memory:", { readonly: 2 }, /"readonly"/],
    ])("refuses %s with %j", async (url, options, message) => {
      await expect(open(url, options)).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(message) as unknown });
    });

    it("refuses calls after close, which may be called twice", async () => {
      const { driver, run } = await openWith("account");
      await Promise.all([driver.close(), driver.close()]);
      await expect(run(get("account"), ["1"])).rejects.toMatchObject({ code: "closed" });
      await expect(driver.begin!({})).rejects.toMatchObject({ code: "closed" });
    });
  });

  it("runs native commands", async () => {
    const { driver } = await openWith("account");
    expect(await driver.native!({ text: "INSERT INTO account (id) VALUES (?)", values: ["1"] })).toEqual({ affected: 1 });
    expect(await driver.native!("SELECT id, logins AS n FROM account")).toEqual([{ id: "1", n: null }]);
    await expect(driver.native!(5)).rejects.toMatchObject({ code: "invalid" });
  });
});
