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
        "add": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES ($1, $2, $3, $4::bigint, $5::bigint) ON CONFLICT ("id") DO NOTHING",
        "add over an expired row": "INSERT INTO "photo" ("owner", "taken", "tags", "meta", "place", "stars", "expires") VALUES ($1, $2::bigint, $3, $4, $5, $6::bigint, $7::bigint) ON CONFLICT ("owner", "taken") DO UPDATE SET "tags" = excluded."tags", "meta" = excluded."meta", "place" = excluded."place", "stars" = excluded."stars", "expires" = excluded."expires" WHERE "photo"."expires" <= $8::bigint",
        "count": "SELECT count(*) FROM "photo" WHERE "owner" = $1",
        "define column": "ALTER TABLE "photo" ADD COLUMN IF NOT EXISTS "meta" jsonb",
        "define index": "CREATE INDEX IF NOT EXISTS "photo$place$stars$index" ON "photo" ("place" NULLS FIRST, "stars" NULLS FIRST, "owner", "taken")",
        "define open table": "CREATE TABLE IF NOT EXISTS "note" ("id" text COLLATE "C" NOT NULL, "text" text COLLATE "C", "_rest" jsonb, CONSTRAINT "note$pkey" PRIMARY KEY ("id"))",
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
          "DO $_$
      BEGIN
        IF NOT EXISTS (SELECT FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = to_regclass('"post"') AND i.relname = 'post_title_body_search') THEN
          CREATE INDEX IF NOT EXISTS "post$title$body$search" ON "post" USING gin (bk_words("title", "body"));
        END IF;
      END
      $_$",
        ],
        "define searched table": "CREATE TABLE IF NOT EXISTS "post" ("id" text COLLATE "C" NOT NULL, "title" text COLLATE "C", "body" text COLLATE "C", CONSTRAINT "post$pkey" PRIMARY KEY ("id"))",
        "define table": "CREATE TABLE IF NOT EXISTS "photo" ("owner" text COLLATE "C" NOT NULL, "taken" bigint NOT NULL, "tags" jsonb, "meta" jsonb, "place" text COLLATE "C", "stars" bigint, "expires" bigint, CONSTRAINT "photo$pkey" PRIMARY KEY ("owner", "taken"))",
        "define table of each kind": "CREATE TABLE IF NOT EXISTS "sample" ("number" bigint NOT NULL, "big" bigint, "ratio" double precision, "price" numeric, "on" boolean, "born" bigint, "bytes" bytea, CONSTRAINT "sample$pkey" PRIMARY KEY ("number"))",
        "define unique group": "CREATE UNIQUE INDEX IF NOT EXISTS "account$email$unique" ON "account" ("email" NULLS FIRST)",
        "delete": "DELETE FROM "photo" WHERE "owner" = $1 AND "taken" = $2::bigint",
        "delete by filter": "DELETE FROM "photo" WHERE ("owner" = $1 OR "stars" = $2::bigint)",
        "delete guarded, old row": "DELETE FROM "photo" WHERE "owner" = $1 AND "taken" = $2::bigint AND "stars" IS NULL RETURNING "owner", "taken", "tags", "meta", "place", "stars", "expires"",
        "filter comparisons": "SELECT "owner" FROM "photo" WHERE "stars" <> $1::bigint AND "stars" < $2::bigint AND "stars" <= $3::bigint AND "stars" NOT BETWEEN $4::bigint AND $5::bigint AND "stars" IS NOT NULL ORDER BY ("owner" COLLATE "C"), "taken" LIMIT $6",
        "filter elements": "SELECT "owner" FROM "photo" WHERE "tags" @> to_jsonb($1::text) AND "tags" IS NOT NULL AND NOT "tags" @> to_jsonb($2::text) ORDER BY ("owner" COLLATE "C"), "taken" LIMIT $3",
        "filter lists": "SELECT "owner" FROM "photo" WHERE "stars" IN ($1::bigint, $2::bigint, $3::bigint) AND "place" NOT IN ($4, $5) ORDER BY ("owner" COLLATE "C"), "taken" LIMIT $6",
        "filter same": "SELECT "owner" FROM "photo" WHERE "stars" IS NOT DISTINCT FROM $1::bigint AND "meta" IS NOT DISTINCT FROM $2 ORDER BY ("owner" COLLATE "C"), "taken" LIMIT $3",
        "filter texts": "SELECT "id" FROM "account" WHERE "name" >= ($1 COLLATE "C") AND "name" < ($2 COLLATE "C") AND right("name", length($3::text)) = $3 AND strpos("name", $4) > 0 ORDER BY ("id" COLLATE "C") LIMIT $5",
        "filter texts, negated": "SELECT "id" FROM "account" WHERE ("name" < ($1 COLLATE "C") OR "name" >= ($2 COLLATE "C")) AND right("name", length($3::text)) <> $3 AND strpos("name", $4) = 0 ORDER BY ("id" COLLATE "C") LIMIT $5",
        "get": "SELECT "id", "email", "name", "logins", "mtime" FROM "account" WHERE "id" = $1",
        "get of each kind": "SELECT "number", "big", "ratio", "price", "on", "born", "bytes" FROM "sample" WHERE "number" = $1::bigint",
        "get, one column, key of two": "SELECT "place" FROM "photo" WHERE "owner" = $1 AND "taken" = $2::bigint",
        "inspect": [
          "SELECT a.attname, format_type(a.atttypid, a.atttypmod), c.collname, c.collisdeterministic FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = current_schema() JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_collation AS c ON c.oid = a.attcollation WHERE t.relname = 'photo' AND t.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY a.attnum",
          "SELECT i.relname, x.indisunique, x.indisprimary, a.attname, a.attnotnull, x.indoption[k.place - 1] FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = current_schema() JOIN pg_index AS x ON x.indrelid = t.oid AND x.indisvalid AND x.indpred IS NULL JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'btree' CROSS JOIN LATERAL generate_series(1, x.indnkeyatts) AS k (place) LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = x.indkey[k.place - 1] WHERE t.relname = 'photo' AND t.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY i.relname, k.place",
        ],
        "put": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES ($1, $2, $3, $4::bigint, $5::bigint) ON CONFLICT ("id") DO UPDATE SET "email" = excluded."email", "name" = excluded."name", "logins" = excluded."logins", "mtime" = excluded."mtime"",
        "put of an open table": "INSERT INTO "note" ("id", "text", "_rest") VALUES ($1, $2, $3) ON CONFLICT ("id") DO UPDATE SET "text" = excluded."text", "_rest" = excluded."_rest"",
        "put, key of two, old row": [
          "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = $1 AND "taken" = $2::bigint FOR UPDATE",
          "INSERT INTO "photo" ("owner", "taken", "tags", "meta", "place", "stars", "expires") VALUES ($1, $2::bigint, $3, $4, $5, $6::bigint, $7::bigint) ON CONFLICT ("owner", "taken") DO UPDATE SET "tags" = excluded."tags", "meta" = excluded."meta", "place" = excluded."place", "stars" = excluded."stars", "expires" = excluded."expires"",
        ],
        "search": "SELECT "id", "title", "body" FROM "post" WHERE bk_words("title", "body") @> bk_words($1::text) ORDER BY ("id" COLLATE "C") LIMIT $2",
        "select all": "SELECT "id", "email", "name", "logins", "mtime" FROM "account" ORDER BY ("id" COLLATE "C") LIMIT $1",
        "select and, or": "SELECT "owner" FROM "photo" WHERE "owner" = $1 AND ("place" = $2 OR "stars" > $3::bigint) ORDER BY "taken" LIMIT $4",
        "select by index, next page": "SELECT "taken" FROM "photo" WHERE "place" = $1 AND ("stars", "owner", "taken") > ($2::bigint, ($3 COLLATE "C"), $4::bigint) ORDER BY "stars" NULLS FIRST, ("owner" COLLATE "C"), "taken" LIMIT $5",
        "select by partition, newest first": "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = $1 ORDER BY "taken" DESC LIMIT $2",
        "select by partition, next page": "SELECT "owner", "taken" FROM "photo" WHERE "owner" = $1 AND "taken" < $2::bigint ORDER BY "taken" DESC LIMIT $3",
        "select nested": "SELECT "owner" FROM "photo" WHERE ("owner" = $1 AND "taken" >= $2::bigint OR "stars" BETWEEN $3::bigint AND $4::bigint AND "place" IS NULL) ORDER BY ("owner" COLLATE "C"), "taken" LIMIT $5",
        "select nothing": "SELECT "owner" FROM "photo" WHERE 1 = 0 ORDER BY ("owner" COLLATE "C"), "taken" LIMIT $1",
        "select, next page, mixed directions": "SELECT "c$0" FROM (SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE "stars" = $1::bigint AND "owner" = $2 AND "taken" > $3::bigint ORDER BY "stars" NULLS FIRST, ("owner" COLLATE "C") DESC, "taken" LIMIT $4) AS "r0" UNION ALL SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE "stars" = $1::bigint AND "owner" < ($2 COLLATE "C") ORDER BY "stars" NULLS FIRST, ("owner" COLLATE "C") DESC, "taken" LIMIT $4) AS "r1" UNION ALL SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE "stars" > $1::bigint ORDER BY "stars" NULLS FIRST, ("owner" COLLATE "C") DESC, "taken" LIMIT $4) AS "r2") AS "page" ORDER BY "o$0" NULLS FIRST, ("o$1" COLLATE "C") DESC, "o$2" LIMIT $4",
        "select, next page, nullable column descending": "SELECT "c$0" FROM (SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE ("stars", "owner", "taken") < ($1::bigint, ($2 COLLATE "C"), $3::bigint) ORDER BY "stars" DESC NULLS LAST, ("owner" COLLATE "C") DESC, "taken" DESC LIMIT $4) AS "r0" UNION ALL SELECT * FROM (SELECT "stars" AS "c$0", "stars" AS "o$0", "owner" AS "o$1", "taken" AS "o$2" FROM "photo" WHERE "stars" IS NULL ORDER BY "stars" DESC NULLS LAST, ("owner" COLLATE "C") DESC, "taken" DESC LIMIT $4) AS "r1") AS "page" ORDER BY "o$0" DESC NULLS LAST, ("o$1" COLLATE "C") DESC, "o$2" DESC LIMIT $4",
        "update": "UPDATE "photo" SET "stars" = $1::bigint, "place" = NULL WHERE "owner" = $2 AND "taken" = $3::bigint",
        "update by filter": "UPDATE "photo" SET "stars" = $1::bigint WHERE "owner" = $2",
        "update guarded": "UPDATE "photo" SET "stars" = $1::bigint WHERE "owner" = $2 AND "taken" = $3::bigint AND "stars" = $4::bigint RETURNING "owner", "taken", "tags", "meta", "place", "stars", "expires"",
        "update incr": "UPDATE "account" SET "logins" = COALESCE("logins", 0) + $1::bigint WHERE "id" = $2 RETURNING "id", "email", "name", "logins", "mtime"",
        "update of nothing": "UPDATE "note" SET "id" = "note"."id" WHERE "id" = $1",
        "update texts": "UPDATE "account" SET "name" = COALESCE("name", '') || $1, "email" = $2 || COALESCE("email", '') WHERE "id" = $3",
        "update, old row": [
          "SELECT "owner", "taken", "tags", "meta", "place", "stars", "expires" FROM "photo" WHERE "owner" = $1 AND "taken" = $2::bigint FOR UPDATE",
          "UPDATE "photo" SET "stars" = $1::bigint WHERE "owner" = $2 AND "taken" = $3::bigint",
        ],
        "upsert": "INSERT INTO "account" ("id", "email", "name", "logins", "mtime") VALUES ($1, $2, $3, $4::bigint, $5::bigint) ON CONFLICT ("id") DO UPDATE SET "logins" = COALESCE("account"."logins", 0) + $6::bigint WHERE "account"."logins" < $7::bigint RETURNING "id", "email", "name", "logins", "mtime"",
      }
    `);
  });
});
