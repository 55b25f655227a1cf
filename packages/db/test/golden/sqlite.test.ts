import { describe, expect, it } from "vitest";
import { sqliteDialect } from "../../src/drivers/sqlite/dialect.js";
import { describeCommand } from "../../src/engines/sql/command.js";
import { compileSql } from "../../src/engines/sql/compile.js";
import { shapes } from "./shapes.js";

describe("driver: sqlite", () => {
  it("compiles the fixed shapes to these commands", () => {
    const commands = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, describeCommand(compileSql(shape, sqliteDialect))]),
    );
    expect(commands).toMatchInlineSnapshot(`
      {
        "add": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES (?, ?, ?, ?, ?) ON CONFLICT ("id") DO NOTHING",
        "add over an expired row": "INSERT INTO "photo" ("owner", "taken", "tags", "meta", "place", "stars", "expires") VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT ("owner", "taken") DO UPDATE SET "tags" = excluded."tags", "meta" = excluded."meta", "place" = excluded."place", "stars" = excluded."stars", "expires" = excluded."expires" WHERE "photo"."expires" <= ?",
        "count": "SELECT count(*) FROM "photo" WHERE "owner" = CAST(? AS TEXT)",
        "define column": "ALTER TABLE "photo" ADD COLUMN "meta" TEXT",
        "define index": "CREATE INDEX IF NOT EXISTS "photo$place$stars$index" ON "photo" ("place", "stars", "owner", "taken")",
        "define open table": "CREATE TABLE IF NOT EXISTS "note" ("id" TEXT NOT NULL, "text" TEXT, "_rest" TEXT, PRIMARY KEY ("id")) STRICT",
        "define search": [
          "CREATE VIRTUAL TABLE IF NOT EXISTS "post$search" USING fts5(words, content='', contentless_delete=1, tokenize='ascii')",
          "DROP TRIGGER IF EXISTS "post$search$insert"",
          "DROP TRIGGER IF EXISTS "post$search$update"",
          "DROP TRIGGER IF EXISTS "post$search$delete"",
          "CREATE TRIGGER "post$search$insert" AFTER INSERT ON "post" BEGIN INSERT INTO "post$search" (rowid, words) VALUES (new._rowid_, bk_words(new."title", new."body")); END",
          "CREATE TRIGGER "post$search$update" AFTER UPDATE OF "title", "body" ON "post" BEGIN UPDATE "post$search" SET words = bk_words(new."title", new."body") WHERE rowid = new._rowid_; END",
          "CREATE TRIGGER "post$search$delete" AFTER DELETE ON "post" BEGIN DELETE FROM "post$search" WHERE rowid = old._rowid_; END",
          "INSERT INTO "post$search" ("post$search") VALUES ('delete-all')",
          "INSERT INTO "post$search" (rowid, words) SELECT _rowid_, bk_words("title", "body") FROM "post"",
        ],
        "define searched table": "CREATE TABLE IF NOT EXISTS "post" ("_row" INTEGER PRIMARY KEY, "id" TEXT NOT NULL, "title" TEXT, "body" TEXT, UNIQUE ("id")) STRICT",
        "define table": "CREATE TABLE IF NOT EXISTS "photo" ("owner" TEXT NOT NULL, "taken" INTEGER NOT NULL, "tags" TEXT, "meta" TEXT, "place" TEXT, "stars" INTEGER, "expires" INTEGER, PRIMARY KEY ("owner", "taken")) STRICT",
        "define table of each kind": "CREATE TABLE IF NOT EXISTS "sample" ("number" INTEGER PRIMARY KEY NOT NULL, "big" INTEGER, "ratio" REAL, "price" TEXT, "on" INTEGER, "born" INTEGER, "bytes" BLOB) STRICT",
        "define unique group": "CREATE UNIQUE INDEX IF NOT EXISTS "account$email$unique" ON "account" ("email")",
        "delete": "DELETE FROM "photo" WHERE "owner" = ? AND "taken" = ?",
        "delete by filter": "DELETE FROM "photo" WHERE ("owner" = ? OR "stars" = ?)",
        "delete guarded, old row": "DELETE FROM "photo" WHERE "owner" = ? AND "taken" = ? AND "stars" IS NULL RETURNING "owner", "taken", "tags", "meta", "place", "stars", "expires"",
        "filter comparisons": "SELECT "owner" FROM "photo" WHERE "stars" <> CAST(? AS INTEGER) AND "stars" < CAST(? AS INTEGER) AND "stars" <= CAST(? AS INTEGER) AND "stars" NOT BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER) AND "stars" IS NOT NULL ORDER BY "owner", "taken" LIMIT CAST(? AS INTEGER)",
        "filter elements": "SELECT "owner" FROM "photo" WHERE EXISTS (SELECT 1 FROM json_each("tags") WHERE value = ?) AND "tags" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM json_each("tags") WHERE value = ?) ORDER BY "owner", "taken" LIMIT CAST(? AS INTEGER)",
        "filter lists": "SELECT "owner" FROM "photo" WHERE "stars" IN (?, ?, ?) AND "place" NOT IN (?, ?) ORDER BY "owner", "taken" LIMIT CAST(? AS INTEGER)",
        "filter same": "SELECT "owner" FROM "photo" WHERE "stars" IS CAST(? AS INTEGER) AND "meta" IS CAST(? AS TEXT) ORDER BY "owner", "taken" LIMIT CAST(? AS INTEGER)",
        "filter texts": "SELECT "id" FROM "account" WHERE "name" >= CAST(? AS TEXT) AND "name" < CAST(? AS TEXT) AND substr("name", length("name") - length(CAST(? AS TEXT)) + 1) = CAST(? AS TEXT) AND instr("name", CAST(? AS TEXT)) > 0 ORDER BY "id" LIMIT CAST(? AS INTEGER)",
        "filter texts, negated": "SELECT "id" FROM "account" WHERE ("name" < CAST(? AS TEXT) OR "name" >= CAST(? AS TEXT)) AND substr("name", length("name") - length(CAST(? AS TEXT)) + 1) <> CAST(? AS TEXT) AND instr("name", CAST(? AS TEXT)) = 0 ORDER BY "id" LIMIT CAST(? AS INTEGER)",
        "get": "SELECT "id", "email", "name", "logins", "mtime" FROM "account" WHERE "id" = ?",
        "get of each kind": "SELECT "number", CAST("big" AS TEXT), "ratio", "price", "on", "born", "bytes" FROM "sample" WHERE "number" = ?",
        "get, one column, key of two": "SELECT "place" FROM "photo" WHERE "owner" = ? AND "taken" = ?",
        "inspect": [
          "SELECT name, type, pk FROM pragma_table_info('photo') ORDER BY cid",
          "SELECT list.name, list."unique", list.origin, info.name FROM pragma_index_list('photo') AS list, pragma_index_info(list.name) AS info WHERE list.partial = 0 ORDER BY list.seq, info.seqno",
          "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'photo' COLLATE NOCASE",
        ],
        "put": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES (?, ?, ?, ?, ?) ON CONFLICT ("id") DO UPDATE SET "email" = excluded."email", "name" = excluded."name", "logins" = excluded."logins", "mtime" = excluded."mtime"",
        "put of an open table": "INSERT INTO "note" ("id", "text", "_rest") VALUES (?, ?, ?) ON CONFLICT ("id") DO UPDATE SET "text" = excluded."text", "_rest" = excluded."_rest"",
        "put, key of two, old row": [
          "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = ? AND "taken" = ?",
          "INSERT INTO "photo" ("owner", "taken", "tags", "meta", "place", "stars", "expires") VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT ("owner", "taken") DO UPDATE SET "tags" = excluded."tags", "meta" = excluded."meta", "place" = excluded."place", "stars" = excluded."stars", "expires" = excluded."expires"",
        ],
        "search": "SELECT "id", "title", "body" FROM "post" WHERE _rowid_ IN (SELECT rowid FROM "post$search" WHERE "post$search" MATCH ?) ORDER BY "id" LIMIT CAST(? AS INTEGER)",
        "select all": "SELECT "id", "email", "name", "logins", "mtime" FROM "account" ORDER BY "id" LIMIT CAST(? AS INTEGER)",
        "select and, or": "SELECT "owner" FROM "photo" WHERE "owner" = ? AND ("place" = ? OR "stars" > ?) ORDER BY "taken" LIMIT CAST(? AS INTEGER)",
        "select by index, next page": "SELECT "taken" FROM "photo" WHERE "place" = CAST(? AS TEXT) AND ("stars", "owner", "taken") > (?, ?, ?) ORDER BY "stars", "owner", "taken" LIMIT CAST(? AS INTEGER)",
        "select by partition, newest first": "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = CAST(? AS TEXT) ORDER BY "taken" DESC LIMIT CAST(? AS INTEGER)",
        "select by partition, next page": "SELECT "owner", "taken" FROM "photo" WHERE "owner" = CAST(? AS TEXT) AND "taken" < ? ORDER BY "taken" DESC LIMIT CAST(? AS INTEGER)",
        "select nested": "SELECT "owner" FROM "photo" WHERE ("owner" = ? AND "taken" >= ? OR "stars" BETWEEN ? AND ? AND "place" IS NULL) ORDER BY "owner", "taken" LIMIT CAST(? AS INTEGER)",
        "select nothing": "SELECT "owner" FROM "photo" WHERE 1 = 0 ORDER BY "owner", "taken" LIMIT CAST(? AS INTEGER)",
        "select, next page, mixed directions": "SELECT "c$0" FROM (SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE "stars" = CAST(? AS INTEGER) AND "owner" = CAST(? AS TEXT) AND "taken" > ? ORDER BY "stars", "owner" DESC, "taken" LIMIT CAST(? AS INTEGER)) AS "r0" UNION ALL SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE "stars" = CAST(? AS INTEGER) AND "owner" < ? ORDER BY "stars", "owner" DESC, "taken" LIMIT CAST(? AS INTEGER)) AS "r1" UNION ALL SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE "stars" > ? ORDER BY "stars", "owner" DESC, "taken" LIMIT CAST(? AS INTEGER)) AS "r2") AS "page" ORDER BY "o$0", "o$1" DESC, "o$2" LIMIT CAST(? AS INTEGER)",
        "select, next page, nullable column descending": "SELECT "c$0" FROM (SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE ("stars", "owner", "taken") < (?, ?, ?) ORDER BY "stars" DESC, "owner" DESC, "taken" DESC LIMIT CAST(? AS INTEGER)) AS "r0" UNION ALL SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE "stars" IS NULL ORDER BY "stars" DESC, "owner" DESC, "taken" DESC LIMIT CAST(? AS INTEGER)) AS "r1") AS "page" ORDER BY "o$0" DESC, "o$1" DESC, "o$2" DESC LIMIT CAST(? AS INTEGER)",
        "update": "UPDATE "photo" SET "stars" = ?, "place" = NULL WHERE "owner" = ? AND "taken" = ?",
        "update by filter": "UPDATE "photo" SET "stars" = ? WHERE "owner" = ?",
        "update guarded": "UPDATE "photo" SET "stars" = ? WHERE "owner" = ? AND "taken" = ? AND "stars" = ? RETURNING "owner", "taken", "tags", "meta", "place", "stars", "expires"",
        "update incr": "UPDATE "account" SET "logins" = COALESCE("logins", 0) + ? WHERE "id" = ? RETURNING "id", "email", "name", "logins", "mtime"",
        "update of nothing": "UPDATE "note" SET "id" = "note"."id" WHERE "id" = ?",
        "update texts": "UPDATE "account" SET "name" = COALESCE("name", '') || ?, "email" = ? || COALESCE("email", '') WHERE "id" = ?",
        "update, old row": [
          "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = ? AND "taken" = ?",
          "UPDATE "photo" SET "stars" = ? WHERE "owner" = ? AND "taken" = ?",
        ],
        "upsert": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES (?, ?, ?, ?, ?) ON CONFLICT ("id") DO UPDATE SET "logins" = COALESCE("account"."logins", 0) + ? WHERE "account"."logins" < ? RETURNING "id", "email", "name", "logins", "mtime"",
      }
    `);
  });
});
