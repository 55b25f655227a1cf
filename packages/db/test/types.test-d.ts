// Types that follow from table definitions. Nothing here runs: the compiler is the test.

import { expectTypeOf } from "vitest";
import { z } from "zod";
import type { CacheLike } from "../src/calls/cache-store.js";
import type { Db, DbCalls } from "../src/api/calls.js";
import { openDb } from "../src/api/open.js";
import { decodeRows, knexOf } from "../src/knex.js";
import { defineTables, table } from "../src/schema/define-tables.js";
import type { TableDefinitions } from "../src/schema/definition.js";
import type { JsonValue, RowOf } from "../src/schema/infer.js";

const tables = defineTables({
  account: {
    id: { type: "uuid", primary: 1 },
    email: { type: "email", unique: 1 },
    name: { pub: true },
    logins: { type: "counter" },
    kind: { values: ["free", "paid"] },
    mtime: { type: "now" },
    state: { value: "new" },
    title: { notEmpty: true, value: "none" },
  },
  made: {
    id: { type: "int", primary: 1 },
    must: { notEmpty: true },
    size: { type: "real", notEmpty: true },
    both: { notEmpty: true, join: ["must", "id"] },
    token: { type: "uuid" },
    dice: { type: "random" },
    born: { type: "mtime" },
    gone: { value: null },
    part: { hidden: true, value: "p" },
  },
  checked: {
    id: { primary: 1, check: z.string().min(3) },
    level: { check: z.enum(["low", "high"]) },
    age: { type: "int", check: z.number().int().default(3), notEmpty: true },
    address: { type: "json", check: z.object({ city: z.string(), zip: z.string().optional() }) },
    tags: { type: "list", check: z.array(z.enum(["a", "b"])) },
    upper: { check: z.string().transform((text) => text.toUpperCase() as Uppercase<string>) },
    branded: { type: "int", check: z.number().brand("meters") },
    loose: { type: "int", check: z.any() },
    odd: { type: "int", check: z.string() },
  },
  photo: {
    owner: { primary: 1 },
    taken: { type: "bigint", primary: 2 },
    tags: { type: "set" },
    sizes: { type: "list", of: "int" },
    meta: { type: "json" },
    place: { index: 1 },
    stars: { type: "int", index: 2 },
    price: { type: "decimal" },
    big: { type: "int64" },
    done: { type: "bool" },
    at: { type: "timestamp" },
    data: { type: "blob" },
    expires: { type: "ttl" },
  },
  message: {
    owner: { primary: 1 },
    sort: { primary: 2, join: ["kind", "day"], unjoin: ["day"] },
    kind: {},
    day: { type: "int", hidden: true },
    pair: { join: ["kind", "secret"] },
    secret: { hidden: true },
  },
  note: table({ id: { type: "uuid", primary: 1 }, text: {}, stars: { type: "int" } }, { open: true, noscan: true }),
});

type Tables = typeof tables;
declare const db: DbCalls<Tables>;
declare const untyped: DbCalls<TableDefinitions>;
const owner = "o";

export async function reads(): Promise<void> {
  const photo = await db.get("photo", { owner, taken: 1 });
  expectTypeOf(photo).toEqualTypeOf<RowOf<Tables, "photo"> | undefined>();
  expectTypeOf(photo!).toEqualTypeOf<{
    owner: string;
    taken: number;
    tags: string[] | null;
    sizes: number[] | null;
    meta: JsonValue;
    place: string | null;
    stars: number | null;
    price: string | null;
    big: bigint | null;
    done: boolean | null;
    at: Date | null;
    data: Uint8Array | null;
    expires: number | null;
  }>();
  expectTypeOf((await db.get("account", "id"))!.kind).toEqualTypeOf<"free" | "paid" | null>();
  expectTypeOf((await db.get("account", { id: "1" }))!.id).toEqualTypeOf<string>();
  // @ts-expect-error no such table
  await db.get("photos", { owner, taken: 1 });
  // @ts-expect-error a part of the key is missing
  await db.get("photo", { owner });
  // @ts-expect-error no such key column
  await db.get("photo", { owner, taken: 1, place: "Rome" });
  // @ts-expect-error the wrong type
  await db.get("photo", { owner, taken: "1" });
  // @ts-expect-error the key has two columns
  await db.get("photo", owner);
  // @ts-expect-error the key is text
  await db.get("account", 5);
  // @ts-expect-error a missing row is undefined
  void (await db.get("account", "id")).name;
}

