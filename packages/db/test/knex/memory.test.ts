import { openDb } from "@bk/db";
import { decodeRows, knexOf } from "@bk/db/knex";
import { expect, it } from "vitest";

const tables = { note: { id: { primary: 1 } } } as const;

it("is unsupported where the pool is no SQL database", async () => {
  await using db = await openDb({ url: "memory:", tables });
  await expect(knexOf(db)).rejects.toMatchObject({ name: "DbError", code: "unsupported", outcome: "none" });
  expect(() => decodeRows(db, "note", [])).toThrow(expect.objectContaining({ code: "unsupported" }) as Error);
});

it("takes a database, a pool or a transaction, and the name of a pool", async () => {
  await using db = await openDb({ pools: { main: "memory:", other: "sqlite::memory:" }, tables });
  await expect(knexOf({} as never)).rejects.toMatchObject({ code: "invalid" });
  await expect(knexOf(db, "nope")).rejects.toMatchObject({ code: "invalid" });
  await expect(knexOf(db)).rejects.toMatchObject({ code: "unsupported" });
  for (const knex of [await knexOf(db, "other"), await knexOf(db.pool("other"))])
    expect(await knex.raw("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

it("a transaction's knex stays in its pool", async () => {
  await using db = await openDb({ pools: { main: "sqlite::memory:", other: "sqlite::memory:" }, tables });
  await db.transaction(async (tx) => {
    await expect(knexOf(tx as never, "other")).rejects.toMatchObject({ code: "invalid" });
    const other = await knexOf(db, "other");
    expect(await other.raw("SELECT 2 AS two")).toEqual([{ two: 2 }]);
  });
});
