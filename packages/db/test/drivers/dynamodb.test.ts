// What is DynamoDB's own: the behaviour suite has what it shares with all drivers.

import { silentLog, systemClock, testClock } from "@bk/core";
import { afterEach, describe, expect, it } from "vitest";
import type { Driver, Reply, Shape, Value, Values } from "../../src/driver.js";
import { pacer } from "../../src/drivers/dynamodb/capacity.js";
import { fixture } from "../../src/drivers/dynamodb/fixture.js";
import { dynamodbDriver } from "../../src/drivers/dynamodb/index.js";
import { plainNumber } from "../../src/drivers/dynamodb/attributes.js";
import { defineTables, openDb } from "../../src/index.js";
import { count, define, del, get, groupOf, orderOf, put, select, tableOf, test, update } from "../golden/shapes.js";
import { openProxy, type Proxy } from "./dynamodb-proxy.js";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function openDriver(url: string, options: Record<string, unknown> = {}): Promise<Driver> {
  const driver = await dynamodbDriver({ url, options, clock: systemClock, log: silentLog });
  cleanups.push(() => driver.close());
  return driver;
}

interface Opened {
  readonly url: string;
  readonly driver: Driver;
  readonly proxy: Proxy;
  run(shape: Shape, values?: Values): Promise<Reply>;
}

/** A database of its own on the test server. */
async function place(): Promise<{ readonly url: string }> {
  const { url, clean } = (await fixture.open())!;
  cleanups.push(clean);
  return { url };
}

/** A driver on a database of its own behind a proxy, with some tables of the shapes. */
async function open(names: readonly string[], options: Record<string, unknown> = {}): Promise<Opened> {
  const { url } = await place();
  const proxy = await openProxy(url);
  cleanups.push(() => proxy.close());
  const driver = await openDriver(proxy.url, options);
  const run = async (shape: Shape, values: Values = []): Promise<Reply> => driver.execute(driver.compile(shape), values);
  for (const name of names) await run(define(name, { kind: "table" }));
  proxy.take();
  return { url, driver, proxy, run };
}

const account = (id: string, email: string | null = null, logins: number | null = null): Values => [id, email, null, logins, 1];
const photo = (owner: string, taken: number, place: string | null = null, stars: number | null = null): Values => [
  owner,
  taken,
  null,
  null,
  place,
  stars,
  null,
];

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "none",
    (error: unknown) => (error as { code?: unknown }).code,
  );
}

