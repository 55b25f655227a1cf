import { describe, expect, it } from "vitest";
import { postgresDialect } from "../../src/drivers/postgres/dialect.js";
import { describeCommand } from "../../src/engines/sql/command.js";
import { compileSql } from "../../src/engines/sql/compile.js";
import { shapes } from "./shapes.js";

describe("driver: pg", () => {
  it("compiles the fixed shapes to these commands", () => {
    const commands = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, describeCommand(compileSql(shape, postgresDialect))]),
    );
    expect(commands).toMatchInlineSnapshot(`
      {
        "add": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES ($1, $2, $3, $4, $5) ON CONFLICT ("id") DO NOTHING",
        "add over a row whose time has come": "INSERT INTO "photo" ("owner", "taken", "tags", "meta", "place", "stars", "expires") VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ("owner", "taken") DO UPDATE SET "tags" = excluded."tags", "meta" = excluded."meta", "place" = excluded."place", "stars" = excluded."stars", "expires" = excluded."expires" WHERE "photo"."expires" <= $8",
        "count": "SELECT count(*) FROM "photo" WHERE "owner" = $1",
        "define column": "ALTER TABLE "photo" ADD COLUMN IF NOT EXISTS "meta" jsonb",
        "define index": "CREATE INDEX IF NOT EXISTS "photo_place_stars_index" ON "photo" ("place" NULLS FIRST, "stars" NULLS FIRST, "owner", "taken")",
        "define open table": "CREATE TABLE IF NOT EXISTS "note" ("id" text COLLATE "C" NOT NULL, "text" text COLLATE "C", "_rest" jsonb, PRIMARY KEY ("id"))",
        "define search": [
          "DO $define$
      BEGIN
        IF to_regprocedure('bk_words(text[])') IS NULL THEN
          EXECUTE format($function$CREATE FUNCTION bk_words(VARIADIC texts text[]) RETURNS text[]
      LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000 AS $words$
        SELECT coalesce(array_agg(DISTINCT left(word, 100) COLLATE "C"), '{}')
        FROM unnest(string_to_array(regexp_replace(
          replace(lower(replace(replace(array_to_string(texts, ' '), chr(8490), 'k'), chr(304), 'i' || chr(775)) COLLATE %I), chr(962), chr(963)),
          '[^[:alnum:]]+', ' ', 'g'), ' ')) AS word
        WHERE word <> ''
      $words$$function$,
            coalesce((SELECT collname FROM pg_collation WHERE collname = 'und-x-icu'), 'C'));
        END IF;
      END
      $define$",
          "CREATE INDEX IF NOT EXISTS "post_title_body_search" ON "post" USING gin (bk_words("title", "body"))",
        ],
        "define searched table": "CREATE TABLE IF NOT EXISTS "post" ("id" text COLLATE "C" NOT NULL, "title" text COLLATE "C", "body" text COLLATE "C", PRIMARY KEY ("id"))",
        "define table": "CREATE TABLE IF NOT EXISTS "photo" ("owner" text COLLATE "C" NOT NULL, "taken" bigint NOT NULL, "tags" jsonb, "meta" jsonb, "place" text COLLATE "C", "stars" bigint, "expires" bigint, PRIMARY KEY ("owner", "taken"))",
        "define table of each kind": "CREATE TABLE IF NOT EXISTS "sample" ("number" bigint NOT NULL, "big" bigint, "ratio" double precision, "price" numeric, "on" boolean, "born" bigint, "bytes" bytea, PRIMARY KEY ("number"))",
        "define unique group": "CREATE UNIQUE INDEX IF NOT EXISTS "account_email_unique" ON "account" ("email" NULLS FIRST)",
        "delete": "DELETE FROM "photo" WHERE "owner" = $1 AND "taken" = $2",
        "delete by filter": "DELETE FROM "photo" WHERE ("owner" = $1 OR "stars" = $2)",
        "delete guarded, old row": "DELETE FROM "photo" WHERE "owner" = $1 AND "taken" = $2 AND "stars" IS NULL RETURNING "owner", "taken", "tags", "meta", "place", "stars", "expires"",
        "filter comparisons": "SELECT "owner" FROM "photo" WHERE "stars" <> $1 AND "stars" < $2 AND "stars" <= $3 AND "stars" NOT BETWEEN $4 AND $5 AND "stars" IS NOT NULL ORDER BY "owner", "taken" LIMIT $6",
        "filter elements": "SELECT "owner" FROM "photo" WHERE "tags" @> to_jsonb($1::text) AND "tags" IS NOT NULL AND NOT "tags" @> to_jsonb($2::text) ORDER BY "owner", "taken" LIMIT $3",
        "filter lists": "SELECT "owner" FROM "photo" WHERE "stars" IN ($1, $2, $3) AND "place" NOT IN ($4, $5) ORDER BY "owner", "taken" LIMIT $6",
        "filter same": "SELECT "owner" FROM "photo" WHERE "stars" IS NOT DISTINCT FROM $1 AND "meta" IS NOT DISTINCT FROM $2 ORDER BY "owner", "taken" LIMIT $3",
        "filter texts": "SELECT "id" FROM "account" WHERE "name" >= $1 AND "name" < $2 AND right("name", length($3::text)) = $3 AND strpos("name", $4) > 0 ORDER BY "id" LIMIT $5",
        "filter texts, negated": "SELECT "id" FROM "account" WHERE ("name" < $1 OR "name" >= $2) AND right("name", length($3::text)) <> $3 AND strpos("name", $4) = 0 ORDER BY "id" LIMIT $5",
        "get": "SELECT "id", "email", "name", "logins", "mtime" FROM "account" WHERE "id" = $1",
        "get of each kind": "SELECT "number", "big", "ratio", "price", "on", "born", "bytes" FROM "sample" WHERE "number" = $1",
        "get, one column, key of two": "SELECT "place" FROM "photo" WHERE "owner" = $1 AND "taken" = $2",
        "inspect": [
          "SELECT a.attname, format_type(a.atttypid, a.atttypmod), c.collname FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = current_schema() JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_collation AS c ON c.oid = a.attcollation WHERE t.relname = 'photo' AND t.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY a.attnum",
          "SELECT i.relname, x.indisunique, x.indisprimary, a.attname, a.attnotnull, x.indoption[k.place - 1] FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = current_schema() JOIN pg_index AS x ON x.indrelid = t.oid AND x.indisvalid AND x.indpred IS NULL JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'btree' CROSS JOIN LATERAL generate_series(1, x.indnkeyatts) AS k (place) LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = x.indkey[k.place - 1] WHERE t.relname = 'photo' AND t.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY i.relname, k.place",
        ],
        "put": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES ($1, $2, $3, $4, $5) ON CONFLICT ("id") DO UPDATE SET "email" = excluded."email", "name" = excluded."name", "logins" = excluded."logins", "mtime" = excluded."mtime"",
        "put of an open table": "INSERT INTO "note" ("id", "text", "_rest") VALUES ($1, $2, $3) ON CONFLICT ("id") DO UPDATE SET "text" = excluded."text", "_rest" = excluded."_rest"",
        "put, key of two, old row": [
          "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = $1 AND "taken" = $2 FOR UPDATE",
          "INSERT INTO "photo" ("owner", "taken", "tags", "meta", "place", "stars", "expires") VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ("owner", "taken") DO UPDATE SET "tags" = excluded."tags", "meta" = excluded."meta", "place" = excluded."place", "stars" = excluded."stars", "expires" = excluded."expires"",
        ],
        "search": "SELECT "id", "title", "body" FROM "post" WHERE bk_words("title", "body") @> bk_words($1::text) ORDER BY "id" LIMIT $2",
        "select all": "SELECT "id", "email", "name", "logins", "mtime" FROM "account" ORDER BY "id" LIMIT $1",
        "select and, or": "SELECT "owner" FROM "photo" WHERE "owner" = $1 AND ("place" = $2 OR "stars" > $3) ORDER BY "taken" LIMIT $4",
        "select by index, next page": "SELECT "taken" FROM "photo" WHERE "place" = $1 AND ("stars", "owner", "taken") > ($2, $3, $4) ORDER BY "stars" NULLS FIRST, "owner", "taken" LIMIT $5",
        "select by partition, newest first": "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = $1 ORDER BY "taken" DESC LIMIT $2",
        "select by partition, next page": "SELECT "owner", "taken" FROM "photo" WHERE "owner" = $1 AND "taken" < $2 ORDER BY "taken" DESC LIMIT $3",
        "select nested": "SELECT "owner" FROM "photo" WHERE ("owner" = $1 AND "taken" >= $2 OR "stars" BETWEEN $3 AND $4 AND "place" IS NULL) ORDER BY "owner", "taken" LIMIT $5",
        "select nothing": "SELECT "owner" FROM "photo" WHERE 1 = 0 ORDER BY "owner", "taken" LIMIT $1",
        "select, next page, mixed directions": "SELECT "c0" FROM (SELECT * FROM (SELECT "stars" AS "c0", "stars" AS "o0", "owner" AS "o1", "taken" AS "o2" FROM "photo" WHERE "stars" = $1 AND "owner" = $2 AND "taken" > $3 ORDER BY "stars" NULLS FIRST, "owner" DESC, "taken" LIMIT $4) AS "r0" UNION ALL SELECT * FROM (SELECT "stars" AS "c0", "stars" AS "o0", "owner" AS "o1", "taken" AS "o2" FROM "photo" WHERE "stars" = $1 AND "owner" < $2 ORDER BY "stars" NULLS FIRST, "owner" DESC, "taken" LIMIT $4) AS "r1" UNION ALL SELECT * FROM (SELECT "stars" AS "c0", "stars" AS "o0", "owner" AS "o1", "taken" AS "o2" FROM "photo" WHERE "stars" > $1 ORDER BY "stars" NULLS FIRST, "owner" DESC, "taken" LIMIT $4) AS "r2") AS "page" ORDER BY "o0" NULLS FIRST, "o1" DESC, "o2" LIMIT $4",
        "select, next page, nullable column descending": "SELECT "c0" FROM (SELECT * FROM (SELECT "stars" AS "c0", "stars" AS "o0", "owner" AS "o1", "taken" AS "o2" FROM "photo" WHERE ("stars", "owner", "taken") < ($1, $2, $3) ORDER BY "stars" DESC NULLS LAST, "owner" DESC, "taken" DESC LIMIT $4) AS "r0" UNION ALL SELECT * FROM (SELECT "stars" AS "c0", "stars" AS "o0", "owner" AS "o1", "taken" AS "o2" FROM "photo" WHERE "stars" IS NULL ORDER BY "stars" DESC NULLS LAST, "owner" DESC, "taken" DESC LIMIT $4) AS "r1") AS "page" ORDER BY "o0" DESC NULLS LAST, "o1" DESC, "o2" DESC LIMIT $4",
        "update": "UPDATE "photo" SET "stars" = $1, "place" = NULL WHERE "owner" = $2 AND "taken" = $3",
        "update by filter": "UPDATE "photo" SET "stars" = $1 WHERE "owner" = $2",
        "update guarded": "UPDATE "photo" SET "stars" = $1 WHERE "owner" = $2 AND "taken" = $3 AND "stars" = $4 RETURNING "owner", "taken", "tags", "meta", "place", "stars", "expires"",
        "update incr": "UPDATE "account" SET "logins" = COALESCE("logins", 0) + $1 WHERE "id" = $2 RETURNING "id", "email", "name", "logins", "mtime"",
        "update of nothing": "UPDATE "note" SET "id" = "note"."id" WHERE "id" = $1",
        "update texts": "UPDATE "account" SET "name" = COALESCE("name", '') || $1, "email" = $2 || COALESCE("email", '') WHERE "id" = $3",
        "update, old row": [
          "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = $1 AND "taken" = $2 FOR UPDATE",
          "UPDATE "photo" SET "stars" = $1 WHERE "owner" = $2 AND "taken" = $3",
        ],
        "upsert": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES ($1, $2, $3, $4, $5) ON CONFLICT ("id") DO UPDATE SET "logins" = COALESCE("account"."logins", 0) + $6 WHERE "account"."logins" < $7 RETURNING "id", "email", "name", "logins", "mtime"",
      }
    `);
  });
});
