// A process with a database of cached rows, for cached-reads.test.ts.

import { openCache } from "@bk/cache";
import { openDb } from "@bk/db";

import { tables } from "./cached-reads-tables.js";

/** What a test asks of it; the answer goes back by message. */
export type Order =
  | { readonly op: "open"; readonly db: string; readonly cache: string; readonly prefix: string }
  | { readonly op: "put"; readonly id: string; readonly n: bigint }
  | { readonly op: "get"; readonly id: string }
  /** Adds to rows and reads them, `rounds` times; gives how often a read was older than the write before it. */
  | { readonly op: "race"; readonly ids: readonly string[]; readonly rounds: number }
  | { readonly op: "hits" }
  | { readonly op: "close" };

async function open({ db: url, cache: store, prefix }: Extract<Order, { op: "open" }>) {
  const cache = await openCache(store, { prefix });
  // A busy machine is not a slow cache.
  const db = await openDb({ url, tables, cache: { store: cache, waitMs: 20_000 } });
  return { db, cache };
}

let opened: Awaited<ReturnType<typeof open>> | undefined;

async function carryOut(order: Order): Promise<unknown> {
  if (order.op === "open") {
    opened = await open(order);
    return undefined;
  }
  const { db, cache } = opened!;
  switch (order.op) {
    case "put":
      return db.put("counter", { id: order.id, n: order.n });
    case "get":
      return (await db.get("counter", order.id))?.n;
    case "race": {
      let older = 0;
      for (let i = 0; i < order.rounds; i++) {
        const id = order.ids[i % order.ids.length]!;
        const { row } = await db.incr("counter", { id, n: 1n }, { returning: "new" });
        const read = await db.get("counter", id);
        if (read!.n! < row!.n!) older++;
      }
      return older;
    }
    case "hits":
      return db.metrics()["main"]!.cached!.hits;
    case "close":
      await db.close();
      await cache.close();
      process.disconnect();
      return undefined;
  }
}

process.on("message", (order: Order) => {
  carryOut(order).then(
    (result) => process.connected && process.send!({ result }),
    (error: unknown) => process.connected && process.send!({ error: String(error) }),
  );
});