describe("driver: dynamodb", () => {
  describe("options", () => {
    const refused: readonly (readonly [string, Record<string, unknown>, string])[] = [
      ["dynamodb://localhost:8000?colour=red", {}, "colour"],
      ["dynamodb://localhost:8000", { maxAttempts: 0 }, "maxAttempts"],
      ["dynamodb://localhost:8000?accessKeyId=a", {}, "secretAccessKey"],
      ["dynamodb://localhost:8000?secretAccessKey=hidden", {}, "accessKeyId"],
      ["dynamodb://me:hidden@localhost:8000", {}, "url"],
      ["dynamodb://localhost:8000/somewhere", {}, "url"],
      ["dynamodb://a:1,b:2", {}, "url"],
      ["dynamodb:eu-west-1?prefix=a%20b", {}, "prefix"],
      ["dynamodb:eu-west-1", { protocol: "ftp" }, "protocol"],
      ["dynamodb:eu-west-1", { factorCapacity: 2 }, "factorCapacity"],
    ];
    it.each(refused)("%s %j is invalid and names %s, no secret", async (url, options, field) => {
      const error = await openDriver(url, options).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "invalid", detail: { field } });
      expect(JSON.stringify(error)).not.toContain("hidden");
    });

    it("opens without sending anything", async () => {
      await openDriver("dynamodb://127.0.0.1:1?accessKeyId=a&secretAccessKey=b");
      await openDriver("dynamodb:eu-west-1");
    });

    it("a server that is not there is unavailable, and nothing was done", async () => {
      const driver = await openDriver("dynamodb://127.0.0.1:1?accessKeyId=a&secretAccessKey=b", { maxAttempts: 1 });
      const error: unknown = await Promise.resolve(driver.execute(driver.compile(get("account")), ["1"])).catch(
        (thrown: unknown) => thrown,
      );
      expect(driver.classify(error)).toMatchObject({ code: "unavailable", outcome: "none" });
    });
  });

  describe("errors", () => {
    const table: readonly (readonly [string, string, string, string | undefined])[] = [
      ["ProvisionedThroughputExceededException", "", "limited", "none"],
      ["ThrottlingException", "Rate exceeded", "limited", "none"],
      ["ResourceNotFoundException", "Cannot do operations on a non-existent table", "drift", "none"],
      ["ValidationException", "Item size has exceeded the maximum allowed size", "too-large", "none"],
      ["ValidationException", "Item size to update has exceeded the maximum allowed size", "too-large", "none"],
      [
        "ValidationException",
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
        "too-large",
        "none",
      ],
      ["ValidationException", "The table does not have the specified index: by.place", "drift", "none"],
      ["ValidationException", "The provided key element does not match the schema", "drift", "none"],
      ["ValidationException", "something else", "internal", "none"],
      ["UnrecognizedClientException", "The security token included in the request is invalid.", "unauthenticated", "none"],
      ["AccessDeniedException", "User is not authorized", "denied", "none"],
      ["InternalServerError", "", "unavailable", "unknown"],
      ["TimeoutError", "Connection timed out", "timeout", "unknown"],
      ["Error", "socket hang up", "unavailable", "unknown"],
    ];
    it.each(table)("%s: %s is %s, outcome %s", async (name, message, code, outcome) => {
      const driver = await openDriver("dynamodb:eu-west-1");
      const native = Object.assign(new Error(message), { name });
      expect(driver.classify(native)).toMatchObject({ code, outcome });
      expect(driver.classify(native)?.message).not.toContain("security token");
    });

    it("what it does not know is left to the core", async () => {
      const driver = await openDriver("dynamodb:eu-west-1");
      expect(driver.classify(new Error("who knows"))).toBeUndefined();
    });
  });

  it.each([
    ["1E+3", "1000"],
    ["-1.50E-2", "-0.015"],
    ["0.000", "0"],
    ["-0", "0"],
    ["00012.3400", "12.34"],
    ["1e-30", "0.000000000000000000000000000001"],
    ["9223372036854775807", "9223372036854775807"],
  ])("the number %s is %s in its shortest form", (text, plain) => expect(plainNumber(text)).toBe(plain));

  it("pacing waits until a debt of read units is filled up", async () => {
    const clock = testClock();
    const start = clock.now();
    const own = pacer(10, clock);
    await own.used(10);
    expect(clock.now()).toBe(start);
    const waiting = own.used(20);
    await clock.advance(1999);
    let ready = false;
    void waiting.then(() => (ready = true));
    await Promise.resolve();
    expect(ready).toBe(false);
    await clock.advance(1);
    await waiting;
  });

  it("reads of an index cannot be consistent, and the error says what can", async () => {
    const driver = await openDriver("dynamodb:eu-west-1");
    const index = tableOf("photo").indexes[0]!;
    const path = { index, columns: [...index.columns, ...tableOf("photo").key], equal: [0], range: undefined, descending: false };
    const shape = select("photo", { path, order: orderOf("photo", "stars", "owner", "taken"), limit: 1, consistent: true });
    expect(() => driver.compile(shape)).toThrow(/leave "consistent" out/);
  });
});

const isGiven = process.env[fixture.env] !== undefined;

