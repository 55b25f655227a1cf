import { systemClock } from "@bk/core";
import { type Db, defineTables, openDb } from "@bk/db";
import { testDriver } from "@bk/db/testing";
import { describe, expect, it } from "vitest";

import { EngineError, MapEngine } from "../map-engine.js";
import { partialGroupsDriver } from "./partial-groups-driver.js";

testDriver({
  id: "partial-groups",
  async openStore() {
    const engine = new MapEngine();
    return {
      openDb: (settings) => openDb({ ...settings, driver: partialGroupsDriver(engine, settings.clock ?? systemClock) }),
      clean: async () => undefined,
    };
  },
});

const tables = defineTables({
  note: { id: { type: "int", primary: 1 }, name: { unique: 1 }, n: { type: "int", index: 1 }, tags: { type: "list" } },
  copy: { id: { type: "int", primary: 1 }, n: { type: "int" } },
  leaf: { part: { primary: 1 }, at: { type: "int", primary: 2 } },
});
type Notes = Db<typeof tables>;

async function withNotes(count: number, work: (db: Notes, engine: MapEngine) => Promise<void>): Promise<void> {
  const engine = new MapEngine();
  await using db = await openDb({ driver: partialGroupsDriver(engine, systemClock), tables });
  await db.bulk(Array.from({ length: count }, (_, id) => ({ table: "note", op: "put", row: { id, name: `n${id}`, n: id % 5 } }) as const));
  await work(db, engine);
}

async function pagesOf(db: Notes, filter: object, options: object): Promise<number[][]> {
  const pages: number[][] = [];
  let start: string | undefined;
  do {
    const page = await db.select("note", filter, { ...options, ...(start === undefined ? {} : { start }) });
    pages.push(page.rows.map(({ id }) => id));
    start = page.next;
  } while (start !== undefined && pages.length < 1000);
  return pages;
}

