// What the SQL engines promise alike and the behaviour suite cannot show: tables that others have made, names that meet,
// errors of the server.

import { createServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";

import { openDb } from "@bk/db";
import { fixture as mysql, mariadbFixture as mariadb } from "../../src/drivers/mysql/fixture.js";
import { fixture as postgres } from "../../src/drivers/postgres/fixture.js";
import { fixture as sqlite } from "../../src/drivers/sqlite/fixture.js";
import type { AnyDb, AnySync } from "../../src/testing/any-db.js";
import type { TableDefinitions } from "../../src/schema/definition.js";
import { isWanted } from "../fixtures.js";

interface Sql extends AnyDb {
  native(pool: string, command: unknown): Promise<unknown>;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const nothing: AnySync = { created: [], altered: [], indexed: [], drift: [] };

for (const fixture of [sqlite, postgres, mysql, mariadb]) {
  const is = (...names: string[]): boolean => names.includes(fixture.name);
  const isMysql = is("mysql", "mariadb");
  const q = (name: string): string => (isMysql ? `\`${name}\`` : `"${name}"`);
  const text = is("pg") ? `text COLLATE "C"` : is("mysql") ? "VARBINARY(1020)" : "VARCHAR(255) COLLATE utf8mb4_nopad_bin";
  const textType = is("sqlite") ? "TEXT" : text;

  describe.skipIf(!isWanted(fixture))(`driver: ${fixture.name}`, () => {
    async function openStore(): Promise<(tables: TableDefinitions, options?: object) => Promise<Sql>> {
      const { url, options, clean } = (await fixture.open())!;
      cleanups.push(clean);
      return async (tables, more = {}) => {
        const db = (await openDb({ url, ...(options === undefined ? {} : { options }), ...more, tables })) as unknown as Sql;
        cleanups.push(() => db.close());
        return db;
      };
    }
    const poolOf = (db: Sql): string => Object.keys(db.metrics() as object)[0]!;
    const run = (db: Sql, command: unknown): Promise<unknown> => db.native(poolOf(db), command);
    const errorOf = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => "no error",
        (error: unknown) => error,
      );

    it("indexes that have the names of before are known by their columns", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, place: { index: 1 }, mail: { unique: 1 } } });
      await run(db, `CREATE TABLE note (id ${textType} NOT NULL, place ${textType}, mail ${textType}, PRIMARY KEY (id))`);
      await run(db, `CREATE INDEX note_place_index ON note (place${is("pg") ? " NULLS FIRST" : ""})`);
      await run(db, "CREATE UNIQUE INDEX note_mail_unique ON note (mail)");
      expect(await db.sync()).toEqual(nothing);
      await db.put("note", { id: "a", mail: "x" });
      expect(await errorOf(db.add("note", { id: "b", mail: "x" }))).toMatchObject({ code: "already-exists", column: "mail" });
    });

    it.skipIf(isMysql)("a name that something else has is refused by sync, as often as it is called", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, place: { index: 1 } } });
      await run(db, `CREATE TABLE other (id ${textType} PRIMARY KEY)`);
      await run(db, `CREATE INDEX "note$place$index" ON other (id)`);
      for (let i = 0; i < 2; i++) expect(await errorOf(db.sync())).toMatchObject({ code: "drift", table: "note", column: "place" });
    });

    it("a unique group over rows that share values is drift, and says of which column", async () => {
      const open = await openStore();
      const before = await open({ note: { id: { primary: 1 }, mail: { maxLength: 100, index: 1 } } });
      await before.sync();
      for (const id of ["a", "b"]) await before.put("note", { id, mail: "x" });
      const after = await open({ note: { id: { primary: 1 }, mail: { maxLength: 100, unique: 1, index: 1 } } });
      expect(await errorOf(after.sync())).toMatchObject({ code: "drift", table: "note", column: "mail" });
    });

    it("a put with a value that an undeclared unique index gives to another row leaves that row alone", async () => {
      const open = await openStore();
      const db = await open({
        note: { id: { type: "int", primary: 1 }, part: { type: "int", primary: 2 }, code: { maxLength: 50, index: 1 }, n: { type: "int" } },
      });
      await db.sync();
      await run(db, "CREATE UNIQUE INDEX theirs ON note (code)");
      const row = { id: 1, part: 1, code: "x", n: 1 };
      await db.put("note", row);
      const taken = { code: "already-exists", outcome: "none", table: "note" };
      expect(await errorOf(db.put("note", { id: 7, part: 1, code: "x", n: 7 }))).toMatchObject(taken);
      expect(await errorOf(db.put("note", { id: 1, part: 2, code: "x", n: 7 }))).toMatchObject(taken);
      expect(await errorOf(db.update("note", { id: 7, part: 1, code: "x" }, { upsert: true }))).toMatchObject(taken);
      const many = await Promise.allSettled([2, 3, 4].map((id) => db.put("note", { id, part: 1, code: id === 3 ? "x" : `c${id}`, n: id })));
      expect(many.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(many[1]).toMatchObject({ reason: taken });
      await db.put("note", { ...row, n: 2 });
      expect((await db.select("note", {}, { sort: ["id"] })).rows).toMatchObject([{ ...row, n: 2 }, { id: 2 }, { id: 4 }]);
    });

    it("taken values name their column and group", async () => {
      const open = await openStore();
      const db = await open({
        note: {
          id: { primary: 1 },
          mail: { maxLength: 50, unique: 1 },
          realm: { maxLength: 50, unique1: 1 },
          n: { type: "int", unique1: 2 },
        },
      });
      await db.sync();
      await db.put("note", { id: "a", mail: "x", realm: "r", n: 1 });
      for (const write of ["put", "add"] as const) {
        expect(await errorOf(db[write]("note", { id: "b", mail: "x" }))).toMatchObject({
          code: "already-exists",
          column: "mail",
          detail: { unique: "mail" },
        });
        expect(await errorOf(db[write]("note", { id: "b", realm: "r", n: 1 }))).toMatchObject({
          column: "realm",
          detail: { unique: "realm_n" },
        });
      }
      const together = await Promise.allSettled(["b", "c", "d"].map((id) => db.put("note", { id, mail: id === "c" ? "x" : id })));
      expect(together[1]).toMatchObject({ status: "rejected", reason: { column: "mail" } });
    });

    it("a write that is not awaited in a transaction that is rolled back leaves nothing", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, mail: { maxLength: 50, unique: 1 } } });
      await db.sync();
      const late: Promise<unknown>[] = [];
      const wanted = new Error("rolled back");
      const rolled = db.transaction(async (tx) => {
        await tx.put("note", { id: "a", mail: "a" });
        for (const id of ["b", "c"]) late.push(errorOf(tx.put("note", { id, mail: id })));
        throw wanted;
      });
      expect(await errorOf(rolled)).toBe(wanted);
      await Promise.all(late);
      expect(await db.count("note", {}, { scan: true })).toBe(0);
    });

    it("a call takes its values when it is made", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, n: { type: "int" }, price: { type: "decimal" }, tags: { type: "set" } } });
      await db.sync();
      const row = { id: "a", n: 1, price: "1.5", tags: ["x"] };
      const writes = [db.update("note", row, { upsert: true })];
      Object.assign(row, { id: "b", n: 9, price: "9.5" });
      row.tags.push("y");
      const first = { id: "c", n: 1 };
      writes.push(db.incr("note", first));
      first.n = 9;
      await Promise.all(writes);
      expect(await db.list("note", ["a", "b", "c"])).toEqual([
        { id: "a", n: 1, price: "1.5", tags: ["x"] },
        { id: "c", n: 1, price: null, tags: null },
      ]);
    });

    it("a change that is computed in a transaction sees what others have committed meanwhile", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, price: { type: "decimal" } } });
      await db.sync();
      for (const id of ["a", "b"]) await db.put("note", { id, price: "1" });
      await db.transaction(async (tx) => {
        if (!is("sqlite")) {
          await tx.get("note", "b");
          await db.incr("note", { id: "a", price: "0.5" });
        }
        expect(await tx.incr("note", { id: "a", price: "1" }, { returning: "new" })).toMatchObject({ affected: 1 });
      });
      expect(await db.get("note", "a")).toEqual({ id: "a", price: is("sqlite") ? "2" : "2.5" });
    });

    it("the second page of a long filter works as the first one does", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, n: { type: "int", index: 1 }, m: { type: "int" } } });
      await db.sync();
      for (let i = 0; i < 12; i++)
        await db.put("note", {
          id: `k${String(i).padStart(2, "0")}`,
          ...(i % 3 === 0 ? {} : { n: i % 4 }),
          ...(i % 4 === 0 ? {} : { m: i % 5 }),
        });
      const ids = [
        ...Array.from({ length: 12 }, (_, i) => `k${String(i).padStart(2, "0")}`),
        ...Array.from({ length: 8_600 }, (_, i) => `x${i}`),
      ];
      for (const sort of ["n", "-n", ["-n", "m"], ["n", "-m"]]) {
        const found: unknown[] = [];
        let next: string | undefined;
        do {
          const page = await db.select("note", { id: { $in: ids } }, { sort, count: 5, ...(next === undefined ? {} : { start: next }) });
          found.push(...page.rows.map((row) => row["id"]));
          next = page.next;
        } while (next !== undefined);
        expect(new Set(found).size).toBe(12);
        expect(found).toHaveLength(12);
      }
    });

    it("the second page of a long filter works whatever the directions of the key are", async () => {
      const open = await openStore();
      const int = { type: "int" as const };
      const tables = { note: { a: { ...int, primary: 1 }, b: { ...int, primary: 2 }, c: { ...int, primary: 3 }, n: int } };
      const db = await open(tables);
      await db.sync();
      for (let i = 0; i < 12; i++) await db.put("note", { a: i % 2, b: i % 3, c: i, n: i });
      const $in = Array.from({ length: 12_000 }, (_, i) => i);
      const first = await db.select("note", { n: { $in } }, { sort: ["a", "-b", "c"], count: 5 });
      const second = await db.select("note", { n: { $in } }, { sort: ["a", "-b", "c"], count: 5, start: first.next });
      expect([...first.rows, ...second.rows].map((row) => row["c"])).toEqual([2, 8, 4, 10, 0, 6, 5, 11, 1, 7]);
    });

    it("a text that is stored so that case does not count is drift", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, name: {}, other: {} } });
      const folded = is("pg")
        ? "text COLLATE folded"
        : is("sqlite")
          ? "TEXT COLLATE NOCASE"
          : "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
      if (is("pg")) await run(db, `CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
      await run(db, `CREATE TABLE note (id ${textType} NOT NULL PRIMARY KEY, other ${textType}, name ${folded})`);
      const { drift } = await db.sync({ dryRun: true });
      expect(drift).toMatchObject([{ column: "name", message: expect.stringContaining("takes texts that differ for equal") as unknown }]);
    });

    it("columns may have any names beside each other, on every page", async () => {
      const open = await openStore();
      const tables = { page: { o0: { primary: 1 as const }, c1: { type: "int" as const }, c0: { type: "int" as const }, o1: {} } };
      const db = await open(tables);
      await db.sync();
      for (let i = 0; i < 9; i++) await db.put("page", { o0: `k${i}`, c0: 9 - i, o1: `t${i}`, ...(i % 2 === 0 ? { c1: i } : {}) });
      const found: unknown[] = [];
      let next: string | undefined;
      do {
        const page = await db.select(
          "page",
          {},
          { sort: ["-c1", "o0"], count: 2, select: ["c1", "c0", "o0"], ...(next === undefined ? {} : { start: next }) },
        );
        found.push(...page.rows.map((row) => row["o0"]));
        next = page.next;
      } while (next !== undefined);
      expect(found).toEqual(["k8", "k6", "k4", "k2", "k0", "k1", "k3", "k5", "k7"]);
    });

    it("a stored name that differs in case alone is drift, and its type is not passed over", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, email: { type: "int" } } });
      await run(db, `CREATE TABLE note (id ${textType} NOT NULL, ${q("Email")} ${textType}, PRIMARY KEY (id))`);
      const { drift, altered } = await db.sync({ dryRun: true });
      expect([drift.map(({ column }) => column), altered.length]).toEqual([["email"], 1]);
      for (let i = 0; i < 2; i++) expect(await errorOf(db.sync())).toMatchObject({ code: "drift", column: "email" });
    });

    it("a stored value that is none of its column's type is an error that names the column", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, born: { type: "timestamp" }, n: { type: "int" } } });
      const time = is("pg") ? "timestamptz" : is("sqlite") ? "DATETIME" : "DATETIME";
      const number = is("pg") ? "numeric" : is("sqlite") ? "REAL" : "DECIMAL(20,2)";
      await run(db, `CREATE TABLE note (id ${textType} NOT NULL, born ${time}, n ${number}, PRIMARY KEY (id))`);
      await run(db, "INSERT INTO note VALUES ('a', '2024-01-02 03:04:05', NULL), ('b', NULL, 1.5), ('c', NULL, 2)");
      expect(await errorOf(db.get("note", "a"))).toMatchObject({ code: "drift", table: "note", column: "born" });
      expect(await errorOf(db.get("note", "b"))).toMatchObject({ code: "drift", table: "note", column: "n" });
      expect(await errorOf(db.select("note", {}))).toMatchObject({ code: "drift", table: "note" });
      expect(await db.get("note", "c")).toEqual({ id: "c", born: null, n: 2 });
      // A DATETIME of SQLite keeps numbers as they are.
      const { drift } = await db.sync({ dryRun: true });
      expect(drift.map(({ column }) => column)).toEqual(is("sqlite") ? ["n"] : is("pg") ? ["born"] : ["born", "n"]);
    });

    it("narrower integers of a table that others have made are served, and refuse what they do not hold", async () => {
      const open = await openStore();
      const db = await open({
        note: { id: { type: "int", primary: 1 }, n: { type: "int", index: 1 }, price: { type: "decimal", decimals: 2 } },
      });
      const key = is("pg") ? "serial PRIMARY KEY" : is("sqlite") ? "INTEGER PRIMARY KEY" : "INT AUTO_INCREMENT PRIMARY KEY";
      await run(db, `CREATE TABLE note (id ${key}, n ${is("pg") ? "integer" : "INT"}, price ${is("sqlite") ? "TEXT" : "decimal(12,2)"})`);
      await db.sync();
      await run(db, "INSERT INTO note (n) VALUES (5)");
      await db.put("note", { id: 2, n: -3, price: "1.50" });
      const far = 2 ** 40;
      expect((await db.select("note", { n: { $lt: far } }, { sort: "n" })).rows).toEqual([
        { id: 2, n: -3, price: "1.5" },
        { id: 1, n: 5, price: null },
      ]);
      expect(await db.get("note", far)).toBeUndefined();
      await db.incr("note", { id: 1, n: 2 });
      expect(await db.get("note", 1)).toMatchObject({ n: 7 });
      if (!is("sqlite")) expect(await errorOf(db.put("note", { id: 3, n: far }))).toMatchObject({ code: "invalid", outcome: "none" });
      await run(db, "INSERT INTO note (n) VALUES (6)").catch(() => undefined);
      expect(await db.sync()).toEqual(nothing);
    });

    it("a table that sync has not made is drift, with the same words", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, n: { type: "int" } } });
      const missing = {
        code: "drift",
        outcome: "none",
        table: "note",
        message: expect.stringContaining("table note does not exist in the store; call sync() first") as unknown,
      };
      expect(await errorOf(db.get("note", "a"))).toMatchObject(missing);
      expect(await errorOf(db.put("note", { id: "a" }))).toMatchObject(missing);
      expect(await errorOf(db.select("note", {}))).toMatchObject(missing);
      await run(db, `CREATE TABLE note (id ${textType} PRIMARY KEY)`);
      expect(await errorOf(db.put("note", { id: "a", n: 1 }))).toMatchObject({
        code: "drift",
        message: expect.stringContaining("column n does not exist in the store; call sync() first") as unknown,
      });
    });

    it("native commands take parameters, and say why they are refused, without values", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, n: { type: "int" } } });
      await db.sync();
      const place = is("pg") ? "$1" : "?";
      await db.put("note", { id: "top-secret", n: 1 });
      expect(await run(db, { text: `SELECT n FROM note WHERE id = ${place}`, values: ["top-secret"] })).toHaveLength(1);
      for (const [command, reason] of [
        ["SELEC 'top-secret'", /SELEC/],
        ["SELECT id FROM note WHERE nowhere = 'top-secret'", /nowhere/],
        ["SELECT 'top-secret' FROM missing", /missing/],
        ["SELECT no_such(1, 'top-secret')", /no_such/i],
        ["SELECT 1 FROM note WHERE 'top-secret' 'x' FORM", /./],
      ] as const) {
        const error = (await errorOf(run(db, command))) as Error;
        expect(error).toMatchObject({
          name: "DbError",
          code: "invalid",
          outcome: "none",
          message: expect.stringMatching(reason) as unknown,
        });
        expect(error.message).not.toContain("secret");
      }
      expect(await errorOf(run(db, "INSERT INTO note (id) VALUES ('top-secret')"))).toMatchObject({ code: "already-exists" });
    });

    it.skipIf(is("sqlite"))("a server that takes the connection and says nothing is given up once, in time", async () => {
      let taken = 0;
      const silent = createServer(() => void taken++);
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      cleanups.push(async () => void silent.close());
      const { port } = silent.address() as AddressInfo;
      const scheme = is("pg") ? "postgres" : fixture.name;
      const db = (await openDb({
        url: `${scheme}://u:secret@127.0.0.1:${port}/x?connectTimeoutMs=60`,
        tables: { note: { id: { primary: 1 } } },
      })) as unknown as Sql;
      const error = (await errorOf(db.put("note", { id: "a" }))) as Error;
      expect(error).toMatchObject({ code: "timeout", outcome: "none", message: expect.stringContaining(`127.0.0.1:${port}`) as unknown });
      expect(error.message).not.toContain("secret");
      expect(taken).toBe(1);
      await db.close();
    });

    it.skipIf(!isMysql)("a unique group that cannot be made is drift before anything is changed, if it cannot be made", async () => {
      const open = await openStore();
      const db = await open({ added: { id: { primary: 1 } }, note: { id: { primary: 1 }, mail: { unique: 1 }, more: {} } });
      await run(
        db,
        `CREATE TABLE note (id ${textType} NOT NULL PRIMARY KEY, mail ${is("mysql") ? "LONGBLOB" : "LONGTEXT COLLATE utf8mb4_nopad_bin"})`,
      );
      const would = await db.sync({ dryRun: true });
      if (is("mariadb")) {
        // Its unique indexes hold hashes of long texts.
        expect(would.drift).toEqual([]);
        expect(await db.sync()).toMatchObject({ created: ["added"], indexed: ["note.mail"] });
        expect(await db.sync()).toEqual(nothing);
        return;
      }
      expect(would.drift).toMatchObject([{ table: "note", column: "mail" }]);
      expect(await errorOf(db.sync())).toMatchObject({ code: "drift", table: "note", column: "mail" });
      expect(await db.sync({ dryRun: true })).toEqual(would);
    });

    it.skipIf(!is("pg"))("texts of a table with the database's own collation are found, sorted and paged by code point", async () => {
      const open = await openStore();
      const db = await open({ note: { id: { primary: 1 }, name: { index: 1 } } });
      await run(db, `CREATE TABLE note (id varchar(255) COLLATE "und-x-icu" PRIMARY KEY, name text COLLATE "und-x-icu")`);
      expect((await db.sync({ dryRun: true })).drift).toEqual([]);
      await db.sync();
      const names = ["b", "B", "a", "A", "ä", "_", "Z", "z", "aB", "ab"];
      for (const [i, name] of names.entries()) await db.put("note", { id: name, name: names[(i + 3) % names.length] });
      const sorted = [...names].sort();
      const found: unknown[] = [];
      let next: string | undefined;
      do {
        const page = await db.select("note", {}, { sort: "name", count: 3, ...(next === undefined ? {} : { start: next }) });
        found.push(...page.rows.map((row) => row["name"]));
        next = page.next;
      } while (next !== undefined);
      expect(found).toEqual(sorted);
      expect((await db.select("note", { name: { $between: ["A", "a"] } }, { sort: "name" })).rows.map((row) => row["name"])).toEqual([
        "A",
        "B",
        "Z",
        "_",
        "a",
      ]);
      expect((await db.select("note", { name: { $begins_with: "a" } }, { sort: "-name" })).rows.map((row) => row["name"])).toEqual([
        "ab",
        "aB",
        "a",
      ]);
      await run(db, `CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
      await run(db, `ALTER TABLE note ALTER COLUMN name TYPE text COLLATE folded`);
      expect((await db.sync({ dryRun: true })).drift).toMatchObject([{ column: "name" }]);
    });
  });
}
