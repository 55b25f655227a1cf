import * as mongo from "mongodb";
import { silentLog, systemClock } from "@bk/core";
import { defineTables, openDb, table } from "@bk/db";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { Driver } from "../../src/driver.js";
import { classifyMongo } from "../../src/drivers/mongodb/errors.js";
import { fixture, setFixture } from "../../src/drivers/mongodb/fixture.js";
import { mongodbDriver } from "../../src/drivers/mongodb/index.js";
import { mongoOptions } from "../../src/drivers/mongodb/options.js";
import { likePattern } from "../../src/drivers/mongodb/patterns.js";
import { plainDecimal } from "../../src/drivers/mongodb/values.js";
import { isWanted } from "../fixtures.js";

const openDriver = (url: string, options: Readonly<Record<string, unknown>> = {}): Promise<Driver> =>
  mongodbDriver({ url, options, clock: systemClock, log: silentLog }) as Promise<Driver>;

describe("the MongoDB driver without a server", () => {
  it("reads hosts, user, database and settings from the URL, which the options overrule", () => {
    const url = "mongodb://ann:p%40ss@a:1,b:2/app?replicaSet=rs&max=5";
    expect(mongoOptions({ url, options: { max: 7 } })).toMatchObject({
      hosts: [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
      ],
      user: "ann",
      password: "p@ss",
      database: "app",
      replicaSet: "rs",
      max: 7,
    });
    expect(mongoOptions({ url: "mongodb:", options: {} })).toMatchObject({ hosts: [{ host: "localhost", port: 27017 }], database: "test" });
    expect(mongoOptions({ url: "mongodb+srv://cluster.example.com/app", options: {} })).toMatchObject({ isSrv: true });
  });

  it.each([
    ["mongodb://a/app?colour=red", {}, "colour"],
    ["mongodb://a/app", { max: 0 }, "max"],
    ["mongodb://a/app?directConnection=perhaps", {}, "directConnection"],
    ["mongodb://a,b/app?directConnection=true", {}, "directConnection"],
    ["mongodb+srv://a,b/app", {}, "url"],
    ["mongodb+srv://a:27017/app", {}, "url"],
    ["mongodb://a/an.app", {}, "url"],
  ])("%s with %o is invalid, and names %s", (url, options, field) => {
    const read = (): unknown => mongoOptions({ url, options });
    expect(read).toThrow(expect.objectContaining({ code: "invalid", detail: { field } }) as Error);
  });

  it.each([
    ["1.20E+3", "1200"],
    ["-1.5E-3", "-0.0015"],
    ["1.23E+1", "12.3"],
    ["0E-10", "0.0000000000"],
    ["12.34", "12.34"],
  ])("the decimal %s is %s", (text, plain) => expect(plainDecimal(text)).toBe(plain));

  it.each([
    ["a%", ["a", "ab", "a\n"], ["", "ba"]],
    ["%a", ["a", "ba", "\na"], ["", "ab", "a\n"]],
    ["%a%b%", ["ab", "xaxbx"], ["ba", "b", "a"]],
    ["ab%b", ["abb", "abxb"], ["ab", "b"]],
    ["_.%", ["x.", "x.y"], [".", "xy"]],
    ["\\%\\_\\\\", ["%_\\"], ["x_\\", "%x\\"]],
    ["%", ["", "x"], []],
    ["", [""], ["x"]],
  ])("like %s", (pattern, some, others) => {
    // JavaScript has neither atomic groups nor \z; without going back the first place found is as good.
    const expression = new RegExp(likePattern(pattern).replaceAll("(?>", "(?:").replaceAll("\\z", "$"), "su");
    expect([...some, ...others].filter((text) => expression.test(text))).toEqual(some);
  });

  const serverError = (code: number, message = "no", labels: readonly string[] = []): Error => {
    const error = new mongo.MongoServerError({ message, code });
    for (const label of labels) error.addErrorLabel(label);
    return error;
  };
  const system = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

  it.each<[string, unknown, string | undefined, string | undefined]>([
    ["another row's unique value", serverError(11000, "E11000 duplicate key error"), "already-exists", "none"],
    ["a wrong password", serverError(18), "unauthenticated", "none"],
    ["a forbidden command", serverError(13), "denied", "none"],
    ["a missing collection", serverError(26), "drift", "none"],
    ["a long command", serverError(50), "timeout", "none"],
    ["a large document", serverError(10334), "too-large", "none"],
    [
      "a large document of the client",
      new mongo.MongoInvalidArgumentError("Document is larger than the maximum size 16777216"),
      "too-large",
      "none",
    ],
    ["a conflict", serverError(112), "limited", "none"],
    ["a conflict in a transaction", serverError(9001, "no", ["TransientTransactionError"]), "limited", "none"],
    ["a commit without answer", serverError(50, "no", ["UnknownTransactionCommitResult"]), "unavailable", "unknown"],
    ["a secondary", serverError(10107), "unavailable", "none"],
    ["a server that stops", serverError(91), "unavailable", "unknown"],
    ["a validator", serverError(121), "invalid", "none"],
    ["a server that does not listen", system("ECONNREFUSED"), "unavailable", "none"],
    ["an unknown host", system("ENOTFOUND"), "unavailable", "none"],
    ["a connection that breaks", system("ECONNRESET"), "unavailable", "unknown"],
    ["a connection that ends", new mongo.MongoNetworkError("connection 3 to a:1 closed"), "unavailable", "unknown"],
    ["one that is not made", new mongo.MongoNetworkError("no", { cause: system("ECONNREFUSED") }), "unavailable", "none"],
    ["one that is not made in time", new mongo.MongoNetworkTimeoutError("no", { beforeHandshake: true }), "timeout", "none"],
    ["no answer in time", new mongo.MongoNetworkTimeoutError("no"), "timeout", "unknown"],
    ["a closed client", new mongo.MongoClientClosedError(), "closed", "none"],
    ["what it does not know", new Error("who knows"), undefined, undefined],
    ["a code that it does not know", serverError(424242), undefined, undefined],
    ["no error at all", "text", undefined, undefined],
  ])("%s is classified", (_what, error, code, outcome) => {
    const found = classifyMongo(error);
    expect([found?.code, found?.outcome]).toEqual([code, outcome]);
  });

  it("whatever fails while it connects has done nothing", () => {
    expect(classifyMongo(new mongo.MongoNetworkError("closed"), "connect")).toMatchObject({ code: "unavailable", outcome: "none" });
  });

  it("a host that is not there, and one that does not listen, are unavailable at once", async () => {
    const tables = defineTables({ account: { id: { primary: 1 } } });
    for (const url of ["mongodb://no-such-host.invalid/app", "mongodb://127.0.0.1:1/app"]) {
      await using db = await openDb({ url, tables, attempts: 1 });
      await expect(db.get("account", "a")).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
    }
  });

  it("tells tracers where it is, without user and password", async () => {
    const driver = await openDriver("mongodb://ann:secret@a:1/app");
    expect(driver.endpoint).toEqual({ system: "mongodb", namespace: "app", address: "a", port: 1 });
    await driver.close();
  });

  it("settings of columns and tables are checked", async () => {
    const open = (more: Readonly<Record<string, unknown>>): Promise<unknown> =>
      openDb({ url: "mongodb://127.0.0.1:1/app", tables: { account: { id: { primary: 1, drivers: { mongodb: more } } } } });
    await expect(open({ type: "colour" })).rejects.toMatchObject({ code: "invalid", detail: { field: "type" } });
    await expect(open({ colour: "red" })).rejects.toMatchObject({ code: "invalid", detail: { field: "colour" } });
  });
});