export async function present(): Promise<void> {
  const account = (await db.get("account", "id"))!;
  expectTypeOf(account).toEqualTypeOf<{
    id: string;
    email: string | null;
    name: string | null;
    logins: number;
    kind: "free" | "paid" | null;
    mtime: number;
    state: string | null;
    title: string;
  }>();
  expectTypeOf((await db.get("made", 1))!).toEqualTypeOf<{
    id: number;
    must: string;
    size: number;
    both: string;
    token: string | null;
    dice: number | null;
    born: number | null;
    gone: string | null;
  }>();
  await db.add("account", {});
  await db.add("made", { id: 1, must: "a", size: 1, gone: null });
  await db.update("made", { id: 1, must: "a" });
  // @ts-expect-error a notEmpty column is missing
  await db.add("made", { id: 1, must: "a" });
  // @ts-expect-error a notEmpty column is missing
  await db.put("made", { id: 1, size: 1 });
  // @ts-expect-error a notEmpty column is missing
  await db.bulk([{ op: "add", table: "made", row: { id: 1, size: 1 } }]);
  // @ts-expect-error a notEmpty column is never null
  await db.put("made", { id: 1, must: null, size: 1 });
  // @ts-expect-error a notEmpty column is never null
  await db.update("made", { id: 1, must: null });
  // @ts-expect-error a notEmpty column is never unset
  await db.update("made", { id: 1 }, { ops: { must: "unset" } });
  // @ts-expect-error a counter is never null
  await db.updateAll("account", { id: "1" }, { logins: null });
  // @ts-expect-error a time of change is never null
  await db.put("account", { mtime: null });
  await db.put("account", { state: null });
  // @ts-expect-error a counter is never unset
  await db.update("account", { id: "1" }, { ops: { logins: "unset" } });
}

export async function checked(): Promise<void> {
  const row = (await db.get("checked", "abc"))!;
  expectTypeOf(row.level).toEqualTypeOf<"low" | "high" | null>();
  expectTypeOf(row.age).toEqualTypeOf<number>();
  expectTypeOf(row.address).toEqualTypeOf<{ city: string; zip?: string | undefined } | null>();
  expectTypeOf(row.tags).toEqualTypeOf<("a" | "b")[] | null>();
  expectTypeOf(row.upper).toEqualTypeOf<Uppercase<string> | null>();
  expectTypeOf(row.branded!).toExtend<number>();
  expectTypeOf(row.branded).not.toEqualTypeOf<number | null>();
  expectTypeOf(row.loose).toEqualTypeOf<number | null>();
  expectTypeOf(row.odd).toEqualTypeOf<number | null>();
  await db.put("checked", { id: "abc", age: 1, level: "low", upper: "a", address: { city: "Rome" }, tags: ["a"], branded: 5, loose: 1 });
  await db.select("checked", { level: "low", upper: "a", branded: { $gt: 5 } }, { scan: true });
  // @ts-expect-error not a value that the check takes
  await db.put("checked", { id: "abc", age: 1, level: "middle" });
  // @ts-expect-error not an object that the check takes
  await db.put("checked", { id: "abc", age: 1, address: { town: "Rome" } });
  // @ts-expect-error not an element that the check takes
  await db.put("checked", { id: "abc", age: 1, tags: ["c"] });
  // @ts-expect-error the type of the column comes first
  await db.put("checked", { id: "abc", age: 1, loose: "1" });
}

