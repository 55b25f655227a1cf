import { describe, expect, it } from "vitest";
import type { AccessPath, Shape } from "../../src/driver.js";
import { compileCassandra } from "../../src/drivers/cassandra/compile.js";
import { allOf } from "../../src/reference/condition.js";
import { del, orderOf, put, select, shapes, tableOf, test, update } from "./shapes.js";

// What the driver does not claim: the core never asks for it. Filters, which it leaves to the core, are not compiled.
const unclaimed =
  /^(select|filter|search|count|update incr|update texts|update$|update by filter|delete by filter|upsert|define search|update, old row)/;

const byOwner: AccessPath = { index: undefined, columns: tableOf("photo").key, equal: [0], range: undefined, descending: false };
const place = tableOf("photo").indexes[0]!;
const byPlace: AccessPath = { ...byOwner, index: place, columns: [...place.columns, ...tableOf("photo").key] };
const own = ["taken", "stars"];

const more: Readonly<Record<string, Shape>> = {
  "select all": select("account", { columns: ["id"], order: orderOf("account", "id"), limit: 0 }),
  "select all, next page": select("photo", { columns: own, order: orderOf("photo", "owner", "taken"), after: [1, 2], limit: 0 }),
  "select by key, range": select("photo", {
    columns: own,
    path: { ...byOwner, range: test("photo", "taken", "between", 1, 2) },
    order: orderOf("photo", "taken"),
    limit: 3,
  }),
  "select by key, range, next page": select("photo", {
    columns: own,
    path: { ...byOwner, range: test("photo", "taken", "between", 1, 2) },
    order: orderOf("photo", "taken"),
    after: [4],
    limit: 3,
  }),
  "select by key, backwards, next page": select("photo", {
    columns: own,
    path: { ...byOwner, descending: true },
    order: orderOf("photo", "-taken"),
    after: [1],
    limit: 2,
  }),
  "select by index": select("photo", { columns: own, path: byPlace, order: orderOf("photo", "stars", "owner", "taken"), limit: 1 }),
  "select by index, range, next page": select("photo", {
    columns: own,
    path: { ...byPlace, range: test("photo", "stars", "ge", 1) },
    order: orderOf("photo", "stars", "owner", "taken"),
    after: [3, 4, 5],
    limit: 2,
  }),
  "put if it has this version": { ...put("account", "put"), ifVersion: 5 },
  "update guarded by every operator": update("photo", [["stars", "set", 2]], {
    guard: allOf([
      test("photo", "stars", "between", 3, 4),
      test("photo", "stars", "not_in", 5, 6),
      test("photo", "place", "begins_with", 7, 8),
      test("photo", "place", "in", 9, 10),
      test("photo", "meta", "null"),
      test("photo", "tags", "not_null"),
      test("photo", "tags", "same", 11),
      test("photo", "owner", "eq", 12),
    ]),
  }),
  "delete if it has this version": { ...del("photo"), ifVersion: 2 },
};

function commandsOf(named: Readonly<Record<string, Shape>>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(named).map(([name, shape]) => [name, compileCassandra(shape, "app").describe()]));
}