const tables = defineTables({
  account: { id: { primary: 1 }, email: { unique: 1 }, logins: { type: "counter" }, ends: { type: "ttl" } },
  photo: {
    owner: { primary: 1 },
    taken: { type: "int", primary: 2 },
    place: { index: 1 },
    stars: { type: "int", index: 2 },
    price: { type: "decimal" },
    big: { type: "int64" },
    ratio: { type: "real" },
    day: { type: "date" },
    tags: { type: "list" },
    meta: { type: "json" },
    bytes: { type: "blob" },
    on: { type: "bool" },
  },
  pair: { id: { primary: 1 }, a: { unique: 1 }, b: { type: "int", unique: 2 } },
});

describe.skipIf(!isWanted(fixture))("driver: mongodb", () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const clean of cleanups.splice(0).reverse()) await clean();
  });

  async function openBoth() {
    const { url, clean } = (await fixture.open())!;
    const db = await openDb({ url, tables });
    const client = new mongo.MongoClient(url, { useBigInt64: true });
    cleanups.push(
      clean,
      () => client.close(),
      () => db.close(),
    );
    return { db, raw: client.db(new URL(url).pathname.slice(1)), url };
  }

  /** The commands that are sent while `work` runs. */
  async function commandsOf(work: () => Promise<unknown>): Promise<string[]> {
    const command = vi.spyOn(mongo.Db.prototype, "command");
    try {
      await work();
      return command.mock.calls.map(([sent]) => Object.keys(sent)[0]!);
    } finally {
      command.mockRestore();
    }
  }

  it("rows are documents that other clients read: the key is _id, values have the types of BSON", async () => {
    const { db, raw } = await openBoth();
    await db.sync();
    const day = new Date("2024-02-29T12:00:00Z");
    await db.put("photo", {
      owner: "ann",
      taken: 5,
      place: "Rome",
      stars: 5_000_000_000,
      price: "12.50",
      big: 2n ** 62n,
      ratio: 2,
      day,
      tags: ["a", "b"],
      meta: { x: 1 },
      bytes: new Uint8Array([1, 2]),
      on: true,
    });
    await db.put("account", { id: "a", ends: Date.UTC(2500, 0) });
    const types = await raw.collection("photo").findOne({}, { promoteValues: false, useBigInt64: false });
    expect(types!["_id"]).toEqual({ owner: "ann", taken: new mongo.Int32(5) });
    expect(Object.entries(types!).map(([name, value]) => [name, (value as { _bsontype?: string })._bsontype ?? typeof value])).toEqual([
      ["_id", "object"],
      ["place", "string"],
      ["stars", "Long"],
      ["price", "Decimal128"],
      ["big", "Long"],
      ["ratio", "Double"],
      ["day", "object"],
      ["tags", "object"],
      ["meta", "string"],
      ["bytes", "Binary"],
      ["on", "boolean"],
    ]);
    expect(String(types!["price"])).toBe("12.5");
    expect(types!["day"]).toEqual(day);
    expect(await raw.collection<{ _id: string }>("account").findOne({ _id: "a" })).toEqual({
      _id: "a",
      logins: 0,
      ends: new Date(Date.UTC(2500, 0)),
    });
  });

  it("has no index for a key but that of _id, and makes the others as they are declared", async () => {
    const { db, raw } = await openBoth();
    await db.sync();
    const indexes = async (name: string) =>
      (await raw.collection(name).indexes()).map(({ name: index, key, unique, expireAfterSeconds, partialFilterExpression }) => ({
        index,
        key,
        unique,
        expireAfterSeconds,
        partialFilterExpression,
      }));
    expect(await indexes("photo")).toMatchObject([{ index: "_id_" }, { index: "index(place,stars)", key: { place: 1, stars: 1, _id: 1 } }]);
    expect(await indexes("account")).toMatchObject([
      { index: "_id_" },
      { index: "expiry(ends)", key: { ends: 1 }, expireAfterSeconds: 0 },
      { index: "unique(email)", key: { email: 1 }, unique: true, partialFilterExpression: { email: { $exists: true } } },
    ]);
    expect(await indexes("pair")).toMatchObject([
      { index: "_id_" },
      { partialFilterExpression: { a: { $exists: true }, b: { $exists: true } } },
    ]);
  });

  it("unique groups of several columns compare whole ones alone", async () => {
    const { db } = await openBoth();
    await db.sync();
    for (const id of ["1", "2"]) await db.put("pair", { id, a: "x" });
    await db.put("pair", { id: "3", a: "x", b: 1 });
    await expect(db.put("pair", { id: "4", a: "x", b: 1 })).rejects.toMatchObject({ code: "already-exists", detail: { unique: "a_b" } });
    await expect(db.update("pair", { id: "1", b: 1 })).rejects.toMatchObject({ code: "already-exists", column: "a" });
    const results = await db.bulk([
      { op: "put", table: "pair", row: { id: "5", a: "y", b: 1 } },
      { op: "put", table: "pair", row: { id: "6", a: "x", b: 1 } },
    ]);
    expect(results).toMatchObject([{ affected: 1 }, { error: { code: "already-exists" } }]);
  });

  it("gets of one tick are few requests, puts of many rows too, and changes one command each", async () => {
    const { db } = await openBoth();
    await db.sync();
    await db.get("photo", { owner: "a", taken: 0 });
    const rows = Array.from({ length: 10_000 }, (_, i) => ({
      op: "put" as const,
      table: "photo" as const,
      row: { owner: `o${i % 7}`, taken: i },
    }));
    const puts = await commandsOf(() => db.bulk(rows));
    expect(new Set(puts)).toEqual(new Set(["update"]));
    expect(puts.length).toBeLessThanOrEqual(12);
    const gets = await commandsOf(() =>
      Promise.all(Array.from({ length: 1_000 }, (_, i) => db.get("photo", { owner: `o${i % 7}`, taken: i }))),
    );
    expect(new Set(gets)).toEqual(new Set(["find"]));
    expect(gets.length).toBeLessThanOrEqual(20);
    const key = { owner: "o1", taken: 1 };
    expect(await commandsOf(() => db.update("photo", { ...key, stars: 1 }, { where: { place: null } }))).toEqual(["update"]);
    expect(await commandsOf(() => db.incr("photo", { ...key, stars: 1 }, { returning: "new" }))).toEqual(["findAndModify"]);
    expect(await commandsOf(() => db.update("photo", { owner: "new", taken: 1, stars: 1 }, { upsert: true }))).toEqual(["update"]);
    expect(await commandsOf(() => db.updateAll("photo", { owner: "o1" }, { stars: 3 }))).toEqual(["update"]);
    expect(await commandsOf(() => db.del("photo", key))).toEqual(["delete"]);
    expect(await commandsOf(() => db.add("photo", key))).toEqual(["insert"]);
    expect(await commandsOf(() => db.select("photo", { owner: "o1" }, { count: 10 }))).toEqual(["find"]);
  });

  it("a row that takes more than 16 MB is too large, alone and among others, and nothing else is lost", async () => {
    const { db } = await openBoth();
    await db.sync();
    const text = "x".repeat(16 * 1024 * 1024 - 100);
    await expect(db.put("photo", { owner: "a", taken: 1, place: text, meta: text })).rejects.toMatchObject({
      code: "too-large",
      outcome: "none",
    });
    // Its values alone would have room, its names and numbers do not.
    const nearly = { owner: "a", taken: 2, place: `${text}${"y".repeat(90)}` };
    await expect(db.put("photo", nearly)).rejects.toMatchObject({ code: "too-large", outcome: "none" });
    const results = await db.bulk([
      { op: "put", table: "photo", row: { owner: "a", taken: 3 } },
      { op: "put", table: "photo", row: nearly },
      { op: "put", table: "photo", row: { owner: "a", taken: 4 } },
    ]);
    expect(results).toMatchObject([{ affected: 1 }, { error: { code: "too-large" } }, { affected: 1 }]);
    expect((await db.select("photo", { owner: "a" })).rows.map(({ taken }) => taken)).toEqual([3, 4]);
  });

  it("many large rows come in several replies", async () => {
    const { db } = await openBoth();
    await db.sync();
    const place = "x".repeat(3_000_000);
    for (let taken = 0; taken < 8; taken++) await db.put("photo", { owner: "a", taken, place });
    expect((await db.select("photo", { owner: "a" }, { count: 8, select: ["place"] })).rows).toHaveLength(8);
    expect(
      await db.list(
        "photo",
        Array.from({ length: 8 }, (_, taken) => ({ owner: "a", taken })),
      ),
    ).toHaveLength(8);
  });

  it("user and password that the server refuses are unauthenticated, whenever it is asked", async () => {
    const { url } = await openBoth();
    await using db = await openDb({ url: url.replace("mongodb://", "mongodb://ann:wrong@"), tables, attempts: 1 });
    for (let i = 0; i < 2; i++) {
      const error: unknown = await db.get("account", "a").catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "unauthenticated", outcome: "none" });
      expect(String(error)).not.toContain("wrong");
    }
  });

  it("a collection that others have made is read, and drift names what does not fit", async () => {
    const { raw, url } = await openBoth();
    const id = new mongo.ObjectId();
    await raw.collection("song").insertMany([
      {
        _id: id,
        title: "One",
        plays: 5,
        price: new mongo.Decimal128("1.50"),
        tags: ["a"],
        label: { name: "x", at: new Date(0) },
        day: new Date(5),
        rating: 4.5,
      },
      { title: "Two", plays: 2n ** 40n, day: new Date(6), note: null },
      { title: 3, plays: "many" },
    ] as mongo.Document[]);
    const columns = {
      plays: { type: "int" },
      price: { type: "decimal" },
      tags: { type: "list" },
      label: { type: "json" },
      day: { type: "date" },
      note: {},
      rating: { type: "real" },
    } as const;
    const open = (song: object) => openDb({ url, tables: { song: { id: { primary: 1 }, title: {}, ...columns, ...song } } });

    await using wrong = await open({});
    const { drift } = await wrong.sync({ dryRun: true });
    expect(drift.map(({ column }) => column)).toEqual(["id", "title", "plays"]);
    expect(drift[0]!.message).toContain('drivers: { mongodb: { type: "objectId" } }');
    expect(drift[2]!.message).toContain("BSON int or long or string");
    await expect(wrong.sync()).rejects.toMatchObject({ code: "drift" });

    await raw.collection("song").deleteOne({ title: 3 });
    await using db = await open({ id: { primary: 1, drivers: { mongodb: { type: "objectId" } } }, title: { index: 1 } });
    expect(await db.sync()).toMatchObject({ created: [], indexed: ["song.title"], drift: [] });
    expect(await db.sync()).toMatchObject({ created: [], altered: [], indexed: [], drift: [] });
    expect(await db.get("song", id.toHexString())).toEqual({
      id: id.toHexString(),
      title: "One",
      plays: 5,
      price: "1.5",
      tags: ["a"],
      day: new Date(5),
      note: null,
      rating: 4.5,
      label: { name: "x", at: { $date: "1970-01-01T00:00:00Z" } },
    });
    expect((await db.select("song", { title: "Two" })).rows).toMatchObject([{ plays: 2 ** 40, note: null }]);
    const added = new mongo.ObjectId().toHexString();
    await db.add("song", { id: added, title: "Three" });
    expect(await raw.collection("song").findOne({ title: "Three" })).toMatchObject({ _id: new mongo.ObjectId(added) });
    await expect(db.get("song", "no id of MongoDB")).rejects.toMatchObject({ code: "invalid", column: "id" });
    await expect(db.select("song", { id: { $begins_with: "a" } }, { scan: true })).rejects.toMatchObject({
      code: "unsupported",
      column: "id",
    });
  });

  it("a collection whose documents lack the declared key is drift", async () => {
    const { raw, url } = await openBoth();
    await raw.collection("step").insertOne({ owner: "a", at: 1 });
    await using db = await openDb({ url, tables: { step: { owner: { primary: 1 }, at: { type: "int", primary: 2 } } } });
    const { drift } = await db.sync({ dryRun: true });
    expect(drift[0]!.message).toContain("stored with the key (_id) and declared with (owner, at)");
  });

  it("a unique index of others that takes no absent values does not serve as a group, and a group over shared values is drift", async () => {
    const { raw, url } = await openBoth();
    await raw.collection<{ _id: string; mail?: string }>("member").insertMany([
      { _id: "1", mail: "x" },
      { _id: "2", mail: "x" },
    ]);
    await using db = await openDb({ url, tables: { member: { id: { primary: 1 }, mail: { unique: 1 } } } });
    await expect(db.put("member", { id: "3" })).rejects.toMatchObject({
      code: "drift",
      message: expect.stringContaining("sync()") as string,
    });
    await expect(db.sync()).rejects.toMatchObject({ code: "drift", table: "member", column: "mail" });
    await raw.collection<{ _id: string }>("member").deleteOne({ _id: "2" });
    expect(await db.sync()).toMatchObject({ indexed: ["member.mail"] });
    await expect(db.put("member", { id: "3", mail: "x" })).rejects.toMatchObject({ code: "already-exists", detail: { unique: "mail" } });
  });

  it("a key and types that another definition has noted are drift for every call", async () => {
    const { url } = await openBoth();
    await using one = await openDb({ url, tables: { thing: { id: { primary: 1 }, n: { type: "int" } } } });
    await one.sync();
    await using other = await openDb({ url, tables: { thing: { id: { primary: 1 }, n: { type: "ttl" } } } });
    await expect(other.get("thing", "a")).rejects.toMatchObject({ code: "drift", column: "n", outcome: "none" });
    await using third = await openDb({ url, tables: { thing: { id: { primary: 1 }, m: { primary: 2 } } } });
    await expect(third.put("thing", { id: "a", m: "b" })).rejects.toMatchObject({ code: "drift", outcome: "none" });
  });

  it("the end of a row is a date, which the server removes rows by", async () => {
    const { db, raw } = await openBoth();
    await db.sync();
    const start = Date.UTC(2500, 0);
    await db.put("account", { id: "a", ends: start });
    await db.update("account", { id: "a", ends: start + 1000 }, { where: { ends: start } });
    expect(await db.get("account", "a")).toMatchObject({ ends: start + 1000 });
    expect((await raw.collection<{ _id: string; ends: Date }>("account").findOne({ _id: "a" }))!.ends).toEqual(new Date(start + 1000));
    expect(await db.aggregate("account", {}, { max: ["ends"], scan: true })).toMatchObject({ rows: [{ max: { ends: start + 1000 } }] });
    await expect(db.put("account", { id: "b", ends: 9e15 })).rejects.toMatchObject({ code: "invalid", column: "ends" });
  });

  it("sums of integers are exact where they leave 64 bits", async () => {
    const { db } = await openBoth();
    await db.sync();
    const big = 2n ** 63n - 1n;
    for (let taken = 0; taken < 3; taken++) await db.put("photo", { owner: "a", taken, big, stars: 2 ** 51 - taken });
    const { rows } = await db.aggregate("photo", { owner: "a" }, { sum: ["big", "stars"] });
    expect(rows).toEqual([{ sum: { big: 3n * big, stars: 3 * 2 ** 51 - 3 } }]);
  });

  it("a text too long for a pattern is too large, others are found by their beginning all the same", async () => {
    const { db } = await openBoth();
    await db.sync();
    const place = "é".repeat(20_000);
    await db.put("photo", { owner: "a", taken: 1, place });
    await expect(db.select("photo", { owner: "a", place: { $contains: place } })).rejects.toMatchObject({ code: "too-large" });
    expect((await db.select("photo", { owner: "a", place: { $begins_with: place } })).rows).toHaveLength(1);
  });

  it("columns with the names of members of objects are columns like any other", async () => {
    const { url } = await openBoth();
    const odd = { toString: {}, constructor: { type: "int" }, hasOwnProperty: { index: 1 } } as const;
    await using db = await openDb({ url, tables: { odd: table({ id: { primary: 1 }, ...odd }, { open: true }) } });
    await db.sync();
    await db.put("odd", { id: "a" } as never);
    expect(await db.get("odd", "a")).toEqual({ id: "a", toString: null, constructor: null, hasOwnProperty: null });
  });

  it("commands of its own are documents", async () => {
    const { db } = await openBoth();
    expect(await db.native("main", { ping: 1 })).toMatchObject({ ok: 1 });
    await expect(db.native("main", "ping")).rejects.toMatchObject({ code: "invalid" });
    await expect(db.native("main", { noSuchCommand: 1 })).rejects.toMatchObject({ name: "DbError" });
  });
});