export function definitions(): void {
  defineTables({
    t: { id: { primary: 1 }, n: { type: "int", value: 3 }, s: { value: "x" }, l: { type: "list", value: ["a"] }, k: { value: null } },
    u: { id: { primary: 1 }, d: { type: "timestamp", value: new Date(0) }, j: { type: "json", value: { a: [1] } } },
    v: table({ id: { primary: 1 } }, { open: true, drivers: { redis: { tag: "a" } } }),
  });
  // @ts-expect-error no such property
  defineTables({ t: { id: { primary: 1 }, n: { type: "int", default: 3 } } });
  // @ts-expect-error no such property, and no other
  defineTables({ t: { id: { primary: 1 }, n: { default: 3 } } });
  // @ts-expect-error the default is of another type
  defineTables({ t: { id: { primary: 1 }, n: { type: "int", value: "x" } } });
  // @ts-expect-error the default is of another type
  defineTables({ t: { id: { primary: 1 }, n: { value: 5 } } });
  // @ts-expect-error the default is not one of the values
  defineTables({ t: { id: { primary: 1 }, n: { values: ["a", "b"], value: "c" } } });
  // @ts-expect-error no such type
  defineTables({ t: { id: { primary: 1 }, n: { type: "integer" } } });
  // @ts-expect-error no such property
  table({ id: { primary: 1, unqiue: 1 } }, {});
  // @ts-expect-error the default is of another type
  table({ id: { primary: 1 }, n: { type: "bool", value: 0 } }, {});
  // @ts-expect-error no such setting
  table({ id: { primary: 1 } }, { opne: true });
  // @ts-expect-error no such property
  void openDb({ url: "memory:", tables: { t: { id: { primary: 1 }, n: { type: "int", default: 3 } } } });
}

export async function pools(): Promise<void> {
  const several = await openDb({ tables, pools: { main: "memory:", events: { url: "memory:", tables: ["photo"] } } });
  await several.pool("events").get("account", "id", { pool: "main" });
  await several.pool("events").aggregate("account", {}, { count: true, pool: "main" });
  await several.sync({ pool: "events" });
  await several.copy({ from: "main", to: "events", tables: ["photo"] });
  void several.capabilities("events");
  // @ts-expect-error no such pool
  several.pool("nope");
  // @ts-expect-error no such pool
  await several.get("account", "id", { pool: "nope" });
  // @ts-expect-error no such pool
  await several.transaction(async () => undefined, { pool: "nope" });
  // @ts-expect-error no such pool
  await several.bulk([], { pool: "nope" });
  // @ts-expect-error no such pool
  await several.sync({ pool: "nope" });
  // @ts-expect-error no such pool
  several.capabilities("nope");
  // @ts-expect-error no such pool
  await several.native("nope", "SELECT 1");
  // @ts-expect-error no such pool
  await several.copy({ from: "main", to: "nope" });
  // @ts-expect-error no such table
  await several.copy({ from: "main", to: "events", tables: ["nope"] });
  const one = await openDb({ tables, url: "memory:" });
  await one.pool("main").count("account");
  // @ts-expect-error no such pool
  one.pool("nope");
  const named: Readonly<Record<string, string>> = {};
  (await openDb({ tables, pools: named })).pool("any");
  // A database of known pools is one of any pools.
  const wide: Db<Tables> = several;
  expectTypeOf(wide.pool).parameter(0).toEqualTypeOf<string>();
}

export async function selects(): Promise<void> {
  const narrow = await db.get("photo", { owner, taken: 1 }, { select: ["place", "stars"] });
  expectTypeOf(narrow!).toEqualTypeOf<{ place: string | null; stars: number | null }>();
  // @ts-expect-error was not selected
  void narrow!.owner;
  const page = await db.select("photo", { owner }, { select: ["taken"], sort: ["-taken", "owner"], count: 20 });
  expectTypeOf(page.rows).toEqualTypeOf<{ taken: number }[]>();
  expectTypeOf(page.next).toEqualTypeOf<string | undefined>();
  for await (const row of db.scan("photo", { owner }, { select: ["place"] })) expectTypeOf(row).toEqualTypeOf<{ place: string | null }>();
  for await (const row of db.scan("photo", { owner }, { limit: 5 })) void row;
  for await (const rows of db.scan("photo", {}, { total: true }).pages()) {
    expectTypeOf(rows).toExtend<RowOf<Tables, "photo">[]>();
    expectTypeOf(rows.next).toEqualTypeOf<string | undefined>();
  }
  const near = await db.near("photo", { latitude: 1, longitude: 2, distanceKm: 3 }, { select: ["place"], filter: { owner } });
  expectTypeOf(near.rows[0]!).toEqualTypeOf<{ place: string | null }>();
  expectTypeOf(near.distancesKm).toEqualTypeOf<number[]>();
  // @ts-expect-error a place has three members
  await db.near("photo", { latitude: 1, longitude: 2 });
  // @ts-expect-error `column` is one of the table's
  await db.near("photo", { latitude: 1, longitude: 2, distanceKm: 3 }, { column: "nothing" });

  const found = await db.search("photo", "rome -milan", { select: ["place"], filter: { owner } });
  expectTypeOf(found.rows).toEqualTypeOf<{ place: string | null }[]>();
  // @ts-expect-error highlights are there where they were asked for
  void found.highlights;
  const marked = await db.search("photo", "rome", { highlight: true });
  expectTypeOf(marked.highlights[0]!["place"]!).toEqualTypeOf<readonly (readonly [start: number, end: number])[]>();
  const listed = await db.list("account", ["1", { id: "2" }], { select: ["name"] });
  expectTypeOf(listed).toEqualTypeOf<{ name: string | null }[]>();
  // @ts-expect-error no such column
  await db.get("photo", { owner, taken: 1 }, { select: ["plaice"] });
  // @ts-expect-error no such column
  await db.select("photo", { owner }, { sort: "-token" });
  // @ts-expect-error json has no order
  await db.select("photo", { owner }, { sort: "meta" });
  // @ts-expect-error no such option
  await db.select("photo", { owner }, { limit: 5 });
}