describe("groups of which each member has an outcome of its own", () => {
  it("reports the members that took effect and the one in the middle that did not", () =>
    withNotes(3, async (db) => {
      const before = db.metrics()["main"]!.groups;
      const results = await db.bulk([
        { table: "note", op: "put", row: { id: 10, name: "x" } },
        { table: "note", op: "put", row: { id: 11, name: "n1" } },
        { table: "note", op: "put", row: { id: 12, name: "y" } },
      ]);
      expect(results).toMatchObject([{ affected: 1 }, { error: { code: "already-exists", outcome: "none", op: "put" } }, { affected: 1 }]);
      expect(db.metrics()["main"]!.groups - before).toBe(1);
      expect((await db.list("note", [10, 11, 12])).map(({ id }) => id)).toEqual([10, 12]);
    }));

  it("gives each of the calls of one tick its own outcome", () =>
    withNotes(3, async (db) => {
      const calls = await Promise.allSettled([10, 11, 12].map((id) => db.add("note", { id, name: id === 11 ? "n1" : `n${id}` })));
      expect(calls.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    }));

  it("sends a member again that was put off, and no other", () =>
    withNotes(0, async (db, engine) => {
      const sent: unknown[] = [];
      engine.before = (shape, values) => {
        if (shape.verb !== "put") return;
        sent.push(values[0]);
        if (values[0] === 2 && sent.filter((id) => id === 2).length === 1) throw new EngineError("busy");
      };
      const rows = [1, 2, 3].map((id) => ({ table: "note", op: "put", row: { id, n: 0 } }) as const);
      expect(await db.bulk(rows)).toEqual([{ affected: 1 }, { affected: 1 }, { affected: 1 }]);
      expect(sent).toEqual([1, 2, 3, 2]);
    }));

  it("leaves it open whether a member took effect of which the engine does not say so", () =>
    withNotes(0, async (db, engine) => {
      engine.before = (shape, values) => {
        if (shape.verb === "put" && values[0] === 2) throw new Error("connection lost");
      };
      const rows = [1, 2, 3].map((id) => ({ table: "note", op: "put", row: { id, n: 0 } }) as const);
      expect(await db.bulk(rows)).toMatchObject([{ affected: 1 }, { error: { code: "internal", outcome: "unknown" } }, { affected: 1 }]);
    }));
});

describe("groups that are bounded in bytes, and by where their rows lie", () => {
  const groupsOf = async (db: Notes, work: () => Promise<unknown>): Promise<number> => {
    const before = db.metrics()["main"]!.groups;
    await work();
    return db.metrics()["main"]!.groups - before;
  };
  const put = (id: number, name: string) => ({ table: "note", op: "put", row: { id, name, n: 0 } }) as const;

  it("are as few as take the bytes; a member that is over them alone is sent alone", () =>
    withNotes(0, async (db) => {
      const short = Array.from({ length: 30 }, (_, id) => put(id, `n${id}`));
      expect(await groupsOf(db, () => db.bulk(short))).toBe(3);
      // Each of them 120 bytes and a little more: two fit in one request.
      const long = Array.from({ length: 10 }, (_, id) => put(id, `${id}${"ä".repeat(60)}`));
      expect(await groupsOf(db, () => db.bulk(long))).toBe(5);
      const large = [put(1, "a"), put(2, "x".repeat(1000)), put(3, "b"), put(4, "c")];
      let results: unknown[] = [];
      expect(await groupsOf(db, async () => (results = await db.bulk(large)))).toBe(1);
      expect(results).toEqual(large.map(() => ({ affected: 1 })));
      expect((await db.list("note", [1, 2, 3, 4])).map(({ name }) => name?.length)).toEqual([1, 1000, 1, 1]);
    }));

  it("are made so of the calls of one tick too", () =>
    withNotes(0, async (db) => {
      const puts = (): Promise<unknown> =>
        Promise.all(Array.from({ length: 10 }, (_, id) => db.put("note", { id, name: `${id}${"ä".repeat(60)}` })));
      expect(await groupsOf(db, puts)).toBe(5);
      expect(await db.count("note", {}, { scan: true })).toBe(10);
    }));

  it("have the rows of one partition each", () =>
    withNotes(0, async (db) => {
      const rows = Array.from({ length: 40 }, (_, i) => ({ part: `p${i % 3}`, at: i }));
      await db.bulk(rows.map((row) => ({ table: "leaf", op: "put", row }) as const));
      let found: unknown[] = [];
      // 14, 13 and 13 rows, ten of them in a request.
      expect(await groupsOf(db, async () => (found = await Promise.all(rows.map((row) => db.get("leaf", row)))))).toBe(6);
      expect(found).toEqual(rows);
    }));
});

describe("pages that end at a mark of the engine", () => {
  it.each([1, 3, 7, 10, 40])("go on from a token and repeat nothing (pages of %i)", (count) =>
    withNotes(40, async (db) => {
      for (const options of [{ count }, { count, sort: "n" }, { count, sort: "n", desc: true }]) {
        const pages = await pagesOf(db, {}, options);
        expect(new Set(pages.flat()).size).toBe(40);
        expect(pages.flat()).toHaveLength(40);
        expect(pages.slice(0, -1).every((page) => page.length === count)).toBe(true);
      }
    }),
  );

  it("go on also where the core leaves rows out", () =>
    withNotes(40, async (db) => {
      const pages = await pagesOf(db, { $or: [{ id: { $lt: 5 } }, { n: 3 }] }, { count: 2 });
      expect(pages.flat()).toEqual([0, 1, 2, 3, 4, 8, 13, 18, 23, 28, 33, 38]);
    }));

  it("refuse a token of another query", () =>
    withNotes(20, async (db) => {
      const { next } = await db.select("note", { n: 1 }, { count: 2 });
      await expect(db.select("note", { n: 2 }, { count: 2, start: next! })).rejects.toMatchObject({ code: "invalid" });
    }));
});

describe("a limit of values", () => {
  it.each([40, 99, 101, 250])("lets a filter of %i values work on the second page as on the first", (most) =>
    withNotes(260, async (db) => {
      const wanted = Array.from({ length: most }, (_, i) => i);
      for (const options of [{ count: 30 }, { count: 30, sort: "n" }]) {
        const pages = await pagesOf(db, { id: { $in: wanted } }, options);
        expect(pages.flat().sort((a, b) => a - b)).toEqual(wanted);
      }
      expect(await db.count("note", { id: { $in: wanted } })).toBe(most);
    }),
  );

  it("bounds what writes by filter ask too", () =>
    withNotes(120, async (db) => {
      const ids = Array.from({ length: 110 }, (_, i) => i);
      expect(await db.updateAll("note", { id: { $in: ids } }, { n: 9 })).toEqual({ affected: 110 });
      expect(await db.delAll("note", { id: { $in: ids }, n: 9 })).toEqual({ affected: 110 });
      expect(await db.count("note", {}, { scan: true })).toBe(10);
    }));
});

describe("late reads", () => {
  it("are what a select gives that does not ask for the latest rows", () =>
    withNotes(1, async (db, engine) => {
      engine.lag();
      await db.put("note", { id: 1, n: 1 });
      expect((await db.select("note", {}, { scan: true })).rows).toHaveLength(1);
      expect((await db.select("note", {}, { scan: true, consistent: true })).rows).toHaveLength(2);
      expect(await db.get("note", 1)).toBeUndefined();
      expect(await db.get("note", 1, { consistent: true })).toMatchObject({ n: 1 });
      expect(await db.count("note", { n: 1 }, { consistent: true })).toBe(1);
    }));

  it("let no row be missed that updateAll, delAll or copy are about", () =>
    withNotes(3, async (db, engine) => {
      engine.lag();
      await db.put("note", { id: 7, n: 70 });
      expect(await db.updateAll("note", { n: 70 }, { n: 71 })).toEqual({ affected: 1 });
      expect(await db.delAll("note", { n: 71 })).toEqual({ affected: 1 });
      expect(await db.delAll("note", {}, { all: true })).toEqual({ affected: 3 });
    }));

  it("let copy miss no row", async () => {
    const engine = new MapEngine();
    const driver = partialGroupsDriver(engine, systemClock);
    await using db = await openDb({ pools: { from: { driver }, to: "memory:" }, tables });
    await db.put("copy", { id: 1, n: 1 });
    engine.lag();
    await db.put("copy", { id: 2, n: 2 });
    await db.put("copy", { id: 1, n: 3 });
    expect(await db.copy({ from: "from", to: "to", tables: ["copy"] })).toEqual({ copy: 2 });
    expect((await db.pool("to").select("copy", {}, { scan: true })).rows).toEqual([
      { id: 1, n: 3 },
      { id: 2, n: 2 },
    ]);
  });

  it("are not what is compared before a row is changed", () =>
    withNotes(1, async (db, engine) => {
      engine.lag();
      await db.put("note", { id: 1, n: 1, tags: ["a"] });
      expect(await db.update("note", { id: 1, n: 2 }, { where: { n: 1 }, returning: "old" })).toMatchObject({ row: { n: 1 } });
      expect(await db.incr("note", { id: 1, n: 1 }, { returning: "new" })).toMatchObject({ row: { n: 3 } });
      expect(await db.put("note", { id: 1, n: 9 }, { returning: "old" })).toMatchObject({ row: { n: 3 } });
      expect(await db.del("note", 1, { where: { n: 9 }, returning: "old" })).toMatchObject({ row: { n: 9 } });
    }));
});