describe.skipIf(!isWanted(setFixture))("driver: mongodb-set", () => {
  async function openSet() {
    const { url, clean } = (await setFixture.open())!;
    const db = await openDb({ url, tables });
    await db.sync();
    await db.put("account", { id: "a" });
    const client = new mongo.MongoClient(url);
    const rows = client.db(new URL(url).pathname.slice(1)).collection<{ _id: string; logins?: number; _lock?: mongo.ObjectId }>("account");
    return {
      db,
      rows,
      async [Symbol.asyncDispose]() {
        await db.close();
        await client.close();
        await clean();
      },
    };
  }

  it("has transactions, whose errors of serializable ones say what there is", async () => {
    await using set = await openSet();
    const { db } = set;
    expect(db.capabilities()).toMatchObject({ transactions: "interactive", afterRefusal: "ends", savepoints: false });
    const serializable = db.transaction((tx) => tx.get("account", "a"), { isolation: "serializable" });
    await expect(serializable).rejects.toMatchObject({ code: "unsupported", outcome: "none" });
  });

  it("runs a transaction again that another one was quicker than, and loses none of their sums", async () => {
    await using set = await openSet();
    const { db } = set;
    let runs = 0;
    const add = (): Promise<unknown> =>
      db.transaction(
        async (tx) => {
          runs++;
          const { logins } = (await tx.get("account", "a"))!;
          await tx.update("account", { id: "a", logins: logins + 1 });
        },
        { attempts: 100 },
      );
    await Promise.all(Array.from({ length: 6 }, add));
    expect(await db.get("account", "a")).toMatchObject({ logins: 6 });
    expect(runs).toBeGreaterThan(6);
  });

  it("a write of another program while a transaction runs makes it run again", async () => {
    await using set = await openSet();
    const { db, rows } = set;
    let runs = 0;
    await db.transaction(async (tx) => {
      await tx.get("account", "b");
      if (runs++ === 0) await rows.updateOne({ _id: "a" }, { $set: { logins: 5 } });
      await tx.incr("account", { id: "a", logins: 1 });
    });
    expect([runs, (await db.get("account", "a"))!.logins]).toEqual([2, 6]);
  });

  it("a row that is read to be written is held by a field of its own, which is no column", async () => {
    await using set = await openSet();
    const { db, rows } = set;
    await db.transaction(async (tx) => {
      // Only the core can tell whether a text fits that is joined here.
      await tx.update("account", { id: "a", email: "x" }, { ops: { email: "append" } });
    });
    expect(await db.get("account", "a")).toEqual({ id: "a", email: "x", logins: 0, ends: null });
    expect((await rows.findOne({ _id: "a" }))!._lock).toBeInstanceOf(mongo.ObjectId);
  });

  it("an add over a row that is there is refused without the server's refusal, which would end the transaction", async () => {
    await using set = await openSet();
    const { db } = set;
    const refused = db.transaction(async (tx) => {
      await tx.put("account", { id: "b" });
      await tx.add("account", { id: "a" });
    });
    await expect(refused).rejects.toMatchObject({ code: "already-exists" });
    expect(await db.get("account", "b")).toBeUndefined();
  });

  it("rows that are included inside are read by one request, and see the transaction's writes", async () => {
    const { url, clean } = (await setFixture.open())!;
    const related = defineTables({ person: { id: { primary: 1 } }, letter: { id: { primary: 1 }, by: { ref: "person" } } });
    const db = await openDb({ url, tables: related });
    try {
      await db.sync();
      const command = vi.spyOn(mongo.Db.prototype, "command");
      await db.transaction(async (tx) => {
        for (const id of ["a", "b", "c"]) {
          await tx.put("person", { id });
          await tx.put("letter", { id, by: id });
        }
        command.mockClear();
        const { rows } = await tx.select("letter", {}, { scan: true, include: { by: true } });
        expect(rows).toHaveLength(3);
        expect(command.mock.calls.map(([sent]) => Object.keys(sent)[0])).toEqual(["find", "find"]);
      });
    } finally {
      vi.restoreAllMocks();
      await db.close();
      await clean();
    }
  });
});