export async function aggregates(): Promise<void> {
  const { rows } = await db.aggregate(
    "photo",
    { owner },
    {
      by: ["place", "taken"],
      count: true,
      sum: ["stars", "big", "price", "taken"],
      avg: ["stars", "big", "price"],
      min: ["at", "done", "taken"],
      max: ["place"],
      sort: ["-count()", "sum(big)", "-min(at)", "place"],
      limit: 20,
    },
  );
  expectTypeOf(rows).toEqualTypeOf<
    {
      by: { place: string | null; taken: number };
      count: number;
      sum: { stars: number | null; big: bigint | null; price: string | null; taken: number };
      avg: { stars: number | null; big: number | null; price: string | null };
      min: { at: Date | null; done: boolean | null; taken: number };
      max: { place: string | null };
    }[]
  >();
  const whole = await db.aggregate("photo", { owner }, { sum: ["taken"] });
  expectTypeOf(whole.rows).toEqualTypeOf<{ sum: { taken: number | null } }[]>();
  const distinct = await db.aggregate("account", {}, { by: ["kind"], scan: true });
  expectTypeOf(distinct.rows).toEqualTypeOf<{ by: { kind: "free" | "paid" | null } }[]>();
  expectTypeOf(distinct.next).toEqualTypeOf<string | undefined>();
  await db.transaction(async (tx) => {
    expectTypeOf((await tx.aggregate("photo", { owner }, { count: true })).rows).toEqualTypeOf<{ count: number }[]>();
  });
  const counts = Math.random() > 0.5;
  const maybe = await db.aggregate("photo", { owner }, { by: ["place"], count: counts });
  expectTypeOf(maybe.rows).toEqualTypeOf<{ by: { place: string | null }; count?: number }[]>();
  const loose = await untyped.aggregate("any", {}, { by: ["a"], sum: ["b"], sort: "-sum(b)" });
  expectTypeOf(loose.rows[0]!.by["a"]).toEqualTypeOf<unknown>();
  // @ts-expect-error no such column
  await db.aggregate("photo", { owner }, { by: ["plaice"] });
  // @ts-expect-error JSON makes no groups
  await db.aggregate("photo", { owner }, { by: ["meta"] });
  // @ts-expect-error texts have no sum
  await db.aggregate("photo", { owner }, { sum: ["place"] });
  // @ts-expect-error times have no average
  await db.aggregate("photo", { owner }, { avg: ["at"] });
  // @ts-expect-error count is no number of rows
  await db.aggregate("photo", { owner }, { by: ["place"], count: 20 });
  // @ts-expect-error no sum of texts to sort by
  await db.aggregate("photo", { owner }, { by: ["place"], count: true, sort: "sum(place)" });
  // @ts-expect-error no such option
  await db.aggregate("photo", { owner }, { count: true, select: ["place"] });
  // @ts-expect-error was not asked for
  void whole.rows[0]!.count;
}

