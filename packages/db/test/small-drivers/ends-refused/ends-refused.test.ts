import { type Clock, silentLog, systemClock } from "@bk/core";
import { type DbError, defineTables, openDb } from "@bk/db";
import { testDriver } from "@bk/db/testing";
import { describe, expect, it } from "vitest";

import { endsRefusedDriver } from "./ends-refused-driver.js";

let stores = 0;

function optionsOf(name: string, clock: Clock) {
  return { url: `memory:${name}`, options: {}, clock, log: silentLog };
}

testDriver({
  id: "ends-refused",
  async openStore() {
    const name = `ends-refused-${++stores}`;
    // Keeps the store while databases come and go.
    const keeper = await endsRefusedDriver(optionsOf(name, systemClock));
    return {
      openDb: async (settings) => openDb({ ...settings, driver: await endsRefusedDriver(optionsOf(name, settings.clock ?? systemClock)) }),
      clean: () => keeper.close(),
    };
  },
});

const tables = defineTables({ user: { id: { primary: 1 }, email: { unique: 1 }, n: { type: "int" } } });
const open = async (savepoints = false) =>
  openDb({ driver: await endsRefusedDriver({ url: "memory:", options: {}, clock: systemClock, log: silentLog }, savepoints), tables });

describe("a transaction that ends when the engine refuses something", () => {
  it("refuses what comes later at once, and says why", async () => {
    await using db = await open();
    await db.put("user", { id: "a", email: "a@b.c" });
    const later: DbError[] = [];
    const call = db.transaction(async (tx) => {
      await tx.put("user", { id: "b", email: "a@b.c" }).catch(() => undefined);
      for (const next of [() => tx.put("user", { id: "c" }), () => tx.get("user", "a")])
        await next().catch((error: DbError) => void later.push(error));
      return "swallowed";
    });
    await expect(call).rejects.toMatchObject({ code: "already-exists", outcome: "none", op: "transaction" });
    for (const error of later)
      expect(error).toMatchObject({ code: "closed", outcome: "none", detail: { capability: "afterRefusal" }, table: "user" });
    expect(later.map(({ op }) => op)).toEqual(["put", "get"]);
    expect(await db.get("user", "c")).toBeUndefined();
  });

  it("goes on after what the core refuses, which the engine never saw", async () => {
    await using db = await open();
    await db.transaction(async (tx) => {
      await expect(tx.put("user", { id: "a", n: "wrong" as never })).rejects.toMatchObject({ code: "invalid" });
      await expect(tx.update("user", { id: "a", n: 1 }, { mustMatch: true })).rejects.toMatchObject({ code: "not-found" });
      await expect(tx.transaction(async () => undefined)).rejects.toMatchObject({ code: "unsupported" });
      await tx.put("user", { id: "a" });
    });
    expect(await db.get("user", "a")).toBeDefined();
  });

  it("rejects with a refusal that its function did not wait for", async () => {
    await using db = await open();
    await db.put("user", { id: "a", email: "a@b.c" });
    let refused: Promise<unknown> = Promise.resolve();
    const call = db.transaction(async (tx) => {
      refused = tx.put("user", { id: "b", email: "a@b.c" });
      refused.catch(() => undefined);
    });
    await expect(call).rejects.toMatchObject({ code: "already-exists" });
    await expect(refused).rejects.toMatchObject({ code: "already-exists" });
    expect(await db.get("user", "b")).toBeUndefined();
  });

  it("goes on when the part of it in which something was refused is undone", async () => {
    await using db = await open(true);
    await db.put("user", { id: "a", email: "a@b.c" });
    await db.transaction(async (tx) => {
      await tx.put("user", { id: "b" });
      const inner = tx.transaction(async (part) => {
        await part.put("user", { id: "c" });
        // Caught, and all the same this part is not kept.
        await part.put("user", { id: "d", email: "a@b.c" }).catch(() => undefined);
      });
      await expect(inner).rejects.toMatchObject({ code: "already-exists", outcome: "none" });
      await tx.put("user", { id: "e" });
    });
    expect((await db.list("user", ["a", "b", "c", "d", "e"])).map(({ id }) => id)).toEqual(["a", "b", "e"]);
  });
});
