// Three nodes of Cassandra, of which one is killed: what two replicas agree on goes on.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type DbError, defineTables } from "@bk/db";
import { type Service, startService } from "../../../../test/services/index.js";
import { fixture } from "../../src/drivers/cassandra/fixture.js";
import type { AnyDb } from "../../src/testing/any-db.js";
import { refuses, walk } from "../../src/testing/expectations.js";
import { isWanted, openAny } from "../fixtures.js";

const tables = defineTables({
  log: { lane: { primary: 1 }, at: { type: "int", primary: 2 }, text: {} },
  counter: { id: { primary: 1 }, n: { type: "int" }, place: { index: 1 } },
});
const ids = Array.from({ length: 60 }, (_, i) => `c${i}`);

if (isWanted(fixture) && process.env["BK_TEST_QUICK"] !== "1")
  describe("driver: cassandra", { timeout: 240_000 }, () => {
    let cluster: Service;
    let db: AnyDb;

    beforeAll(async () => {
      cluster = await startService("cassandra-cluster");
      db = await openAny({ url: cluster.url.replace("bk_test", "shop"), tables });
      await db.sync();
    }, 240_000);

    afterAll(async () => {
      await db?.close();
      // Nodes that say farewell to each other take longer than a stop may.
      await cluster?.kill();
      await cluster?.stop();
    });

    async function sumOf(expected: number): Promise<void> {
      const rows = await db.list("counter", ids);
      expect(rows).toHaveLength(ids.length);
      expect(rows.reduce((sum, row) => sum + Number(row["n"]), 0)).toBe(expected);
    }

    it("of three nodes: the keyspace that sync makes has three replicas, and several at once may sync", async () => {
      const others = await Promise.all([0, 1, 2].map(() => openAny({ url: cluster.url.replace("bk_test", "shop"), tables })));
      await Promise.all(others.map((other) => other.sync()));
      expect(await others[0]!.sync()).toMatchObject({ created: [], altered: [], indexed: [], drift: [] });
      await Promise.all(others.map((other) => other.close()));
      const cql = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'shop'";
      const rows = (await (db as unknown as { native(pool: string, command: string): Promise<unknown> }).native("main", cql)) as {
        readonly replication: Readonly<Record<string, string>>;
      }[];
      expect(rows[0]!.replication["datacenter1"]).toBe("3");
    });

    it("of three nodes, one killed: reads, writes, increments, pages and batches go on and lose nothing", async () => {
      await db.bulk(ids.map((id) => ({ op: "put", table: "counter", row: { id, n: 1, place: "Rome" } })));
      await sumOf(60);
      // Not the node that the client asks for what the cluster is.
      const killed = cluster.kill(2);
      // Calls are under way while it dies: each is done, or says that it is not known, and then is not repeated here.
      const outcomes = await Promise.all(
        ids.map((id) =>
          db.incr("counter", { id, n: 1 }).then(
            () => "done",
            (error: { outcome: string }) => error.outcome,
          ),
        ),
      );
      await killed;
      const [done, unknown] = ["done", "unknown"].map((outcome) => outcomes.filter((one) => one === outcome).length) as [number, number];
      const sum = (await db.list("counter", ids)).reduce((total, row) => total + Number(row["n"]), 0);
      expect(sum).toBeGreaterThanOrEqual(60 + done);
      expect(sum).toBeLessThanOrEqual(60 + done + unknown);

      // Until the others have found out, reads of many rows wait for the dead node, and say in the end that it did not answer.
      await expect.poll(() => db.count("counter", { place: "Rome" }).catch(() => undefined), { timeout: 90_000 }).toBe(60);
      await db.updateAll("counter", { place: "Rome" }, { n: 5 });
      await sumOf(300);
      await Promise.all(ids.map((id) => db.incr("counter", { id, n: 1 })));
      await sumOf(360);
      await db.transaction(async (tx) => {
        await tx.add("log", { lane: "a", at: 1, text: "one" });
        await tx.add("log", { lane: "a", at: 2, text: "two" });
      });
      await refuses(db.add("log", { lane: "a", at: 2, text: "again" }), "already-exists", { outcome: "none" });
      expect(await walk(db, "log", { lane: "a" }, { count: 1 })).toHaveLength(2);
    });

    it("of three nodes, two killed: nothing is done and the error says so; when they are back the same client goes on", async () => {
      await cluster.kill(1);
      const codeOf = (): Promise<unknown> =>
        db.get("counter", "c1").then(
          () => "found",
          (error: DbError) => error.code,
        );
      await expect.poll(codeOf, { timeout: 90_000 }).toBe("unavailable");
      await refuses(db.put("counter", { id: "c1", n: 9 }), "unavailable", { outcome: "none" });
      await cluster.start();
      await expect
        .poll(
          () =>
            db.get("counter", "c1").then(
              (row) => row?.["n"],
              () => "away",
            ),
          { timeout: 60_000 },
        )
        .toBe(6);
      await sumOf(360);
    });
  });
else describe("not run here", () => it.skip("cassandra-cluster", () => undefined));