export async function filters(): Promise<void> {
  await db.select("photo", {
    owner,
    taken: { $ge: 1, $lt: 9 },
    place: ["Rome", "Milan"],
    stars: null,
    tags: { $contains: "a" },
    sizes: { $not_contains: 3 },
    meta: { $null: false },
    data: null,
    price: { $between: [1, "2.5"] },
    big: { $gt: 5n },
    done: true,
    at: { $lt: new Date() },
    $or: { place: "Rome", stars: { $gt: 3 } },
    $or1: [{ place: { $begins_with: "R" }, stars: 1 }, { $not: { done: true } }],
  });
  await db.select("photo", { owner, taken: 1 }, { ops: { taken: "ge", place: "begins_with" } });
  await db.select("account", { kind: "paid", name: { $ilike: "a%" } });
  expectTypeOf(await db.count("photo", { owner })).toEqualTypeOf<number>();
  // @ts-expect-error no such column
  await db.select("photo", { ouner: "o" });
  // @ts-expect-error no such column in a group
  await db.select("photo", { $or: { ouner: "o" } });
  // @ts-expect-error no such operator
  await db.select("photo", { stars: { $near: 3 } });
  // @ts-expect-error operators of text are not for numbers
  await db.select("photo", { stars: { $begins_with: "3" } });
  // @ts-expect-error the wrong type
  await db.select("photo", { stars: "3" });
  // @ts-expect-error the wrong type in a list
  await db.select("photo", { stars: [1, "3"] });
  // @ts-expect-error between takes two values
  await db.select("photo", { stars: { $between: [1] } });
  // @ts-expect-error JSON can be tested for absence only
  await db.select("photo", { meta: { $eq: 1 } });
  // @ts-expect-error the elements are numbers
  await db.select("photo", { sizes: { $contains: "3" } });
  // @ts-expect-error undefined would widen the filter
  await db.select("photo", { stars: { $gt: undefined } });
  // @ts-expect-error not one of the values
  await db.select("account", { kind: "gold" });
  // @ts-expect-error no such operator
  await db.select("photo", { stars: 1 }, { ops: { stars: "near" } });
  // @ts-expect-error operators of text are not for numbers
  await db.select("photo", { stars: 1 }, { ops: { stars: "like" } });
  // @ts-expect-error no such column
  await db.select("photo", { stars: 1 }, { ops: { star: "gt" } });
}

export async function writes(): Promise<void> {
  const added = await db.add("account", { email: "a@b.c", name: "A" }, { returning: "new" });
  expectTypeOf(added.row).toEqualTypeOf<RowOf<Tables, "account"> | undefined>();
  await db.put("photo", { owner, taken: 1, place: "Rome", stars: null, tags: ["a"], price: 5, meta: { a: [1] }, big: undefined });
  await db.update("photo", { owner, taken: 1, stars: 5 }, { where: { stars: 4 }, upsert: true });
  await db.update("photo", { owner, taken: 1, tags: ["new"] }, { ops: { tags: "add" } });
  await db.incr("account", { id: "1", logins: 1 }, { returning: "new" });
  await db.del("photo", { owner, taken: 1 }, { where: { done: true }, returning: "old" });
  await db.del("account", "1");
  expectTypeOf(await db.updateAll("photo", { owner }, { stars: 0 })).toEqualTypeOf<{ readonly affected: number }>();
  await db.delAll("photo", {}, { all: true });
  // @ts-expect-error key columns that are not generated are required
  await db.add("photo", { owner });
  // @ts-expect-error no such column
  await db.put("photo", { owner, taken: 1, plaice: "Rome" });
  // @ts-expect-error the wrong type
  await db.put("photo", { owner, taken: 1, stars: "5" });
  // @ts-expect-error key columns are never null
  await db.put("photo", { owner, taken: null });
  // @ts-expect-error the whole key is required
  await db.update("photo", { owner, stars: 5 });
  // @ts-expect-error no such operation
  await db.update("photo", { owner, taken: 1, stars: 1 }, { ops: { stars: "multiply" } });
  // @ts-expect-error texts cannot be added to
  await db.update("photo", { owner, taken: 1, place: "x" }, { ops: { place: "incr" } });
  // @ts-expect-error sets have no order
  await db.update("photo", { owner, taken: 1, tags: ["x"] }, { ops: { tags: "append" } });
  // @ts-expect-error no such column in the guard
  await db.update("photo", { owner, taken: 1, stars: 1 }, { where: { star: 1 } });
  // @ts-expect-error key columns cannot be changed
  await db.updateAll("photo", { place: "Rome" }, { owner: "x" });
  // @ts-expect-error a filter is required
  await db.delAll("photo");
}

