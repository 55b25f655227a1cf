// Servers that take no writes for a time: what was there is read, writes are refused by a clear error, and nothing of them is done.

import { MongoClient } from "mongodb";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { defineTables } from "@bk/db";
import { startService, type Service } from "../../../../test/services/index.js";
import { askRedis } from "../../../../test/services/redis.js";
import { fixture as elasticsearch } from "../../src/drivers/elasticsearch/fixture.js";
import { setFixture as mongodbSet } from "../../src/drivers/mongodb/fixture.js";
import { fixture as mysql, mariadbFixture as mariadb } from "../../src/drivers/mysql/fixture.js";
import { fixture as pg } from "../../src/drivers/postgres/fixture.js";
import { fixture as redis } from "../../src/drivers/redis/fixture.js";
import type { AnyDb } from "../../src/testing/any-db.js";
import { refuses } from "../../src/testing/expectations.js";
import { type Fixture, isWanted, openAny } from "../fixtures.js";

const tables = defineTables({ thing: { id: { primary: 1 }, n: { type: "int", index: 1 }, mail: { unique: 1 } } });

type NativeDb = AnyDb & { native(pool: string, command: unknown): Promise<unknown> };

interface Case {
  readonly fixture: Fixture;
  readonly service: string;
  readonly code: "denied" | "unavailable";
  readonly says: RegExp;
  /** Makes the server take no writes, or takes that back; gives the URL at which it is seen. */
  readonly set: (server: Service, admin: NativeDb, isReadOnly: boolean) => Promise<string>;
}

const readOnlyUser = async ({ url }: Service, admin: NativeDb, isReadOnly: boolean): Promise<string> => {
  // Whoever may change the setting is not bound by it.
  await admin.native("main", "CREATE USER IF NOT EXISTS 'reader'@'%' IDENTIFIED BY 'secret'");
  await admin.native("main", "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON test.* TO 'reader'@'%'");
  await admin.native("main", `SET GLOBAL read_only = ${isReadOnly ? "ON" : "OFF"}`);
  return url.replace(/\/\/[^@]*@/, "//reader:secret@");
};

const cases: readonly Case[] = [
  {
    fixture: pg,
    service: "pg",
    code: "denied",
    says: /read-only/,
    set: async ({ url }, admin, isReadOnly) => {
      const { pathname } = new URL(url);
      await admin.native("main", `ALTER DATABASE "${pathname.slice(1)}" SET default_transaction_read_only = ${isReadOnly ? "on" : "off"}`);
      return url;
    },
  },
  { fixture: mysql, service: "mysql", code: "denied", says: /read-only/, set: readOnlyUser },
  { fixture: mariadb, service: "mariadb", code: "denied", says: /read-only/, set: readOnlyUser },
  {
    fixture: redis,
    service: "redis",
    code: "unavailable",
    says: /replica/,
    set: async ({ url }, _admin, isReadOnly) => {
      // Of a server that is not there: it keeps what it has.
      await askRedis(Number(new URL(url).port), "REPLICAOF", ...(isReadOnly ? ["127.0.0.1", "1"] : ["NO", "ONE"]));
      return url;
    },
  },
  {
    fixture: elasticsearch,
    service: "elasticsearch",
    code: "unavailable",
    says: /takes no writes/,
    set: async ({ url }, admin, isReadOnly) => {
      // As the server does by itself when its disk is nearly full.
      const body = { "index.blocks.read_only_allow_delete": isReadOnly ? true : null };
      await admin.native("main", { method: "PUT", path: "/_all/_settings", body });
      return url;
    },
  },
  {
    fixture: mongodbSet,
    service: "mongodb-set",
    code: "unavailable",
    says: /not the primary/,
    set: async ({ url }, _admin, isReadOnly) => {
      const client = new MongoClient(url);
      // The only member is elected at once when it may be.
      await client.db("admin").command(isReadOnly ? { replSetStepDown: 60, force: true } : { replSetFreeze: 0 });
      await client.close();
      return url;
    },
  },
];

for (const { fixture, service, code, says, set } of cases) {
  if (!isWanted(fixture) || process.env["BK_TEST_QUICK"] === "1") {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    continue;
  }
  describe(`driver: ${fixture.name}`, { timeout: 90_000 }, () => {
    let server: Service;
    let admin: NativeDb;
    beforeAll(async () => {
      server = await startService(service);
      admin = (await openAny({ url: server.url, tables })) as NativeDb;
      await admin.sync();
      await admin.put("thing", { id: "a", n: 1, mail: "a@b" });
      // It sees its own write at once; from here on all do.
      await admin.select("thing", { n: 1 });
    }, 180_000);
    afterEach(async () => void (await set(server, admin, false)));
    afterAll(async () => {
      await admin?.close();
      await server?.stop();
    });

    it("that takes no writes is read from, refuses each write in the same words, and goes on when it takes them again", async () => {
      const db = await openAny({ url: await set(server, admin, true), tables, attempts: 2 });
      expect(await db.get("thing", "a")).toEqual({ id: "a", n: 1, mail: "a@b" });
      expect((await db.select("thing", { n: 1 })).rows).toHaveLength(1);
      const writes: readonly (() => Promise<unknown>)[] = [
        () => db.put("thing", { id: "b", n: 2 }),
        () => db.add("thing", { id: "b", n: 2, mail: "b@b" }),
        () => db.update("thing", { id: "a", n: 2 }),
        () => db.incr("thing", { id: "a", n: 1 }),
        () => db.updateAll("thing", { n: 1 }, { mail: null }),
      ];
      for (const write of writes) await refuses(write(), code, { outcome: "none", message: expect.stringMatching(says) as unknown });
      const both = await Promise.allSettled([db.put("thing", { id: "b", n: 2 }), db.put("thing", { id: "c", n: 2 })]);
      for (const result of both) expect(result).toMatchObject({ status: "rejected", reason: { code, outcome: "none" } });
      const results = await db.bulk([
        { op: "put", table: "thing", row: { id: "b", n: 2 } },
        { op: "update", table: "thing", row: { id: "a", n: 2 } },
      ]);
      expect(results).toMatchObject([{ error: { code } }, { error: { code } }]);
      await db.close();

      const later = await openAny({ url: await set(server, admin, false), tables });
      expect((await later.select("thing", {}, { scan: true })).rows).toEqual([{ id: "a", n: 1, mail: "a@b" }]);
      expect(await later.put("thing", { id: "b", n: 2, mail: "b@b" })).toEqual({ affected: 1 });
      await later.del("thing", "b");
      await later.close();
    });
  });
}
