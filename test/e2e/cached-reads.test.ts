// Cached reads of @bk/db on caches of @bk/cache, in one process.

import { randomUUID } from "node:crypto";

import { openCache } from "@bk/cache";
import { defineTables, openDb, table } from "@bk/db";
import { describe, expect, it } from "vitest";

const tables = defineTables({
  counter: table({ id: { primary: 1 }, n: { type: "int64", value: 0n }, data: { type: "json" } }, { cached: { missTtlMs: 60_000 } }),
});

describe.each([{}, { frozen: true }, { codec: "raw" as const }, { onDown: "stale" as const }])(
  "cached reads on a local cache with %j",
  (options) => {
    it("of several databases always see what was written last", async () => {
      await using cache = await openCache("local:", options);
      const url = `memory:${randomUUID()}`;
      const dbs = await Promise.all([0, 1, 2].map(() => openDb({ url, tables, cache: { store: cache } })));
      await dbs[0]!.sync();
      const ids = ["a", "b", "c"];
      const last = new Map<string, bigint>();
      const rounds = async (own: number): Promise<void> => {
        const db = dbs[own]!;
        for (let i = 0; i < 100; i++) {
          const id = ids[(i + own) % ids.length]!;
          const { row } = await db.incr("counter", { id, n: 1n }, { returning: "new" });
          if (row!.n! > (last.get(id) ?? 0n)) last.set(id, row!.n!);
          const least = last.get(id)!;
          const read = await dbs[(own + i) % dbs.length]!.get("counter", id);
          expect(read!.n! >= least).toBe(true);
        }
      };
      await Promise.all(dbs.map((_, own) => rounds(own)));
      for (const db of dbs) expect(await db.list("counter", ids)).toMatchObject(ids.map(() => ({ n: 100n })));
      const hits = dbs.reduce((sum, db) => sum + db.metrics()["main"]!.cached!.hits, 0);
      expect(hits).toBeGreaterThan(0);
      await Promise.all(dbs.map((db) => db.close()));
    });

    it("go on when the cache is closed", async () => {
      const cache = await openCache("local:", options);
      await using db = await openDb({ url: "memory:", tables, cache: { store: cache } });
      await db.sync();
      await db.put("counter", { id: "a", data: { x: 1 } });
      expect(await db.get("counter", "a")).toMatchObject({ data: { x: 1 } });
      await cache.close();
      await db.put("counter", { id: "a", data: [] });
      expect(await db.get("counter", "a")).toMatchObject({ data: [] });
    });
  },
);