describe.skipIf(!isGiven)(`driver: dynamodb${isGiven ? "" : ` (${fixture.env} is not set)`}`, () => {
  describe("requests", () => {
    it("1,000 gets of one tick are 10 requests", async () => {
      const { url } = await place();
      const proxy = await openProxy(url);
      cleanups.push(() => proxy.close());
      const db = await openDb({ url: proxy.url, tables: defineTables({ item: { id: { primary: 1 }, n: { type: "int" } } }) });
      cleanups.push(() => db.close());
      await db.sync();
      await Promise.all(Array.from({ length: 100 }, (_, i) => db.put("item", { id: `k${i}`, n: i })));
      proxy.take();
      const rows = await Promise.all(Array.from({ length: 1000 }, (_, i) => db.get("item", { id: `k${i}` })));
      expect(proxy.take()).toEqual(Array.from({ length: 10 }, () => "BatchGetItem"));
      expect(rows.map((row) => row?.n)).toEqual(Array.from({ length: 1000 }, (_, i) => (i < 100 ? i : undefined)));
    });

    it("what a group leaves undone is asked for again", async () => {
      const { driver, proxy, run } = await open(["photo"]);
      const rows = Array.from({ length: 25 }, (_, i) => photo("a", i, "x", i));
      let once = true;
      proxy.interfere((name, body) => {
        if (name !== "BatchWriteItem" || !once) return undefined;
        once = false;
        // The first answer: all is yet to be done.
        return { status: 200, body: { UnprocessedItems: body["RequestItems"] } };
      });
      const replies = await groupOf(driver, driver.compile(put("photo", "put")), rows);
      expect(replies.map((reply) => reply.affected)).toEqual(rows.map(() => 1));
      expect(proxy.take()).toEqual(["BatchWriteItem", "BatchWriteItem"]);
      once = true;
      proxy.interfere((name, body) => {
        if (name !== "BatchGetItem" || !once) return undefined;
        once = false;
        return { status: 200, body: { Responses: {}, UnprocessedKeys: body["RequestItems"] } };
      });
      const found = await groupOf(
        driver,
        driver.compile(get("photo", ["stars"])),
        rows.map((_, i) => ["a", 24 - i]),
      );
      expect(found.map((reply) => reply.rows)).toEqual(rows.map((_, i) => [[24 - i]]));
      expect((await run(count("photo"))).rows).toEqual([[25]]);
    });

    it("a throttled request is sent again, and limited when that does not help", async () => {
      const { driver, proxy, run } = await open(["photo"], { maxAttempts: 3 });
      const throttled = {
        status: 400,
        body: { __type: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", message: "" },
      };
      let left = 2;
      proxy.interfere((name) => (name === "PutItem" && left-- > 0 ? throttled : undefined));
      expect((await run(put("photo", "put"), photo("a", 1))).affected).toBe(1);
      expect(proxy.take()).toEqual(["PutItem", "PutItem", "PutItem"]);
      left = 9;
      const error: unknown = await run(put("photo", "put"), photo("a", 2)).catch((thrown: unknown) => thrown);
      expect(driver.classify(error)).toMatchObject({ code: "limited", outcome: "none" });
      expect(proxy.take()).toEqual(["PutItem", "PutItem", "PutItem"]);
    });

    it("a write whose answer is lost is not sent again: it may have been made", async () => {
      const { driver, proxy, run } = await open(["account"]);
      await run(put("account", "put"), account("1", null, 5));
      proxy.take();
      proxy.interfere((name) => (name === "UpdateItem" ? "lose" : undefined));
      const error: unknown = await run(update("account", [["logins", "incr", 1]]), ["1", 1]).catch((thrown: unknown) => thrown);
      expect(driver.classify(error)).toMatchObject({ code: "unavailable", outcome: "unknown" });
      expect(proxy.take()).toEqual(["UpdateItem"]);
      expect((await run(get("account", ["logins"]), ["1"])).rows).toEqual([[6]]);
    });
  });

  it("reads of many rows keep to the capacity that they may use", async () => {
    const { url } = await place();
    const waits: number[] = [];
    const clock = { ...systemClock, now: () => 0, sleep: async (ms: number) => void waits.push(ms) };
    const driver = await dynamodbDriver({ url, options: { useCapacity: 10, factorCapacity: 0.5 }, clock, log: silentLog });
    cleanups.push(() => driver.close());
    const run = (shape: Shape, values: Values = []) => driver.execute(driver.compile(shape), values);
    await run(define("note", { kind: "table" }));
    for (let i = 0; i < 8; i++) await run(put("note", "put"), [`${i}`, "x".repeat(80 * 1024), null]);
    waits.length = 0;
    // 640 KB are 80 units, of which one second's worth of 5 is there at once.
    expect((await run(count("note"))).rows).toEqual([[8]]);
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(14_000);
  });

  describe("values", () => {
    it("the extremes of each number type come back and compare as they are", async () => {
      const { run } = await open(["sample"]);
      const reals = [-Number.MAX_VALUE, -1, -5e-324, 0, 5e-324, 0.1 + 0.2, Number.MAX_VALUE];
      const bigs = [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n];
      const prices = [
        "-9999999999999999999999999999999999",
        "-0.000000000000000000000000000001",
        "0",
        "1234.567890123456789012345678901234",
        "1e30",
      ];
      for (const [i, ratio] of reals.entries()) {
        const price = prices[i] === "1e30" ? `1${"0".repeat(30)}` : (prices[i] ?? null);
        const row: Values = [i, bigs[i] ?? null, ratio, price, null, null, null];
        await run(put("sample", "put"), row);
        expect((await run(get("sample"), [i])).rows).toEqual([row]);
      }
      const above = async (column: string, value: Value): Promise<unknown[]> => {
        const found = await run(select("sample", { columns: ["number"], filter: test("sample", column, "gt", 0), limit: 1 }), [value, 99]);
        return found.rows.map(([number]) => number).sort();
      };
      expect(await above("ratio", 0)).toEqual([4, 5, 6]);
      expect(await above("ratio", -Number.MAX_VALUE)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(await above("big", -(2n ** 63n))).toEqual([1, 2, 3]);
      expect(await above("price", "1234.5678901234567890123456789")).toEqual([3, 4]);
    });

    it("a row over 400 KB is too-large", async () => {
      const { driver, run } = await open(["note"]);
      const error: unknown = await run(put("note", "put"), ["1", "x".repeat(410 * 1024), null]).catch((thrown: unknown) => thrown);
      expect(driver.classify(error)).toMatchObject({ code: "too-large", outcome: "none" });
    });

    it("an index takes values of any length in its first column, and says too-large for what cannot be sorted", async () => {
      const { driver, run } = await open(["photo"]);
      const long = "é".repeat(3000);
      await run(put("photo", "put"), photo("a", 1, long, 1));
      await run(put("photo", "put"), photo("a", 2, "", 1));
      const index = tableOf("photo").indexes[0]!;
      const path = { index, columns: [...index.columns, ...tableOf("photo").key], equal: [0], range: undefined, descending: false };
      const byPlace = select("photo", { columns: ["taken"], path, order: orderOf("photo", "stars", "owner", "taken"), limit: 1 });
      expect((await run(byPlace, [long, 9])).rows).toEqual([[1]]);
      expect((await run(byPlace, ["", 9])).rows).toEqual([[2]]);
      const error: unknown = await run(put("photo", "put"), photo("x".repeat(1020), 3, "p", 1)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "too-large" });
      expect(driver.classify(error)).toBeUndefined();
    });
  });

  describe("unique groups", () => {
    it("of many rows that want one value at once, exactly one gets it", async () => {
      const { run } = await open(["account"]);
      const codes = await Promise.all(
        Array.from({ length: 12 }, (_, i) => codeOf(run(put("account", "add"), account(`a${i}`, "one@x.y")))),
      );
      expect(codes.filter((code) => code === "none")).toHaveLength(1);
      expect(codes.filter((code) => code === "already-exists")).toHaveLength(11);
      expect((await run(count("account"))).rows).toEqual([[1]]);
    });

    it("a value is free again when its row gives it up, and not before", async () => {
      const { run } = await open(["account"]);
      await run(put("account", "put"), account("1", "a@x.y"));
      expect(await codeOf(run(put("account", "put"), account("2", "a@x.y")))).toBe("already-exists");
      await run(update("account", [["email", "set", 1]]), ["1", "b@x.y"]);
      expect(await codeOf(run(put("account", "put"), account("2", "a@x.y")))).toBe("none");
      expect(await codeOf(run(update("account", [["email", "set", 1]]), ["1", "a@x.y"]))).toBe("already-exists");
      expect((await run(get("account", ["email"]), ["1"])).rows).toEqual([["b@x.y"]]);
      await run(del("account"), ["2"]);
      expect((await run(update("account", [["email", "set", 1]]), ["1", "a@x.y"])).affected).toBe(1);
    });

    it("a value whose row was deleted or changed by another program is free", async () => {
      const { driver, run } = await open(["account"]);
      await run(put("account", "put"), account("1", "a@x.y"));
      await run(put("account", "put"), account("2", "b@x.y"));
      await driver.native!({ request: "DeleteItem", input: { TableName: "account", Key: { id: { S: "1" } } } });
      const input = { TableName: "account", Key: { id: { S: "2" } }, UpdateExpression: "REMOVE email" };
      await driver.native!({ request: "UpdateItem", input });
      const codes = await Promise.all(["3", "4", "5"].map((id) => codeOf(run(put("account", "add"), account(id, "a@x.y")))));
      expect(codes.toSorted()).toEqual(["already-exists", "already-exists", "none"]);
      expect(await codeOf(run(put("account", "put"), account("6", "b@x.y")))).toBe("none");
      expect(await codeOf(run(update("account", [["email", "set", 1]]), ["2", "b@x.y"]))).toBe("already-exists");
    });

    it("a guard that does not hold is told before a value that is taken", async () => {
      const { run } = await open(["account"]);
      await run(put("account", "put"), account("1", "a@x.y", 1));
      await run(put("account", "put"), account("2", "b@x.y", 1));
      const guarded = update("account", [["email", "set", 1]], { guard: test("account", "logins", "eq", 2) });
      expect((await run(guarded, ["2", "a@x.y", 7])).affected).toBe(0);
      expect(await codeOf(run(guarded, ["2", "a@x.y", 1]))).toBe("already-exists");
    });

    it("a row that has expired gives up its values, and does not take them from their new row", async () => {
      const { url } = await place();
      let now = 1_000_000;
      const clock = { ...systemClock, now: () => now };
      const tables = defineTables({ seat: { id: { primary: 1 }, place: { unique: 1 }, until: { type: "ttl" } } });
      const db = await openDb({ url, tables, clock });
      cleanups.push(() => db.close());
      await db.sync();
      await db.put("seat", { id: "a", place: "1A", until: 1_000_500 });
      await expect(db.put("seat", { id: "b", place: "1A" })).rejects.toMatchObject({ code: "already-exists", detail: { unique: "place" } });
      now = 1_000_500;
      await db.put("seat", { id: "b", place: "1A" });
      await db.put("seat", { id: "a", place: "2B" });
      await expect(db.put("seat", { id: "c", place: "1A" })).rejects.toMatchObject({ code: "already-exists" });
      await expect(db.put("seat", { id: "c", place: "2B" })).rejects.toMatchObject({ code: "already-exists" });
    });
  });

  describe("batch transactions", () => {
    it("take effect wholly or not at all, and hand unique values on", async () => {
      const { driver, run } = await open(["account"]);
      const table = tableOf("account");
      const [one, two] = [account("1", "a@x.y", 1), account("2", "b@x.y", 1)];
      await run(put("account", "put"), one);
      await run(put("account", "put"), two);
      const swap = [
        { table, key: ["1"], before: one, after: account("1", "b@x.y", 1) },
        { table, key: ["2"], before: two, after: account("2", "a@x.y", 1) },
      ];
      expect(await driver.commit!(swap)).toBe(true);
      expect(await driver.commit!(swap)).toBe(false);
      const taken = [
        { table, key: ["3"], before: undefined, after: account("3", "c@x.y") },
        { table, key: ["4"], before: undefined, after: account("4", "a@x.y") },
      ];
      expect(await codeOf(driver.commit!(taken))).toBe("already-exists");
      expect((await run(get("account"), ["3"])).rows).toEqual([]);
      expect(await driver.commit!([{ table, key: ["3"], before: undefined, after: undefined }])).toBe(true);
      expect(await driver.commit!([{ table, key: ["1"], before: undefined, after: undefined }])).toBe(false);
    });

    it("of more than 100 items are too large", async () => {
      const { driver } = await open(["account"]);
      const table = tableOf("account");
      const changes = Array.from({ length: 51 }, (_, i) => ({
        table,
        key: [`${i}`],
        before: undefined,
        after: account(`${i}`, `${i}@x.y`),
      }));
      expect(await codeOf(driver.commit!(changes))).toBe("too-large");
    });
  });

  describe("indexes", () => {
    const three = defineTables({
      spot: { id: { primary: 1 }, a: { index: 1 }, b: { type: "int", index: 2 }, c: { type: "int", index: 3 }, hits: { type: "int" } },
    });

    it("stay true to their rows when many change different columns of one at once", async () => {
      const { url } = await place();
      const db = await openDb({ url, tables: three });
      cleanups.push(() => db.close());
      await db.sync();
      await db.put("spot", { id: "1", a: "x", b: 0, c: 0, hits: 0 });
      await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          Promise.all([
            db.incr("spot", { id: "1", b: 1 }),
            db.incr("spot", { id: "1", c: 1 }),
            db.incr("spot", { id: "1", hits: 1 }),
            db.update("spot", { id: "1", a: `x${i}` }),
          ]),
        ),
      );
      const row = await db.get("spot", { id: "1" });
      expect(row).toMatchObject({ b: 8, c: 8, hits: 8 });
      const found = await db.select("spot", { a: row!.a!, b: 8, c: { $ge: 8 } });
      expect(found.rows).toEqual([row]);
    });

    it("that are declared later have the rows that were there", async () => {
      const { url } = await place();
      const before = await openDb({ url, tables: defineTables({ spot: { id: { primary: 1 }, a: {}, b: { type: "int" }, code: {} } }) });
      cleanups.push(() => before.close());
      await before.sync();
      for (let i = 0; i < 30; i++) await before.put("spot", { id: `${i}`, a: i % 2 === 0 ? "even" : "odd", b: 100 - i, code: `c${i}` });
      const tables = defineTables({
        spot: { id: { primary: 1 }, a: { index: 1, index1: 1 }, b: { type: "int", index: 2 }, code: { unique: 1 } },
      });
      const dbs = await Promise.all([1, 2, 3].map(() => openDb({ url, tables })));
      for (const db of dbs) cleanups.push(() => db.close());
      await Promise.all(dbs.map((db) => db.sync()));
      const [db] = dbs;
      expect(await db!.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
      const { rows } = await db!.select("spot", { a: "even", b: { $lt: 80 } }, { count: 3 });
      expect(rows.map((row) => row.id)).toEqual(["28", "26", "24"]);
      await expect(db!.add("spot", { id: "new", code: "c7" })).rejects.toMatchObject({
        code: "already-exists",
        detail: { unique: "code" },
      });
    });

    it("that are to be unique and cannot be are drift", async () => {
      const { url } = await place();
      const before = await openDb({ url, tables: defineTables({ spot: { id: { primary: 1 }, code: {} } }) });
      cleanups.push(() => before.close());
      await before.sync();
      await before.put("spot", { id: "1", code: "same" });
      await before.put("spot", { id: "2", code: "same" });
      const after = await openDb({ url, tables: defineTables({ spot: { id: { primary: 1 }, code: { unique: 1 } } }) });
      cleanups.push(() => after.close());
      await expect(after.sync()).rejects.toMatchObject({ code: "drift", detail: { unique: "code" } });
    });
  });

  describe("tables", () => {
    it("ten processes may make them at once", async () => {
      const { url } = await place();
      const tables = defineTables({
        one: { id: { primary: 1 }, code: { unique: 1 }, until: { type: "ttl" } },
        two: { id: { primary: 1 }, place: { index: 1 } },
      });
      const dbs = await Promise.all(Array.from({ length: 10 }, () => openDb({ url, tables })));
      for (const db of dbs) cleanups.push(() => db.close());
      await Promise.all(dbs.map((db) => db.sync()));
      expect(await dbs[0]!.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
      await dbs[0]!.put("one", { id: "1", code: "c", until: 5_000_000_000_001 });
      const driver = await openDriver(url);
      const { Item } = (await driver.native!({ request: "GetItem", input: { TableName: "one", Key: { id: { S: "1" } } } })) as {
        Item: Record<string, unknown>;
      };
      expect(Item["_ttl"]).toEqual({ N: "5000000001" });
    });

    it("another key, or another type of it, is drift", async () => {
      const { url } = await place();
      const openWith = async (columns: Parameters<typeof defineTables>[0][string]) => {
        const db = await openDb({ url, tables: defineTables({ thing: columns }) });
        cleanups.push(() => db.close());
        return db;
      };
      await (await openWith({ a: { primary: 1 }, b: { primary: 2 }, c: { primary: 3 } })).sync();
      for (const columns of [
        { a: { primary: 1 }, b: { primary: 2 } },
        { a: { primary: 1 }, c: { primary: 2 }, b: { primary: 3 } },
        { a: { primary: 1, type: "int" }, b: { primary: 2 }, c: { primary: 3 } },
      ] as const)
        await expect((await openWith(columns)).sync()).rejects.toMatchObject({ code: "drift" });
    });

    it("are told apart by the prefix", async () => {
      const { url } = await place();
      const tables = defineTables({ a: { id: { primary: 1 }, n: { type: "int" } } });
      const dbs = await Promise.all(["", "p-", "q-"].map((prefix) => openDb({ url: `${url}&prefix=${prefix}`, tables })));
      for (const db of dbs) cleanups.push(() => db.close());
      for (const [i, db] of dbs.entries()) {
        await db.sync();
        await db.put("a", { id: "1", n: i });
      }
      expect(await Promise.all(dbs.map((db) => db.get("a", { id: "1" })))).toEqual([0, 1, 2].map((n) => ({ id: "1", n })));
    });

    it("that are missing are drift, and the error says which and what to do", async () => {
      const { run } = await open([]);
      const missing = { code: "drift", outcome: "none", message: "table account does not exist in the store; call sync() first" };
      await expect(run(get("account"), ["1"])).rejects.toMatchObject(missing);
      await expect(run(put("account", "put"), account("1"))).rejects.toMatchObject(missing);
    });
  });

  describe("range keys of several columns", () => {
    const tables = defineTables({
      log: { host: { primary: 1 }, day: { type: "int", primary: 2 }, name: { primary: 3 }, n: { type: "int" } },
    });
    it("come in order, by prefix and by bounds, both ways and in pages", async () => {
      const { url } = await place();
      const db = await openDb({ url, tables });
      cleanups.push(() => db.close());
      await db.sync();
      const days = [-10, -9, 0, 5, 6, 10, 50];
      const names = ["a", "a\u0001", "ab", "b", "\uffff", "\u{10000}"];
      const all = days.flatMap((day) => names.map((name) => ({ day, name })));
      for (const [n, row] of all.toReversed().entries()) await db.put("log", { host: "h", ...row, n });
      const read = async (filter: object, options: object = {}): Promise<unknown[]> => {
        const found: unknown[] = [];
        for (let start: string | undefined, pages = 0; pages < 99; pages++) {
          const page = await db.select(
            "log",
            { host: "h", ...filter },
            { count: 4, ...options, ...(start === undefined ? {} : { start }) },
          );
          found.push(...page.rows.map(({ day, name }) => ({ day, name })));
          start = page.next;
          if (start === undefined) break;
        }
        return found;
      };
      expect(await read({})).toEqual(all);
      expect(await read({}, { sort: ["-day", "-name"] })).toEqual(all.toReversed());
      expect(await read({ day: 5 })).toEqual(all.filter(({ day }) => day === 5));
      for (const [op, holds] of [
        ["$gt", (day: number) => day > 5],
        ["$ge", (day: number) => day >= 5],
        ["$lt", (day: number) => day < 5],
        ["$le", (day: number) => day <= 5],
      ] as const)
        expect(await read({ day: { [op]: 5 } })).toEqual(all.filter(({ day }) => holds(day)));
      expect(await read({ day: { $between: [-9, 5] } })).toEqual(all.filter(({ day }) => day >= -9 && day <= 5));
      expect(await read({ day: { $between: [5, -9] } })).toEqual([]);
      expect(await read({ day: 6, name: { $begins_with: "a" } })).toEqual(["a", "a\u0001", "ab"].map((name) => ({ day: 6, name })));
      expect(await read({ day: 6, name: { $gt: "b" } })).toEqual(["\uffff", "\u{10000}"].map((name) => ({ day: 6, name })));
      expect(await read({ day: 6, name: { $in: ["b", "a"] } })).toEqual(["a", "b"].map((name) => ({ day: 6, name })));
      expect((await db.get("log", { host: "h", day: 10, name: "\uffff" }))?.n).toBeTypeOf("number");
    });
  });

  it("lists of more members than an expression takes are one condition", async () => {
    const { run } = await open(["photo"]);
    for (let i = 0; i < 20; i++) await run(put("photo", "put"), photo("a", i, i % 2 === 0 ? `p${i}` : null, i));
    const members = Array.from({ length: 1500 }, (_, i) => `p${i + 10}`);
    const slots = members.map((_, i) => i);
    const of = (op: "in" | "not_in"): Promise<Reply> => run(count("photo", { filter: test("photo", "place", op, ...slots) }), members);
    expect((await of("in")).rows).toEqual([[5]]);
    expect((await of("not_in")).rows).toEqual([[5]]);
    const found = await run(select("photo", { columns: ["taken"], filter: test("photo", "place", "in", ...slots), limit: 1500 }), [
      ...members,
      2,
    ]);
    expect(found.rows).toHaveLength(2);
  });

  it("a guard of more members than an expression takes is tested on the row that is read, and written if it is the same", async () => {
    const { run, proxy } = await open(["photo"]);
    await run(put("photo", "put"), photo("a", 1, "p1", 1));
    const slots = Array.from({ length: 900 }, (_, i) => i + 2);
    const guarded = (op: "in" | "not_in"): Promise<Reply> =>
      run(del("photo", { guard: test("photo", "place", op, ...slots) }), ["a", 1, ...slots.map((i) => `p${i - 1}`)]);
    expect((await guarded("not_in")).affected).toBe(0);
    expect((await run(get("photo", ["stars"]), ["a", 1])).rows).toEqual([[1]]);
    let isFirst = true;
    proxy.interfere((name) => {
      if (name !== "TransactWriteItems" || !isFirst) return undefined;
      isFirst = false;
      // The row is another one when the answer comes back.
      return { status: 400, body: { __type: "TransactionCanceledException", CancellationReasons: [{ Code: "ConditionalCheckFailed" }] } };
    });
    expect((await guarded("in")).affected).toBe(1);
    expect((await run(get("photo", ["stars"]), ["a", 1])).rows).toEqual([]);
  });

  it("attributes of other programs stay when a row is changed", async () => {
    const { driver, run } = await open(["account"]);
    await run(put("account", "put"), account("1", "a@x.y", 1));
    const input = {
      TableName: "account",
      Key: { id: { S: "1" } },
      UpdateExpression: "SET theirs = :v",
      ExpressionAttributeValues: { ":v": { S: "kept" } },
    };
    await driver.native!({ request: "UpdateItem", input });
    await run(update("account", [["logins", "incr", 1]]), ["1", 1]);
    await run(update("account", [["email", "set", 1]]), ["1", "b@x.y"]);
    const { Item } = (await driver.native!({ request: "GetItem", input: { TableName: "account", Key: { id: { S: "1" } } } })) as {
      Item: unknown;
    };
    expect(Item).toMatchObject({ theirs: { S: "kept" }, logins: { N: "2" }, email: { S: "b@x.y" } });
  });
});
