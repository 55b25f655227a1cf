// What is Cassandra's own: the behaviour suite has what it shares with all drivers.

import Cassandra from "cassandra-driver";
import { afterEach, describe, expect, it, vi } from "vitest";

import { silentLog, systemClock } from "@bk/core";
import { defineTables } from "@bk/db";
import { cqlType, fromCql, servesColumn, toCql } from "../../src/drivers/cassandra/column-type.js";
import { classifyCassandra } from "../../src/drivers/cassandra/errors.js";
import { fixture } from "../../src/drivers/cassandra/fixture.js";
import { cassandraDriver } from "../../src/drivers/cassandra/index.js";
import { cassandraOptions } from "../../src/drivers/cassandra/options.js";
import { compileTables } from "../../src/schema/compile-table.js";
import type { ColumnDefinition } from "../../src/schema/definition.js";
import type { Column } from "../../src/schema/table.js";
import type { AnyDb, AnyRow } from "../../src/testing/any-db.js";
import { refuses, walk } from "../../src/testing/expectations.js";
import { type OpenOptions, openAny } from "../fixtures.js";

const { errors } = Cassandra;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function columnWith(definition: ColumnDefinition): Column {
  return compileTables({ t: { id: { primary: 1 }, c: definition } }).get("t")!.columns[1]!;
}

function native(db: AnyDb, command: unknown): Promise<unknown> {
  return (db as unknown as { native(pool: string, command: unknown): Promise<unknown> }).native("main", command);
}

/** An error of the server, as the client gives it. */
function serverError(code: number, message = "refused"): Error {
  return new errors.ResponseError(code, message);
}

