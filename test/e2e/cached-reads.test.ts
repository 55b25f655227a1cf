// Cached reads of @bk/db on caches of @bk/cache, in one process and in several.

import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

import { openCache } from "@bk/cache";
import { openDb } from "@bk/db";
import { describe, expect, it } from "vitest";

import { temporaryFolder } from "../../packages/server/test/run-cli.js";
import { tables } from "./cached-reads-tables.js";
import type { Order } from "./cached-reads-worker.js";

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

const redis = process.env["BK_TEST_REDIS"];
const program = fileURLToPath(new URL("./cached-reads-worker.ts", import.meta.url));
const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

async function ask<T>(worker: ChildProcess, order: Order): Promise<T> {
  const answered = once(worker, "message");
  worker.send(order);
  const [{ result, error }] = (await answered) as [{ result?: T; error?: string }];
  if (error !== undefined) throw new Error(error);
  return result as T;
}

describe.skipIf(redis === undefined)("cached reads of two processes on Redis", () => {
  it("see what either has written last, also while both write", { timeout: 120_000 }, async () => {
    using folder = temporaryFolder();
    const url = `sqlite:${folder.file("rows.db")}`;
    const prefix = `bk-test-${randomUUID()}:`;
    const own = await openDb({ url, tables });
    await own.sync();
    const workers = [0, 1].map(() =>
      fork(program, { execArgv: ["--conditions=bk-source", `--import=${loader}`], serialization: "advanced" }),
    );
    try {
      await Promise.all(workers.map((worker) => ask(worker, { op: "open", db: url, cache: redis!, prefix })));
      for (let i = 0; i < 40; i++) {
        const [writer, reader] = i % 2 === 0 ? [workers[0]!, workers[1]!] : [workers[1]!, workers[0]!];
        const id = `row ${i % 3}`;
        await ask(writer, { op: "put", id, n: BigInt(i) });
        for (const worker of [reader, writer, reader]) expect(await ask(worker, { op: "get", id })).toBe(BigInt(i));
      }
      const ids = ["a", "b"];
      expect(await Promise.all(workers.map((worker) => ask(worker, { op: "race", ids, rounds: 60 })))).toEqual([0, 0]);
      for (const worker of workers) {
        for (const id of ids) expect(await ask(worker, { op: "get", id })).toBe(60n);
        expect(await ask<number>(worker, { op: "hits" })).toBeGreaterThan(20);
      }
      const ends = workers.map((worker) => once(worker, "exit"));
      for (const worker of workers) worker.send({ op: "close" } satisfies Order);
      expect((await Promise.all(ends)).map(([code]) => code as unknown)).toEqual([0, 0]);
    } finally {
      for (const worker of workers) worker.kill("SIGKILL");
      await own.close();
      const cache = await openCache(redis!, { prefix });
      await cache.clear();
      await cache.close();
    }
  });
});
