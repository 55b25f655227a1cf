import { once } from "node:events";

import { silentLog, systemClock } from "@bk/core";
import { defineTables, type Driver, openDb } from "@bk/db";
import { knexOf } from "@bk/db/knex";
import { expect, it } from "vitest";

import { sqliteDriver } from "../../src/drivers/sqlite/index.js";

it("each connection that knex borrows is given back once", async () => {
  const driver: Driver = await sqliteDriver({ url: "sqlite::memory:", options: {}, clock: systemClock, log: silentLog });
  const access = driver.knex!;
  const releases: number[] = [];
  const counted: Driver = {
    ...driver,
    knex: {
      ...access,
      async lend() {
        const lent = await access.lend();
        const at = releases.push(0) - 1;
        return {
          ...lent,
          release(mayBeOpen) {
            releases[at]!++;
            return lent.release(mayBeOpen);
          },
        };
      },
    },
  };
  await using db = await openDb({ driver: counted, tables: defineTables({ note: { id: { primary: 1 } } }) });
  await db.sync();
  const knex = await knexOf(db);
  await knex("note").insert({ id: "a" });
  await knex.transaction((trx) => trx("note").insert({ id: "b" }));
  await knex.transaction((trx) => trx("note").insert({ id: "b" })).catch(() => undefined);
  await knex
    .transaction(async (trx) => {
      await trx.transaction((inner) => inner("note").insert({ id: "c" }));
      await trx.rollback(new Error("not after all"));
    })
    .catch(() => undefined);
  await expect(once(knex("note").select("id").stream(), "data")).rejects.toMatchObject({ code: "unsupported" });
  expect(await knex("note").select("id")).toHaveLength(2);
  expect(releases.length).toBe(6);
  expect(releases).toEqual(releases.map(() => 1));
});
