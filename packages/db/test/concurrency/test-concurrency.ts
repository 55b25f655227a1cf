import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { AnyDb } from "../../src/testing/any-db.js";
import { type Fixture, isWanted, openAny } from "../fixtures.js";
import { tables } from "./tables.js";
import { bank, places, sizes } from "./tasks.js";
import { openTeam, type Team } from "./team.js";

const processes = 8;

/** Registers the tests of a driver by eight processes that hammer the same rows. */
export function testConcurrency(fixture: Fixture): void {
  if (!isWanted(fixture) || process.env["BK_TEST_QUICK"] === "1") {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  describe(`driver: ${fixture.name}`, { timeout: 120_000 }, () => {
    let db: AnyDb;
    let team: Team;
    let clean: (() => Promise<void>) | undefined;

    beforeAll(async () => {
      const instance = (await fixture.open())!;
      clean = () => instance.clean();
      const store = { url: instance.url, ...(instance.options === undefined ? {} : { options: instance.options }) };
      db = await openAny({ ...store, tables });
      await db.sync();
      team = await openTeam(processes, store);
    }, 120_000);

    afterAll(async () => {
      await team?.close();
      await db?.close();
      await clean?.();
    });

    it("every increment counts exactly once, and each caller sees its own sum", async () => {
      const sums = (await team.all("increment")).flat() as number[];
      const total = processes * sizes.increments;
      expect((await db.get("counter", "one"))?.["n"]).toBe(total);
      expect(sums.sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i + 1));
    });

    it("sums of decimals and elements of sets are all kept", async () => {
      await team.all("compute");
      const row = await db.get("counter", "two");
      expect(Number(row?.["price"])).toBeCloseTo((processes * sizes.decimals) / 10, 10);
      expect(row?.["members"]).toHaveLength(processes * sizes.decimals);
    });

    it("a change guarded by what was read loses to whoever was faster", async () => {
      await db.put("counter", { id: "three", version: 0 });
      await team.all("optimistic");
      expect((await db.get("counter", "three"))?.["version"]).toBe(processes * sizes.versions);
    });

    it("of guarded updates exactly one wins", async () => {
      const ids = Array.from({ length: sizes.tickets }, (_, i) => `t${i}`);
      await db.bulk(ids.map((id) => ({ op: "put", table: "ticket", row: { id } })));
      const won = (await team.all("take")) as string[][];
      expect(won.flat().sort()).toEqual([...ids].sort());
      for (const [me, mine] of won.entries()) for (const id of mine) expect(await db.get("ticket", id)).toEqual({ id, owner: `p${me}` });
    });

    it("of adds of one key exactly one wins", async () => {
      const won = (await team.all("add")) as string[][];
      expect(won.flat().sort()).toEqual(Array.from({ length: sizes.tickets }, (_, i) => `a${i}`).sort());
      for (const [me, mine] of won.entries()) for (const id of mine) expect(await db.get("ticket", id)).toEqual({ id, owner: `p${me}` });
    });

    it("a unique value is got by exactly one", async () => {
      const won = (await team.all("claim")) as string[][];
      expect(won.flat().sort()).toEqual(Array.from({ length: sizes.names }, (_, i) => `m${i}`).sort());
      expect(await db.count("user", {}, { all: true })).toBe(sizes.names);
      for (const [me, mine] of won.entries())
        for (const mail of mine) expect((await db.select("user", { mail })).rows).toEqual([{ id: `${mail}-${me}`, mail }]);
    });

    it("an index gives the rows as they are, while they move and afterwards", async () => {
      await db.bulk(
        Array.from({ length: sizes.items }, (_, i) => ({
          op: "put",
          table: "item",
          row: { id: `i${i}`, place: places[0], rank: 0, moves: 0 },
        })),
      );
      const wrong = (await team.all("move")).flat();
      expect(wrong).toEqual([]);
      const all = (await db.select("item", {}, { count: 1000 })).rows;
      expect(all.reduce((sum, row) => sum + (row["moves"] as number), 0)).toBe(processes * sizes.moves);
      for (const place of places) {
        const { rows } = await db.select("item", { place });
        expect(rows.map((row) => row["id"]).sort()).toEqual(
          all
            .filter((row) => row["place"] === place)
            .map((row) => row["id"])
            .sort(),
        );
      }
    });

    it("transactions at once are each done as a whole, or unsupported", async () => {
      if (db.capabilities().transactions === "none")
        return expect(db.transaction(async () => undefined)).rejects.toMatchObject({ code: "unsupported" });
      const accounts = ["x0", "x1", "total"].map((id) => ({ bank, id }));
      for (const account of accounts) await db.put("account", { ...account, balance: 0 });
      await team.all("transfer");
      const [x0, x1, total] = (await db.list("account", accounts)).map((row) => row["balance"] as number);
      expect([x0! + x1!, total]).toEqual([0, processes * sizes.transfers]);
    });

    it("calls inside and outside of transactions at once all count, and none waits for ever", async () => {
      if (db.capabilities().transactions === "none") return;
      const accounts = ["mixed", "mixed-late"].map((id) => ({ bank, id }));
      for (const account of accounts) await db.put("account", { ...account, balance: 0 });
      await team.all("mix");
      const [mixed, late] = (await db.list("account", accounts)).map((row) => row["balance"]);
      expect([mixed, late]).toEqual([processes * sizes.rounds * 13, processes * sizes.rounds]);
    });
  });
}
