// A node of Cassandra on a disk that is full: a tmpfs, which wants the right to mount one.

import { randomBytes } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type DbError, defineTables } from "@bk/db";
import { type Service, startService } from "../../../../test/services/index.js";
import { fixture } from "../../src/drivers/cassandra/fixture.js";
import type { AnyDb } from "../../src/testing/any-db.js";
import { isWanted, openAny } from "../fixtures.js";
import { canMount, mountSmallDisk, type SmallDisk } from "./small-disk.js";

const tables = defineTables({ thing: { id: { primary: 1 }, n: { type: "int", index: 1 }, text: {} } });
// The node compresses what it stores.
const text = randomBytes(375_000).toString("base64");

if (!isWanted(fixture) || !canMount() || process.env["BK_TEST_QUICK"] === "1")
  describe("not run here", () => it.skip(fixture.name, () => undefined));
else
  describe(`driver: ${fixture.name}`, { timeout: 180_000 }, () => {
    let disk: SmallDisk;
    let server: Service;
    beforeAll(async () => {
      disk = mountSmallDisk("130m");
      server = await startService("cassandra", { dir: disk.folder });
    }, 180_000);
    afterAll(async () => {
      await server?.stop();
      disk?.remove();
    });

    const open = async (): Promise<AnyDb> => {
      const db = await openAny({ url: server.url, tables, attempts: 2 });
      await db.sync();
      return db;
    };

    it("on a full disk each write fails in a clear way, and what was acknowledged is there when the node has room again", async () => {
      const db = await open();
      const acknowledged: string[] = [];
      const failed: DbError[] = [];
      for (let n = 0; n < 1_000 && failed.length === 0; n++) {
        const id = `k${n}`;
        try {
          await db.put("thing", { id, n, text });
          acknowledged.push(id);
        } catch (error) {
          failed.push(error as DbError);
        }
      }
      expect(acknowledged.length).toBeGreaterThan(20);
      const again = await Promise.allSettled([0, 1, 2].map((n) => db.put("thing", { id: `again${n}`, n, text })));
      for (const result of again) if (result.status === "rejected") failed.push(result.reason as DbError);
      // A node whose log of writes cannot go on stops serving clients.
      expect(failed).toHaveLength(4);
      for (const error of failed) expect(["unavailable", "timeout"]).toContain(error.code);
      await db.close();

      disk.grow("1g");
      await server.kill();
      await server.start();
      const later = await open();
      const rows = await later.list("thing", acknowledged, { select: ["id"] });
      expect(rows.map((row) => row["id"])).toEqual(acknowledged);
      expect(await later.put("thing", { id: "later", n: -1, text })).toEqual({ affected: 1 });
      expect(await later.count("thing", { n: -1 })).toBe(1);
      await later.close();
    });
  });