export async function joined(): Promise<void> {
  const row = await db.get("message", { owner, kind: "k", day: 5 });
  await db.get("message", { owner, sort: "k|5" });
  // The hidden part that no joined column fills is not read.
  expectTypeOf(row!).toEqualTypeOf<{ owner: string; sort: string; kind: string | null; day: number | null; pair: string | null }>();
  await db.put("message", { owner, kind: "k", day: 5, secret: "s" });
  await db.update("message", { owner, kind: "k", day: 5, secret: "t" });
  await db.select("message", { owner, kind: "k", day: 5 });
  // @ts-expect-error a part is missing
  await db.get("message", { owner, kind: "k" });
  // @ts-expect-error a part of the wrong type
  await db.get("message", { owner, kind: "k", day: "5" });
  // @ts-expect-error neither the joined column nor its parts
  await db.put("message", { owner });
  // @ts-expect-error never stored
  await db.select("message", { owner }, { sort: "secret" });
}

export async function open(): Promise<void> {
  const note = await db.get("note", "1");
  expectTypeOf(note!["anything"]).toEqualTypeOf<unknown>();
  expectTypeOf(note!.text).toEqualTypeOf<string | null>();
  await db.put("note", { text: "a", color: "red", deep: { a: [1] } });
  await db.update("note", { id: "1", color: null }, { ops: { color: "unset" } });
  await db.select("note", { color: { $gt: "a" }, stars: { $gt: 1 } }, { ops: { size: "gt" } });
  // @ts-expect-error a declared column keeps its type
  await db.put("note", { stars: "5" });
  // @ts-expect-error a declared column keeps its type
  await db.select("note", { stars: "5" });
}

export async function many(): Promise<void> {
  const results = await db.bulk([
    { op: "put", table: "photo", row: { owner, taken: 1 } },
    { op: "del", table: "account", key: "1", options: { where: { logins: 0 } } },
  ]);
  for (const result of results) if ("error" in result) expectTypeOf(result.error.code).toBeString();
  // @ts-expect-error the row belongs to another table
  await db.bulk([{ op: "put", table: "photo", row: { email: "a@b.c" } }]);
  // @ts-expect-error del takes a key
  await db.bulk([{ op: "del", table: "photo", row: { owner, taken: 1 } }]);
  const count = await db.transaction(async (tx) => {
    await tx.add("account", { name: "A" });
    return tx.count("account");
  });
  expectTypeOf(count).toEqualTypeOf<number>();
}

