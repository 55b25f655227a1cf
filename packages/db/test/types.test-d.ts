// Types that follow from table definitions. Nothing here runs: the compiler is the test.

import { expectTypeOf } from "vitest";
import type { DbCalls } from "../src/api/calls.js";
import { type TableDefinitions, defineTables, table } from "../src/schema/definition.js";
import type { JsonValue, RowOf } from "../src/schema/infer.js";

const tables = defineTables({
  account: {
    id: { type: "uuid", primary: 1 },
    email: { type: "email", unique: 1 },
    name: { pub: true },
    logins: { type: "counter" },
    kind: { values: ["free", "paid"] },
    mtime: { type: "now" },
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

export async function selects(): Promise<void> {
  const narrow = await db.get("photo", { owner, taken: 1 }, { select: ["place", "stars"] });
  expectTypeOf(narrow!).toEqualTypeOf<{ place: string | null; stars: number | null }>();
  // @ts-expect-error was not selected
  void narrow!.owner;
  const page = await db.select("photo", { owner }, { select: ["taken"], sort: ["-taken", "owner"], count: 20 });
  expectTypeOf(page.rows).toEqualTypeOf<{ taken: number }[]>();
  expectTypeOf(page.next).toEqualTypeOf<string | undefined>();
  for await (const row of db.scan("photo", { owner }, { select: ["place"] })) expectTypeOf(row).toEqualTypeOf<{ place: string | null }>();
  for await (const rows of db.scan("photo").pages()) expectTypeOf(rows).toEqualTypeOf<RowOf<Tables, "photo">[]>();
  const found = await db.search("photo", "rome -milan", { select: ["place"], filter: { owner } });
  expectTypeOf(found.rows).toEqualTypeOf<{ place: string | null }[]>();
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

export async function unknownTables(): Promise<void> {
  const name: string = "any";
  const row = await untyped.get(name, { id: 1 });
  expectTypeOf(row!["column"]).toEqualTypeOf<unknown>();
  await untyped.put(name, { id: 1, text: "a" });
  await untyped.update(name, { id: 1, text: "a" }, { ops: { text: "append" }, where: { text: { $gt: "a" } } });
  await untyped.select(name, { id: { $gt: 1 }, $or: { a: 1, b: [2] } }, { sort: "-id", select: ["id"], ops: { id: "gt" } });
  await untyped.del(name, { id: 1 });
}
