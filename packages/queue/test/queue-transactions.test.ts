// `submit` in a transaction of the app's own database.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDb } from "@bk/db";
import { openQueue, queueTables } from "@bk/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const tables = { order: { id: { primary: 1 }, text: {} }, ...queueTables } as const;

const folder = mkdtempSync(join(tmpdir(), "bk-queue-tx-"));
afterAll(() => rmSync(folder, { recursive: true }));

const databases: readonly (readonly [string, string | undefined])[] = [
  ["sqlite", `sqlite:${join(folder, "app.db")}`],
  ["memory", "memory:"],
  ["pg", process.env["BK_TEST_PG"]],
  ["mysql", process.env["BK_TEST_MYSQL"]],
  ["mariadb", process.env["BK_TEST_MARIADB"]],
];

describe.each(databases.filter(([, url]) => url !== undefined))("queue in a transaction: %s", (_name, url) => {
  const open = () => openDb({ url: url!, tables });
  let db: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    db = await open();
    await db.sync();
  });
  afterAll(() => db.close());

  it("commits with the caller's change, and rolls back with it", async () => {
    const name = `tx${process.pid}${Date.now()}`;
    await using queue = await openQueue<string>({ db, name });
    await expect(
      db.transaction(async (tx) => {
        await tx.put("order", { id: name, text: "undone" });
        await queue.submit("undone");
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(await queue.stats()).toMatchObject({ waiting: 0 });
    await db.transaction(async (tx) => {
      await tx.put("order", { id: name, text: "kept" });
      await queue.submit("kept");
      await queue.submitMany([{ message: "kept too" }, { message: "and this", delayMs: 0 }]);
    });
    expect(await db.get("order", name)).toMatchObject({ text: "kept" });
    const seen: string[] = [];
    await queue.listen((message) => void seen.push(message), { concurrency: 3 });
    await queue.idle();
    expect(seen.sort()).toEqual(["and this", "kept", "kept too"]);
  });

  it.skipIf(_name === "sqlite" || _name === "memory")("is taken past what others have not committed yet", async () => {
    const name = `past${process.pid}${Date.now()}`;
    await using queue = await openQueue<string>({ db, name });
    const other = await open();
    try {
      await using consumer = await openQueue<string>({ db: other, name });
      const seen: string[] = [];
      await db.transaction(async () => {
        await queue.submit("not yet");
        const outside = await openQueue<string>({ db: other, name });
        await outside.submit("committed");
        await consumer.listen((message) => void seen.push(message));
        await expect.poll(() => seen, { timeout: 20_000 }).toEqual(["committed"]);
        await outside.close();
      });
      await expect.poll(() => seen, { timeout: 20_000 }).toEqual(["committed", "not yet"]);
    } finally {
      await other.close();
    }
  });

  it("leaves the database open when the queue is closed", async () => {
    const queue = await openQueue({ db, name: "open" });
    await queue.close();
    expect(await db.get("order", "none")).toBeUndefined();
  });
});
