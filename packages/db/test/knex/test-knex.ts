// SQL of the app's own, through knex, on the connections of a pool.

import { type Db, defineTables, openDb } from "@bk/db";
import { decodeRows, knexOf } from "@bk/db/knex";
import type { Knex } from "knex";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Fixture, isWanted } from "../fixtures.js";

const tables = defineTables({
  author: { id: { primary: 1 }, name: {}, born: { type: "date" } },
  book: {
    author: { primary: 1 },
    id: { type: "int", primary: 2 },
    title: { unique: 1 },
    price: { type: "decimal" },
    sold: { type: "counter" },
    big: { type: "int64" },
    rate: { type: "double" },
    ready: { type: "bool" },
    tags: { type: "set" },
    meta: { type: "json" },
    data: { type: "blob" },
    added: { type: "timestamp" },
  },
  shop: { author: { primary: 1 }, id: { type: "int", primary: 2 }, town: { primary: 3 }, stock: { type: "int" } },
});
type BookDb = Db<typeof tables, "main">;

/** What each engine has a word of its own for. */
interface EngineSql {
  /** Takes longer than a test may. */
  readonly slow?: string;
  /** Ends its own connection. */
  readonly cut?: string;
}

/** Registers the promises for one driver with SQL. */
export function testKnex(driver: Fixture, sql: EngineSql = {}): void {
  const fixture = { ...driver, ...sql };
  if (!isWanted(fixture)) {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  describe(`driver: ${fixture.name}`, () => {
    let db: BookDb;
    let settings: { readonly url: string; readonly options?: Readonly<Record<string, unknown>> };
    let clean: () => Promise<void>;
    let count = 0;
    const fresh = (): string => `k${++count}`;
    const authors = async (rows: PromiseLike<readonly object[]>): Promise<object[]> => decodeRows(db, "author", await rows);
    const open = (): Promise<BookDb> => openDb({ ...settings, tables, timeoutMs: 20_000 }) as Promise<BookDb>;

    beforeAll(async () => {
      const instance = await fixture.open();
      if (instance === undefined) throw new Error(`${fixture.env} is not set`);
      const { url, options } = instance;
      settings = { url, ...(options === undefined ? {} : { options }) };
      clean = () => instance.clean();
      db = await open();
      await db.sync();
    });
    afterAll(async () => {
      await db?.close();
      await clean?.();
    });

    it("joins, sums and window functions run where the rows are", async () => {
      const [ann, bob] = [fresh(), fresh()];
      await db.bulk([
        { op: "put", table: "author", row: { id: ann, name: "Ann" } },
        { op: "put", table: "author", row: { id: bob, name: "Bob" } },
        ...[1, 2, 3].map((id) => ({ op: "put", table: "book", row: { author: ann, id, title: `${ann}${id}`, sold: id * 10 } }) as const),
        { op: "put", table: "book", row: { author: bob, id: 1, title: bob, sold: 5 } },
        { op: "put", table: "shop", row: { author: ann, id: 1, town: "Rome", stock: 7 } },
        { op: "put", table: "shop", row: { author: ann, id: 1, town: "Oslo", stock: 1 } },
      ]);
      const knex = await knexOf(db);
      const sums = await knex("book")
        .join("author", "author.id", "book.author")
        .leftJoin("shop", (on) => on.on("shop.author", "book.author").on("shop.id", "book.id"))
        .whereIn("author.id", [ann, bob])
        .groupBy("author.id", "author.name")
        .orderBy("author.name")
        .select("author.name")
        .sum({ stock: "shop.stock" })
        .countDistinct({ books: "book.id" });
      expect(
        (decodeRows(db, "author", sums) as Record<string, unknown>[]).map((row) => [
          row["name"],
          Number(row["books"]),
          row["stock"] === null ? null : Number(row["stock"]),
        ]),
      ).toEqual([
        ["Ann", 3, 8],
        ["Bob", 1, null],
      ]);
      const ranked = await knex("book")
        .where({ author: ann })
        .orderBy("id")
        .select("id")
        .rank("place", (over) => void over.orderBy("sold", "desc"));
      expect(ranked.map((row) => [Number(row.id), Number(row["place"])])).toEqual([
        [1, 3],
        [2, 2],
        [3, 1],
      ]);
    });

    it("rows are as the engine stores them, and decodeRows gives them as get does", async () => {
      const author = fresh();
      const row = {
        author,
        id: 1,
        title: author,
        price: "12.5",
        sold: 3,
        big: 9007199254740993n,
        rate: 0.1,
        ready: true,
        tags: ["b", "a"],
        meta: { deep: [1, "x", null] },
        data: new Uint8Array([0, 255, 7]),
        added: new Date(1_700_000_000_123),
      };
      await db.put("book", row);
      await db.put("book", { author, id: 2, meta: "a text" });
      const knex = await knexOf(db, "main");
      const stored = await knex("book").where({ author }).orderBy("id");
      const decoded = decodeRows(db, "book", stored);
      expect(decoded[0]!.data).toEqual(row.data);
      const plain = (rows: readonly object[]): object[] => rows.map((each) => ({ ...each, data: undefined }));
      expect(plain(decoded)).toEqual(
        plain(
          await db.list(
            "book",
            [1, 2].map((id) => ({ author, id })),
          ),
        ),
      );
      const some = await knex("book")
        .where({ author, id: 1 })
        .select("price", "added", knex.raw("? as note", ["mine"]));
      expect(decodeRows(db, "book", some)).toEqual([{ price: "12.5", added: row.added, note: "mine" }]);
    });

    it("what knex writes the calls read, and values are never a part of the SQL", async () => {
      const hostile = `${fresh()}'; DROP TABLE author; -- \\ " ? $1 :a`;
      const knex = await knexOf(db);
      await knex("author").insert({ id: hostile, name: hostile });
      expect(await db.get("author", hostile)).toMatchObject({ name: hostile });
      expect(await authors(knex("author").where({ name: hostile }))).toMatchObject([{ id: hostile }]);
      expect(await knex("author").where({ id: hostile }).update({ name: "new" })).toBe(1);
      expect(await authors(knex("author").where({ id: hostile }).select("name"))).toEqual([{ name: "new" }]);
      expect(await knex("author").where({ id: hostile }).del()).toBe(1);
      expect(await db.get("author", hostile)).toBeUndefined();
    });

    it("inside a transaction knex is in it, and is undone with it", async () => {
      const id = fresh();
      const knex = await knexOf(db);
      const failed = db.transaction(async (tx) => {
        await tx.put("author", { id, name: "one" });
        expect(await authors(knex("author").where({ id }))).toMatchObject([{ name: "one" }]);
        await knex("author").where({ id }).update({ name: "two" });
        expect(await tx.get("author", id)).toMatchObject({ name: "two" });
        throw new Error("enough");
      });
      await expect(failed).rejects.toThrow("enough");
      expect(await db.get("author", id)).toBeUndefined();
      await db.transaction(async (tx) => {
        const own = await knexOf(tx);
        await own("author").insert({ id, name: "kept" });
      });
      expect(await db.get("author", id)).toMatchObject({ name: "kept" });
    });

    it("a statement that is refused leaves the transaction usable", async () => {
      const id = fresh();
      const knex = await knexOf(db);
      await db.transaction(async (tx) => {
        await tx.put("author", { id, name: "one" });
        await expect(knex("author").insert({ id, name: "again" })).rejects.toMatchObject({ name: "DbError", code: "already-exists" });
        await knex("author").where({ id }).update({ name: "two" });
        await tx.put("author", { id: `${id}b`, name: "more" });
      });
      expect([await db.get("author", id), await db.get("author", `${id}b`)]).toMatchObject([{ name: "two" }, { name: "more" }]);
    });

    it("the time of a transaction bounds a statement of knex in it", async () => {
      const id = fresh();
      const knex = await knexOf(db);
      const work = db.transaction(
        async (tx) => {
          await tx.put("author", { id, name: "one" });
          // On engines that answer at once the time is over before.
          await knex.raw(fixture.slow ?? "SELECT 1");
          await new Promise((resolve) => setTimeout(resolve, 60_000));
        },
        { timeoutMs: 300 },
      );
      await expect(work).rejects.toMatchObject({ name: "DbError", code: "timeout" });
      expect(await db.get("author", id)).toBeUndefined();
    });

    it("a knex of a transaction that is over is closed, and never reaches the connection's next borrower", async () => {
      const id = fresh();
      let kept: Knex | undefined;
      await db.transaction(async (tx) => {
        kept = await knexOf(tx);
        await tx.put("author", { id, name: "one" });
      });
      await expect(kept!("author").where({ id }).del()).rejects.toMatchObject({ name: "DbError", code: "closed" });
      expect(await db.get("author", id)).toBeDefined();
    });

    it("a transaction of knex is one of the pool: kept or undone as a whole", async () => {
      const id = fresh();
      const knex = await knexOf(db);
      await knex.transaction(async (trx) => {
        await trx("author").insert({ id, name: "one" });
        await trx("author").where({ id }).update({ name: "two" });
      });
      expect(await db.get("author", id)).toMatchObject({ name: "two" });
      const failed = knex.transaction(async (trx) => {
        await trx("author").where({ id }).update({ name: "three" });
        await trx("author").insert({ id, name: "again" });
      });
      await expect(failed).rejects.toMatchObject({ code: "already-exists" });
      expect(await db.get("author", id)).toMatchObject({ name: "two" });
    });

    it("a transaction of knex inside of one is a part that can be undone by itself", async () => {
      const id = fresh();
      const knex = await knexOf(db);
      await db.transaction(async (tx) => {
        await tx.put("author", { id, name: "outer" });
        await knex
          .transaction(async (trx) => {
            await trx("author").where({ id }).update({ name: "inner" });
            throw new Error("only this");
          })
          .catch((error: Error) => expect(error.message).toBe("only this"));
        expect(await tx.get("author", id)).toMatchObject({ name: "outer" });
        await knex.transaction(async (trx) => {
          await trx("author").insert({ id: `${id}b`, name: "kept" });
        });
      });
      expect([await db.get("author", id), await db.get("author", `${id}b`)]).toMatchObject([{ name: "outer" }, { name: "kept" }]);
    });

    it("a transaction that is begun by hand and left open is undone", async () => {
      const id = fresh();
      const knex = await knexOf(db);
      await knex.raw("BEGIN");
      await knex("author").insert({ id, name: "one" });
      await knex.raw("ROLLBACK").catch(() => undefined);
      expect(await db.get("author", id)).toMatchObject({ name: "one" });
    });

    it("errors say why, without values", async () => {
      const id = `hush-${fresh()}`;
      const knex = await knexOf(db);
      await knex("author").insert({ id, name: "one" });
      const taken = await knex("author")
        .insert({ id, name: "hush" })
        .catch((error: unknown) => error);
      expect(taken).toMatchObject({ name: "DbError", code: "already-exists", op: "knex", outcome: "none" });
      const unknown = await knex("author" as string)
        .where({ id, nope: "hush" })
        .catch((error: unknown) => error);
      expect(unknown).toMatchObject({ name: "DbError", code: "invalid", op: "knex" });
      expect((unknown as Error).message).toContain("nope");
      const syntax = await knex.raw("SELEC ?", ["hush"]).catch((error: unknown) => error);
      expect(syntax).toMatchObject({ name: "DbError", code: "invalid" });
      for (const error of [taken, unknown, syntax]) expect((error as Error).message).not.toContain("hush");
    });

    it("more queries than connections wait for one, and give it back whatever becomes of them", async () => {
      const knex = await knexOf(db);
      const queries = Array.from({ length: 60 }, (_, i) =>
        i % 3 === 0 ? knex.raw("nonsense").catch(() => "refused") : knex("author").count(),
      );
      expect((await Promise.all(queries)).filter((result) => result === "refused")).toHaveLength(20);
      expect(await db.count("author", {}, { all: true })).toBeGreaterThanOrEqual(0);
    });

    it("a connection that is lost is one error, and never lent again", async () => {
      const { cut } = fixture;
      const knex = await knexOf(db);
      const lost = cut === undefined ? [] : await Promise.all([1, 2, 3].map(() => knex.raw(cut).catch((error: unknown) => error)));
      for (const error of lost) expect(error).toMatchObject({ name: "DbError", op: "knex" });
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, async () => decodeRows(db, "author", await knex("author").limit(1)).length),
      );
      expect(outcomes.every((length) => length === 1)).toBe(true);
    });

    it("streams are refused", async () => {
      const knex = await knexOf(db);
      const read = async (): Promise<void> => {
        for await (const row of knex("author").stream()) expect(row).toBeUndefined();
      };
      await expect(read()).rejects.toMatchObject({ name: "DbError", code: "unsupported" });
    });

    it("the database waits for a transaction of knex before it closes, and knex is closed then", async () => {
      const own = await open();
      const id = fresh();
      const knex = await knexOf(own);
      let closing: Promise<void> | undefined;
      await knex.transaction(async (trx) => {
        await trx("author").insert({ id, name: "one" });
        closing = own.close();
        await trx("author").where({ id }).update({ name: "two" });
      });
      await closing;
      await expect(knex("author").where({ id })).rejects.toMatchObject({ name: "DbError", code: "closed" });
      await expect(knexOf(own)).rejects.toMatchObject({ code: "closed" });
      expect(await db.get("author", id)).toMatchObject({ name: "two" });
    });
  });
}