describe("driver: cassandra", () => {
  it("compiles the fixed shapes to these statements", () => {
    const claimed = Object.entries(shapes).filter(([name]) => !unclaimed.test(name));
    expect(commandsOf(Object.fromEntries(claimed))).toMatchInlineSnapshot(`
      {
        "add": [
          "INSERT INTO "app"."account" ("id", "email", "name", "logins", "mtime", "_version") VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
        ],
        "add over an expired row": [
          "INSERT INTO "app"."photo" ("owner", "taken", "tags", "meta", "place", "stars", "expires", "_version") VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
          "UPDATE "app"."photo" SET "tags" = ?, "meta" = ?, "place" = ?, "stars" = ?, "expires" = ?, "_version" = ? WHERE "owner" = ? AND "taken" = ? IF "_version" = ?",
        ],
        "define column": [
          "ALTER TABLE "app"."photo" ADD IF NOT EXISTS "meta" text",
        ],
        "define index": [
          "CREATE INDEX IF NOT EXISTS ON "app"."photo" ("place") USING 'sai'",
          "CREATE INDEX IF NOT EXISTS ON "app"."photo" ("stars") USING 'sai'",
        ],
        "define open table": [
          "CREATE TABLE IF NOT EXISTS "app"."note" ("id" text, "text" text, "_rest" text, "_version" uuid, PRIMARY KEY ("id"))",
        ],
        "define table": [
          "CREATE TABLE IF NOT EXISTS "app"."photo" ("owner" text, "taken" bigint, "tags" frozen<list<text>>, "meta" text, "place" text, "stars" bigint, "expires" bigint, "_version" uuid, PRIMARY KEY ("owner", "taken"))",
        ],
        "define table of each kind": [
          "CREATE TABLE IF NOT EXISTS "app"."sample" ("number" bigint, "big" bigint, "ratio" double, "price" decimal, "on" boolean, "born" timestamp, "bytes" blob, "_version" uuid, PRIMARY KEY ("number"))",
        ],
        "define unique group": [
          "CREATE INDEX IF NOT EXISTS ON "app"."account" ("email") USING 'sai'",
        ],
        "delete": [
          "DELETE FROM "app"."photo" WHERE "owner" = ? AND "taken" = ? IF EXISTS",
        ],
        "delete guarded, old row": [
          "DELETE FROM "app"."photo" WHERE "owner" = ? AND "taken" = ? IF "_version" != null AND "stars" = null",
        ],
        "get": [
          "SELECT "id", "email", "name", "logins", "mtime" FROM "app"."account" WHERE "id" = ?",
        ],
        "get of each kind": [
          "SELECT "number", "big", "ratio", "price", "on", "born", "bytes" FROM "app"."sample" WHERE "number" = ?",
        ],
        "get, one column, key of two": [
          "SELECT "place" FROM "app"."photo" WHERE "owner" = ? AND "taken" = ?",
        ],
        "inspect": [
          "SELECT column_name, type, kind, position, clustering_order FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
          "SELECT index_name, options FROM system_schema.indexes WHERE keyspace_name = ? AND table_name = ?",
        ],
        "put": [
          "UPDATE "app"."account" SET "email" = ?, "name" = ?, "logins" = ?, "mtime" = ?, "_version" = ? WHERE "id" = ? IF "_version" != ?",
        ],
        "put of an open table": [
          "UPDATE "app"."note" SET "text" = ?, "_rest" = ?, "_version" = ? WHERE "id" = ? IF "_version" != ?",
        ],
        "put, key of two, old row": [
          "UPDATE "app"."photo" SET "tags" = ?, "meta" = ?, "place" = ?, "stars" = ?, "expires" = ?, "_version" = ? WHERE "owner" = ? AND "taken" = ? IF "_version" != ?",
        ],
        "update guarded": [
          "UPDATE "app"."photo" SET "stars" = ?, "_version" = ? WHERE "owner" = ? AND "taken" = ? IF "_version" != null AND "stars" = ?",
        ],
        "update of nothing": [
          "UPDATE "app"."note" SET "_version" = ? WHERE "id" = ? IF EXISTS",
        ],
      }
    `);
  });

  it("compiles paths, positions and guards to these statements", () => {
    expect(commandsOf(more)).toMatchInlineSnapshot(`
      {
        "delete if it has this version": [
          "DELETE FROM "app"."photo" WHERE "owner" = ? AND "taken" = ? IF "_version" = ?",
        ],
        "put if it has this version": [
          "INSERT INTO "app"."account" ("id", "email", "name", "logins", "mtime", "_version") VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
          "UPDATE "app"."account" SET "email" = ?, "name" = ?, "logins" = ?, "mtime" = ?, "_version" = ? WHERE "id" = ? IF "_version" = ?",
        ],
        "select all": [
          "SELECT "id" FROM "app"."account" LIMIT ?",
        ],
        "select all, next page": [
          "SELECT "taken", "stars" FROM "app"."photo" WHERE "owner" = ? AND "taken" > ? LIMIT ?",
          "SELECT "taken", "stars" FROM "app"."photo" WHERE token("owner") > token(?) LIMIT ?",
        ],
        "select by index": [
          "SELECT "taken", "stars" FROM "app"."photo" WHERE "place" = ? LIMIT ?",
        ],
        "select by index, range, next page": [
          "SELECT "taken", "stars" FROM "app"."photo" WHERE "owner" = ? AND "place" = ? AND "stars" >= ? AND "taken" > ? LIMIT ?",
          "SELECT "taken", "stars" FROM "app"."photo" WHERE "place" = ? AND "stars" >= ? AND token("owner") > token(?) LIMIT ?",
        ],
        "select by key, backwards, next page": [
          "SELECT "taken", "stars" FROM "app"."photo" WHERE "owner" = ? AND "taken" < ? ORDER BY "taken" DESC LIMIT ?",
        ],
        "select by key, range": [
          "SELECT "taken", "stars" FROM "app"."photo" WHERE "owner" = ? AND "taken" >= ? AND "taken" <= ? LIMIT ?",
        ],
        "select by key, range, next page": [
          "SELECT "taken", "stars" FROM "app"."photo" WHERE "owner" = ? AND "taken" > ? AND "taken" <= ? LIMIT ?",
        ],
        "update guarded by every operator": [
          "UPDATE "app"."photo" SET "stars" = ?, "_version" = ? WHERE "owner" = ? AND "taken" = ? IF "_version" != null AND "stars" >= ? AND "stars" <= ? AND "stars" != null AND "stars" != ? AND "stars" != ? AND "place" >= ? AND "place" < ? AND "place" IN ? AND "meta" = null AND "tags" != null AND "tags" = ?",
        ],
      }
    `);
  });
});