export async function scopes(): Promise<void> {
  const own = db.scope({
    photo: { where: { owner }, set: { owner }, select: ["taken", "stars"], update: ["stars", "place"] },
    account: { where: { kind: "paid" } },
    note: { select: ["text", "*"] },
  });
  const photo = await own.get("photo", { taken: 1 });
  expectTypeOf(photo!).toEqualTypeOf<{ taken: number; stars: number | null }>();
  const { rows } = await own.select("photo", { stars: { $gt: 1 } }, { sort: "-stars" });
  expectTypeOf(rows).toEqualTypeOf<{ taken: number; stars: number | null }[]>();
  expectTypeOf((await own.get("account", "1"))!).toEqualTypeOf<RowOf<Tables, "account">>();
  await own.put("photo", { taken: 1, stars: 2, place: "Rome" });
  await own.put("photo", { owner, taken: 1, stars: 2 });
  await own.update("photo", { taken: 1, stars: 2 }, { where: { stars: 1 }, ops: { stars: "incr" } });
  await own.bulk([
    { op: "put", table: "photo", row: { taken: 1 } },
    { op: "del", table: "photo", key: { taken: 1 } },
  ]);
  await own.transaction(async (tx) => {
    await tx.add("photo", { taken: 2 });
    // @ts-expect-error the scope does not have the table
    await tx.get("made", 1);
  });
  await own.select("note", { color: "red" });
  // @ts-expect-error the scope does not have the table
  await own.get("made", 1);
  // @ts-expect-error the scope does not show the column
  await own.select("photo", { place: "Rome" });
  // @ts-expect-error the scope does not show the column
  await own.get("photo", { taken: 1 }, { select: ["place"] });
  // @ts-expect-error the scope does not write the column
  await own.put("photo", { taken: 1, done: true });
  // @ts-expect-error the scope does not write the column
  await own.updateAll("photo", {}, { done: true }, { all: true });
  // @ts-expect-error the key needs a value that the scope does not set
  await own.get("photo", {});
  const inner = own.scope({ photo: { where: { stars: 5 }, select: ["taken"] } });
  expectTypeOf((await inner.get("photo", { taken: 1 }))!).toEqualTypeOf<{ taken: number }>();
  // @ts-expect-error the outer scope does not show the column
  own.scope({ photo: { where: { place: "Rome" } } });
  const tenant = db.scope({ "*": { where: { tenant: "a" } }, photo: { update: [] } });
  expectTypeOf((await tenant.get("account", "1"))!).toEqualTypeOf<RowOf<Tables, "account">>();
  // @ts-expect-error rows are only read
  await tenant.put("photo", { owner, taken: 1, stars: 1 });
  // @ts-expect-error no such table
  db.scope({ nope: {} });
  // @ts-expect-error no such column
  db.scope({ photo: { where: { ouner: "o" } } });
  // @ts-expect-error the wrong type
  db.scope({ photo: { set: { stars: "5" } } });
  // @ts-expect-error no such column
  db.scope({ photo: { select: ["plaice"] } });
  await untyped.scope({ any: { where: { a: 1 }, set: { a: 1 }, select: ["a"] } }).get("any", 1);
  await db.get("note", "1", { deleted: true });
}

export async function cachedReads(store: CacheLike): Promise<void> {
  const person = table({ id: { primary: 1 }, age: { type: "int" } }, { cached: { reads: "asked" } });
  const cached = await openDb({ url: "memory:", cache: { store, ttlMs: 1000 }, tables: { person } });
  const row = await cached.get("person", "a", { cached: true, select: ["age"] });
  expectTypeOf(row!).toEqualTypeOf<{ age: number | null }>();
  await cached.list("person", ["a"], { cached: false });
  await cached.forget("person", ["a"]);
  await cached.forget("person");
  expectTypeOf(cached.metrics()["main"]!.cached!.hits).toEqualTypeOf<number>();
  // @ts-expect-error pages are not cached
  await cached.select("person", {}, { cached: true });
  // @ts-expect-error no such column in the key
  await cached.forget("person", [{ idd: "a" }]);
  // @ts-expect-error no such table
  await cached.forget("people");
  // @ts-expect-error no such word
  table({ id: { primary: 1 } }, { cached: { reads: "some" } });
  // @ts-expect-error no cache
  await openDb({ url: "memory:", tables: {}, cache: { store: new Map<string, string>() } });
}

export async function unknownTables(): Promise<void> {
  const name: string = "any";
  const row = await untyped.get(name, { id: 1 });
  expectTypeOf(row!["column"]).toEqualTypeOf<unknown>();
  await untyped.put(name, { id: 1, text: "a" });
  await untyped.update(name, { id: 1, text: "a" }, { ops: { text: "append" }, where: { text: { $gt: "a" } } });
  await untyped.select(name, { id: { $gt: 1 }, $or: { a: 1, b: [2] } }, { sort: "-id", select: ["id"], ops: { id: "gt" } });
  await untyped.del(name, { id: 1 });
}

export async function knexIsTypedByTables(db: Db<typeof tables>): Promise<void> {
  const knex = await knexOf(db);
  const rows = await knex("account").where({ kind: "free" }).select("email", "logins");
  expectTypeOf(rows[0]!.email).toEqualTypeOf<string | null>();
  expectTypeOf(rows[0]!.logins).toEqualTypeOf<string | number | null>();
  const decoded = decodeRows(db, "account", rows);
  expectTypeOf(decoded[0]!.logins).toEqualTypeOf<number>();
  // @ts-expect-error a table that is not declared
  decodeRows(db, "nope", rows);
}