describe("driver: cassandra", () => {
  describe("options", () => {
    it("are read from the URL, the pool's options win", () => {
      expect(
        cassandraOptions({ url: "cassandra://me:secret@a,b/app?consistency=localQuorum&replicas=2", options: { replicas: 3 } }),
      ).toEqual({
        hosts: ["a", "b"],
        port: 9042,
        keyspace: "app",
        username: "me",
        password: "secret",
        localDataCenter: undefined,
        consistency: "localQuorum",
        replicas: 3,
        tls: false,
        connectTimeoutMs: 5_000,
        requestTimeoutMs: 30_000,
      });
    });

    it.each([
      ["cassandra://host", {}, "url"],
      ["cassandra://host/a-b", {}, "url"],
      ["cassandra://a:1,b:2/app", {}, "url"],
      ["cassandra://me:hunter2@host/app?nope=1", {}, "nope"],
      ["cassandra://host/app", { consistency: "one" }, "consistency"],
      ["cassandra://host/app", { replicas: 0 }, "replicas"],
      ["cassandra://host/app", { tls: "maybe" }, "tls"],
      ["cassandra://host/app", { localDataCenter: "" }, "localDataCenter"],
    ])("%s %j is invalid and names %s, no secret", async (url, options, field) => {
      const opening = cassandraDriver({ url, options, clock: systemClock, log: silentLog });
      await refuses(opening, "invalid", { detail: { field } });
      await opening.catch((error: Error) => expect(error.message).not.toContain("hunter2"));
    });
  });

  describe("errors", () => {
    it.each([
      [serverError(0x0100), "unauthenticated", "none"],
      [serverError(0x1000), "unavailable", "none"],
      [serverError(0x1001), "limited", "none"],
      [serverError(0x1002), "unavailable", "none"],
      [serverError(0x1100), "timeout", "unknown"],
      [serverError(0x1200), "timeout", "unknown"],
      [serverError(0x1300), "unavailable", "unknown"],
      [serverError(0x1300, "Operation failed - received 0 responses: INDEX_NOT_AVAILABLE from /127.0.0.1"), "unavailable", "none"],
      [serverError(0x1500), "unavailable", "unknown"],
      [serverError(0x1700), "timeout", "unknown"],
      [serverError(0x2100, "User app has no MODIFY permission"), "denied", "none"],
      [serverError(0x2200, "Keyspace 'app' doesn't exist"), "drift", "none"],
      [serverError(0x2200, "keyspace app does not exist"), "drift", "none"],
      [serverError(0x2200, "table note does not exist"), "drift", "none"],
      [serverError(0x2200, "Undefined column name text in table app.note"), "drift", "none"],
      [serverError(0x2200, "Key length of 70000 is longer than maximum of 65535"), "too-large", "none"],
      [serverError(0x2200, "something else"), "internal", "none"],
      [new errors.AuthenticationError("Provided username me and/or password are incorrect"), "unauthenticated", "none"],
      [new errors.OperationTimedOutError("The host did not reply before timeout"), "timeout", "unknown"],
      [new errors.BusyConnectionError("127.0.0.1:9042", 2048, 1), "limited", "none"],
      [new Error("No connection available"), "unavailable", "none"],
      [new errors.NoHostAvailableError({ a: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) }), "unavailable", "none"],
      [new errors.NoHostAvailableError({ a: new errors.AuthenticationError("wrong") }), "unauthenticated", "none"],
      [Object.assign(new Error("Socket was closed"), { isSocketError: true }), "unavailable", "unknown"],
      [Object.assign(new Error("Socket was closed"), { isSocketError: true, requestNotWritten: true }), "unavailable", "none"],
      [new TypeError("Not a valid text value"), "invalid", "none"],
    ])("%s is %s, outcome %s", (error, code, outcome) => expect(classifyCassandra(error)).toMatchObject({ code, outcome }));

    it("while it connects nothing has been sent", () => {
      expect(classifyCassandra(new errors.OperationTimedOutError("no reply"), "connect")).toMatchObject({
        code: "timeout",
        outcome: "none",
      });
    });

    it("what it does not know is left to the core", () => {
      expect(classifyCassandra(new Error("odd"))).toBeUndefined();
      expect(classifyCassandra("odd")).toBeUndefined();
    });

    it.each(["cassandra://127.0.0.1:1/app", "cassandra://no.such.host.invalid/app"])(
      "a server that is not there is unavailable: %s",
      async (url) => {
        const db = await openAny({ url, tables: { note: { id: { primary: 1 } } }, attempts: 1 });
        cleanups.push(() => db.close());
        await refuses(db.put("note", { id: "a" }), "unavailable", { outcome: "none" });
        await refuses(db.sync(), "unavailable", { outcome: "none" });
      },
    );
  });

  describe("values", () => {
    it.each([
      [
        { type: "decimal" },
        "decimal",
        "-0.000000000000000000000000000001",
        Cassandra.types.BigDecimal.fromString("-0.000000000000000000000000000001"),
      ],
      [{ type: "decimal" }, "decimal", "12.5", Cassandra.types.BigDecimal.fromString("12.500")],
      [{ type: "decimal" }, "decimal", "100", Cassandra.types.BigDecimal.fromString("100")],
      [{ type: "int" }, "bigint", -5, -5n],
      [{ type: "int" }, "bigint", 7, 7],
      [{ type: "date" }, "timestamp", -1, new Date(-1)],
      [{ type: "set", of: "int" }, "frozen<list<bigint>>", [1, 2], [1n, 2n]],
    ] as const)("of %j are %s: %j", (definition, type, stored, native) => {
      const column = columnWith(definition);
      expect(cqlType(column)).toBe(type);
      expect(fromCql(column)(native)).toEqual(stored);
      expect(fromCql(column)(null)).toBeNull();
    });

    it("an empty list is written as bytes, which the client would make null", () => {
      expect(toCql(columnWith({ type: "list" }))([])).toEqual(Buffer.from([0, 0, 0, 0]));
      expect(toCql(columnWith({ type: "list" }))(null)).toBeNull();
    });

    it("a whole number that JavaScript does not hold is drift", () => {
      expect(() => fromCql(columnWith({ type: "int" }))(2n ** 60n)).toThrow(/does not hold/);
    });

    it.each([
      [{ type: "int" }, "int", true],
      [{ type: "int" }, "bigint", true],
      [{ type: "int" }, "varint", "make it bigint"],
      [{ type: "int64" }, "int", "make it bigint"],
      [{ type: "real" }, "float", "a float keeps 7 digits; make it a double"],
      [{}, "ascii", true],
      [{}, "static text", "a static column belongs to a partition, not to a row; leave it out of the declaration"],
      [{ type: "list" }, "list<text>", "the server keeps no empty ones of that type; make it frozen<list<text>>"],
    ] as const)("%j is served by %s: %j", (definition, stored, served) =>
      expect(servesColumn(stored, columnWith(definition))).toBe(served),
    );
  });

  describe.skipIf(process.env[fixture.env] === undefined)("on its server", () => {
    async function open(
      tables: OpenOptions["tables"],
      more: Partial<OpenOptions> = {},
    ): Promise<{ db: AnyDb; again(own?: OpenOptions["tables"]): Promise<AnyDb>; cql: (text: string) => Promise<AnyRow[]> }> {
      const place = (await fixture.open())!;
      cleanups.push(place.clean);
      const openOne = async (own: OpenOptions["tables"]): Promise<AnyDb> => {
        const db = await openAny({ url: place.url, tables: own, ...more } as OpenOptions);
        cleanups.push(() => db.close());
        return db;
      };
      const db = await openOne(tables);
      const keyspace = /\/(\w+)(\?|$)/.exec(place.url)![1]!;
      return {
        db,
        again: (own = tables) => openOne(own),
        cql: (text) => native(db, text.replaceAll("KS", keyspace)) as Promise<AnyRow[]>,
      };
    }

    const lines = defineTables({
      line: {
        page: { primary: 1 },
        part: { primary: 2 },
        at: { type: "int", primary: 3 },
        kind: { index: 1 },
        rank: { type: "int", index: 2 },
        text: { index1: 1 },
      },
    });

    it("1,000 gets of one tick are at most 20 requests; a request asks each partition of its keys once", async () => {
      const { db } = await open(defineTables({ note: { id: { primary: 1 }, n: { type: "int" } }, ...lines }));
      await db.sync();
      const ids = Array.from({ length: 1000 }, (_, i) => `n${i}`);
      await db.bulk(ids.map((id, n) => ({ op: "put", table: "note", row: { id, n } })));
      const execute = vi.spyOn(Cassandra.Client.prototype, "execute");
      const rows = await Promise.all([...ids, "none"].map((id) => db.get("note", id)));
      expect(rows.map((row) => row?.["n"])).toEqual([...ids.keys(), undefined]);
      expect(execute.mock.calls.length).toBeLessThanOrEqual(20);
      execute.mockClear();
      const keys = Array.from({ length: 60 }, (_, at) => ({ page: "p", part: `q${at % 2}`, at }));
      await db.list("line", keys);
      // Four requests of 15 keys each.
      expect(execute).toHaveBeenCalledTimes(8);
    });

    it("puts of one partition are one batch, larger than the server's limit for several partitions", async () => {
      const { db } = await open(lines);
      await db.sync();
      const batch = vi.spyOn(Cassandra.Client.prototype, "batch");
      const rows = Array.from({ length: 100 }, (_, at) => ({ page: "p", part: "q", at, text: "x".repeat(2_000) }));
      await db.bulk(rows.map((row) => ({ op: "put", table: "line", row })));
      expect(batch).toHaveBeenCalledTimes(1);
      expect(await db.count("line", { page: "p" })).toBe(100);
      // Of adds of one group those fail whose rows are there.
      const results = await Promise.allSettled([1, 200, 201].map((at) => db.add("line", { page: "p", part: "q", at })));
      expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    });

    it("pages by key, by index and of the whole table give each row once, in every page size", async () => {
      const { db } = await open(lines);
      await db.sync();
      const rows = Array.from({ length: 60 }, (_, i) => ({
        page: `p${i % 5}`,
        part: `q${i % 3}`,
        at: i,
        kind: `k${i % 2}`,
        rank: i % 7,
        text: `t${i % 4}`,
      }));
      await db.bulk(rows.map((row) => ({ op: "put", table: "line", row })));
      const filters: [object, (row: (typeof rows)[number]) => boolean][] = [
        [{}, () => true],
        [{ page: "p1" }, ({ page }) => page === "p1"],
        [{ page: "p1", part: { $ge: "q1" } }, ({ page, part }) => page === "p1" && part >= "q1"],
        [
          { page: "p1", part: "q1", at: { $between: [10, 50] } },
          ({ page, part, at }) => page === "p1" && part === "q1" && at >= 10 && at <= 50,
        ],
        [{ kind: "k1" }, ({ kind }) => kind === "k1"],
        [{ kind: "k1", rank: { $gt: 2 } }, ({ kind, rank }) => kind === "k1" && rank > 2],
        [{ kind: "k0", rank: 3 }, ({ kind, rank }) => kind === "k0" && rank === 3],
        [{ kind: "k1", text: { $begins_with: "t1" } }, ({ kind, text }) => kind === "k1" && text === "t1"],
        [{ text: "t2", page: "p1" }, ({ text, page }) => text === "t2" && page === "p1"],
      ];
      for (const [filter, holds] of filters)
        for (const sort of Object.keys(filter).includes("page") ? [undefined, ["-part", "-at"], ["part", "at"]] : [undefined])
          for (const count of [1, 3, 7, 100]) {
            const pages = await walk(db, "line", filter, { count, ...(sort === undefined ? {} : { sort }) });
            const found = pages.flatMap(({ rows: own }) => own.map((row) => row["at"] as number));
            const wanted = rows.filter(holds).map(({ at }) => at);
            expect([filter, count, [...found].sort((a, b) => a - b)]).toEqual([filter, count, wanted]);
          }
    });

    it("an index that is declared later has the rows that were there, and shares its columns with others", async () => {
      const { db, again, cql } = await open(defineTables({ note: { id: { primary: 1 }, place: {}, rank: { type: "int" } } }));
      await db.sync();
      await db.bulk(
        Array.from({ length: 50 }, (_, i) => ({ op: "put", table: "note", row: { id: `n${i}`, place: `p${i % 5}`, rank: i } })),
      );
      const later = await again(
        defineTables({ note: { id: { primary: 1 }, place: { index: 1, index1: 1 }, rank: { type: "int", index: 2 } } }),
      );
      expect((await later.sync()).indexed).toEqual(["note.place_rank", "note.place"]);
      expect((await later.sync()).indexed).toEqual([]);
      expect((await later.select("note", { place: "p1", rank: { $ge: 20 } })).rows).toHaveLength(6);
      expect(await cql("SELECT index_name FROM system_schema.indexes WHERE keyspace_name = 'KS'")).toHaveLength(2);
    });

    it("ten processes may make the keyspace and its tables at once", async () => {
      const { db, again } = await open(lines);
      const others = await Promise.all(Array.from({ length: 9 }, () => again()));
      const results = await Promise.all([db, ...others].map((one) => one.sync()));
      for (const { drift } of results) expect(drift).toEqual([]);
      await db.put("line", { page: "p", part: "q", at: 1, kind: "k" });
      expect((await others[0]!.select("line", { kind: "k" })).rows).toHaveLength(1);
    });

    it("a table of others is read and, once it has the version, written", async () => {
      const { db, again, cql } = await open(
        defineTables({ note: { owner: { primary: 1 }, at: { type: "int", primary: 2 }, n: { type: "int" }, text: {} } }),
      );
      await (await again(defineTables({ first: { id: { primary: 1 } } }))).sync();
      await cql("CREATE TABLE KS.note (owner text, at int, n int, text ascii, extra text, PRIMARY KEY (owner, at))");
      await cql("INSERT INTO KS.note (owner, at, n, text, extra) VALUES ('a', 1, 5, 'x', 'kept')");
      await cql("INSERT INTO KS.note (owner, at) VALUES ('a', 2)");
      expect(await db.sync({ dryRun: true })).toMatchObject({ drift: [], altered: [] });
      expect((await db.select("note", { owner: "a" })).rows).toEqual([
        { owner: "a", at: 1, n: 5, text: "x" },
        { owner: "a", at: 2, n: null, text: null },
      ]);
      await refuses(db.put("note", { owner: "a", at: 3 }), "drift", { outcome: "none" });
      await cql('ALTER TABLE KS.note ADD "_version" uuid');
      await refuses(db.add("note", { owner: "a", at: 2 }), "already-exists");
      expect(await db.update("note", { owner: "a", at: 1, text: "y" }, { where: { n: 5 } })).toEqual({ affected: 1 });
      expect(await db.update("note", { owner: "a", at: 2, text: "z" }, { where: { n: null } })).toEqual({ affected: 1 });
      expect(await db.update("note", { owner: "a", at: 9, text: "z" }, { where: { n: null } })).toEqual({ affected: 0 });
      expect(await db.incr("note", { owner: "a", at: 1, n: 1 }, { returning: "new" })).toMatchObject({ row: { n: 6, text: "y" } });
      await refuses(db.put("note", { owner: "a", at: 3, n: 2 ** 40 }), "invalid", { outcome: "none" });
      expect(await cql("SELECT extra, n FROM KS.note WHERE owner = 'a' AND at = 1")).toEqual([{ extra: "kept", n: 6 }]);
      expect(await db.del("note", { owner: "a", at: 2 })).toEqual({ affected: 1 });
      expect(await db.count("note", { owner: "a" })).toBe(1);
    });

    it.each([
      ["(a text, b bigint, c text, PRIMARY KEY ((a, b)))", "key"],
      ["(a text, b bigint, c text, PRIMARY KEY (a, b)) WITH CLUSTERING ORDER BY (b DESC)", "key"],
      ["(a text, b bigint, c text static, PRIMARY KEY (a, b))", "static"],
      ["(a text, b bigint, c list<text>, PRIMARY KEY (a, b))", "does not serve"],
    ])("a table %s is drift", async (definition, words) => {
      const { db, again, cql } = await open(defineTables({ note: { a: { primary: 1 }, b: { type: "int", primary: 2 }, c: {} } }));
      await (await again(defineTables({ first: { id: { primary: 1 } } }))).sync();
      await cql(`CREATE TABLE KS.note ${definition}`);
      await refuses(db.sync(), "drift", { table: "note", outcome: "none", message: expect.stringContaining(words) as string });
    });

    it("a missing keyspace and a missing table are drift, and sync makes both", async () => {
      const { db, again } = await open(lines);
      await refuses(db.get("line", { page: "a", part: "b", at: 1 }), "drift", { outcome: "none" });
      await (await again(defineTables({ first: { id: { primary: 1 } } }))).sync();
      await refuses(db.put("line", { page: "a", part: "b", at: 1 }), "drift", { outcome: "none" });
      await db.sync();
      expect(await db.put("line", { page: "a", part: "b", at: 1 })).toEqual({ affected: 1 });
    });

    it("a row of 14 MiB is kept, one of 16 MiB is too-large and nothing is lost", { timeout: 60_000 }, async () => {
      const { db } = await open(defineTables({ note: { id: { primary: 1 }, text: {} } }));
      await db.sync();
      const text = "x".repeat(14 * 1024 * 1024);
      await db.put("note", { id: "a", text });
      await refuses(db.put("note", { id: "a", text: "x".repeat(16 * 1024 * 1024) }), "too-large", { outcome: "none" });
      expect(((await db.get("note", "a"))!["text"] as string).length).toBe(text.length);
    });

    it("values with the bounds of each kind come back", async () => {
      const { db } = await open(
        defineTables({
          sample: {
            id: { primary: 1 },
            big: { type: "int64" },
            n: { type: "int" },
            price: { type: "decimal", index: 1 },
            ratio: { type: "real", index1: 1 },
            at: { type: "date" },
            ok: { type: "bool", index2: 1 },
            reals: { type: "list", of: "real" },
          },
        }),
      );
      await db.sync();
      const rows = [
        {
          id: "a",
          big: -(2n ** 63n),
          n: Number.MIN_SAFE_INTEGER,
          price: "-9999999999999999999999999999999999",
          ratio: -Number.MAX_VALUE,
          at: new Date("0001-01-01T00:00:00.000Z"),
          ok: false,
          reals: [],
        },
        {
          id: "b",
          big: 2n ** 63n - 1n,
          n: Number.MAX_SAFE_INTEGER,
          price: "0.000000000000000000000000000001",
          ratio: Number.MIN_VALUE,
          at: new Date("9999-12-31T23:59:59.999Z"),
          ok: true,
          reals: [-0.5, 1e300],
        },
      ];
      for (const row of rows) await db.put("sample", row);
      for (const row of rows) {
        expect(await db.get("sample", row.id)).toEqual(row);
        for (const name of ["price", "ratio", "ok"] as const)
          expect((await db.select("sample", { [name]: row[name] })).rows).toEqual([row]);
        expect(
          await db.update("sample", { id: row.id, n: row.n }, { where: { price: row.price, ratio: row.ratio, at: row.at, big: row.big } }),
        ).toEqual({ affected: 1 });
      }
    });

    it("a write of which the replicas do not say whether it was made is looked up in its row", async () => {
      const { db } = await open(lines);
      await db.sync();
      const key = { page: "p", part: "q", at: 1 };
      await db.put("line", { ...key, rank: 1 });
      const isWrite = (cql: string): boolean => /^(INSERT|UPDATE|DELETE)/.test(cql);
      const execute = Cassandra.Client.prototype.execute;
      /** The next write is made, or not, and its answer is that nobody knows. */
      const leaveOpen = (isMade: boolean): void =>
        void vi.spyOn(Cassandra.Client.prototype, "execute").mockImplementation(async function (
          this: Cassandra.Client,
          ...args: unknown[]
        ) {
          const own = isWrite(String(args[0]));
          if (own) vi.restoreAllMocks();
          const result: unknown = own && !isMade ? undefined : await (execute as (...all: unknown[]) => Promise<unknown>).apply(this, args);
          if (own)
            throw serverError(
              0x1100,
              "Server timeout during write query at consistency SERIAL (0 peer(s) acknowledged the write over 1 required)",
            );
          return result;
        } as never);
      for (const write of [
        () => db.update("line", { ...key, rank: 2 }),
        () => db.incr("line", { ...key, rank: 1 }),
        () => db.put("line", { ...key, rank: 4 }),
      ]) {
        leaveOpen(true);
        expect(await write()).toEqual({ affected: 1 });
        leaveOpen(false);
        await refuses(write(), "timeout", { outcome: "unknown" });
      }
      leaveOpen(true);
      // A row that is gone tells nothing.
      await refuses(db.del("line", key), "timeout", { outcome: "unknown" });
      expect(await db.get("line", key)).toBeUndefined();
    });

    it("native commands give rows, and say that a refused one is invalid", async () => {
      const { db, cql } = await open(lines);
      await db.sync();
      await db.put("line", { page: "p", part: "q", at: 1, text: "x" });
      expect(await cql("SELECT page, text FROM KS.line")).toEqual([{ page: "p", text: "x" }]);
      await refuses(cql("SELEC"), "invalid", { outcome: "none" });
      await refuses(native(db, { text: 5 }), "invalid");
    });
  });
});
