// Embedded databases on a disk that is full.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { DbError, defineTables } from "@bk/db";
import type { AnyDb } from "../../src/testing/any-db.js";
import { fixture as level } from "../../src/drivers/level/fixture.js";
import { fixture as lmdb } from "../../src/drivers/lmdb/fixture.js";
import { fixture as sqlite } from "../../src/drivers/sqlite/fixture.js";
import { isWanted, openAny } from "../fixtures.js";
import { canMount, mountSmallDisk, type SmallDisk } from "./small-disk.js";

const tables = defineTables({ thing: { id: { primary: 1 }, n: { type: "int", index: 1 }, text: {} } });
const text = "x".repeat(20_000);

/** Puts rows until one is refused. */
async function fill(db: AnyDb, acknowledged: Set<string>): Promise<unknown> {
  for (let n = 0; n < 1_000; n++) {
    const id = `k${n}`;
    try {
      await db.put("thing", { id, n, text });
      acknowledged.add(id);
    } catch (error) {
      return error;
    }
  }
  throw new Error("the disk did not get full");
}

async function lost(db: AnyDb, acknowledged: ReadonlySet<string>): Promise<string[]> {
  const rows = await db.list("thing", [...acknowledged], { select: ["id"] });
  const found = new Set(rows.map((row) => row["id"]));
  return [...acknowledged].filter((id) => !found.has(id));
}

const drivers = [
  { fixture: lmdb, urlOf: (folder: string) => `lmdb:${folder}/a.lmdb` },
  { fixture: level, urlOf: (folder: string) => `level:${folder}/level` },
  { fixture: sqlite, urlOf: (folder: string) => `sqlite:${folder}/a.db` },
];
const isPossible = canMount();

for (const { fixture, urlOf } of drivers) {
  if (!isPossible || !isWanted(fixture)) {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    continue;
  }
  describe(`driver: ${fixture.name}`, () => {
    let disk: SmallDisk;
    beforeAll(() => {
      disk = mountSmallDisk("3m");
    });
    afterAll(() => disk.remove());

    it("a full disk refuses writes and says so; what was acknowledged is there, and writes go on when there is room", async () => {
      const open = async (): Promise<AnyDb> => {
        const db = await openAny({ url: urlOf(disk.folder), tables, attempts: 2 });
        await db.sync();
        return db;
      };
      const acknowledged = new Set<string>();
      const db = await open();
      const refused = await fill(db, acknowledged);
      expect(refused).toBeInstanceOf(DbError);
      expect(refused).toMatchObject({ code: "unavailable", message: expect.stringMatching(/the disk (is|may be) full/) as unknown });
      expect(acknowledged.size).toBeGreaterThan(20);
      // Again and together: no error is nobody's.
      const again = await Promise.allSettled([0, 1, 2, 3].map((n) => db.put("thing", { id: `again${n}`, n, text })));
      for (const [n, result] of again.entries())
        if (result.status === "fulfilled") acknowledged.add(`again${n}`);
        else expect(result.reason).toMatchObject({ code: "unavailable" });
      expect(await lost(db, acknowledged)).toEqual([]);
      await db.close();

      disk.grow("64m");
      const later = await open();
      expect(await lost(later, acknowledged)).toEqual([]);
      expect(await later.put("thing", { id: "later", n: -1, text })).toEqual({ affected: 1 });
      expect(await later.count("thing", { n: -1 })).toBe(1);
      await later.close();
    });
  });
}
