// Statements that may take long, on a file of some size: in threads, beside which this process answers.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, silentLog, systemClock } from "@bk/core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { type Db, type Driver, openDb } from "../../src/index.js";
import { sqliteDriver } from "../../src/drivers/sqlite/index.js";
import { Threads } from "../../src/drivers/sqlite/threads.js";
import { compileTables } from "../../src/schema/compile-table.js";

const tables = {
  note: {
    id: { type: "int", primary: 1 },
    group: { index: 1 },
    text: { search: true },
    n: { type: "int" },
    big: { type: "int64" },
    price: { type: "decimal" },
    on: { type: "bool" },
    bytes: { type: "blob" },
    data: { type: "json" },
    code: { unique: 1 },
  },
} as const;

type NoteDb = Db<typeof tables, "main">;

const total = 30_000;
const folder = mkdtempSync(join(tmpdir(), "bk-sqlite-threads-"));
const url = `sqlite:${join(folder, "notes.db")}`;
const opened: { close(): Promise<void> }[] = [];

async function open(threads?: number, log: Log = silentLog, at = url, threadsFromMb = 4): Promise<NoteDb> {
  const options = { synchronous: "off", threadsFromMb, ...(threads === undefined ? {} : { threads }) };
  const db = (await openDb({ url: at, options, tables, log })) as NoteDb;
  opened.push(db);
  return db;
}

const row = (id: number) => ({
  id,
  group: `g${id % 7}`,
  text: `word${id % 100} ${"filler ".repeat(20)}`,
  n: id % 1000,
  big: 2n ** 62n + BigInt(id),
  price: `${id}.5`,
  on: id % 2 === 0,
  bytes: new Uint8Array([id & 255, 0, 255]),
  data: { list: [id, null] },
  code: `c${id}`,
});

beforeAll(async () => {
  const db = await open(0);
  await db.sync();
  await db.bulk(Array.from({ length: total }, (_, i) => ({ op: "put", table: "note", row: row(i) }) as never));
  await db.close();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** How often the loop came round before a call was answered. */
async function turnsDuring(call: Promise<unknown>): Promise<number> {
  let turns = 0;
  let done = false;
  const end = (): void => {
    done = true;
  };
  call.then(end, end);
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  return turns;
}

async function rowsOf<Row>(scan: AsyncIterable<Row>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const one of scan) rows.push(one);
  return rows;
}

const unserved = { text: { $contains: "nowhere" } };
const longCalls: readonly (readonly [string, (db: NoteDb) => Promise<unknown>])[] = [
  ["select by a filter", (db) => db.select("note", { text: { $contains: "word9 " }, on: true }, { count: 20 })],
  ["select in an order without an index", (db) => db.select("note", { n: { $lt: 500 } }, { sort: ["-text", "id"], count: 20 })],
  ["count", (db) => db.count("note", { text: { $ends_with: "filler " }, n: { $ge: 10 } })],
  ["search", (db) => db.search("note", "word7 filler", { count: 30 })],
  ["scan", (db) => rowsOf(db.scan("note", { text: { $begins_with: "word42 " } }))],
];

describe("statements that may take long", () => {
  it.each(longCalls)("%s: other work goes on meanwhile, and the answer is that of the connection itself", async (_name, call) => {
    // On a fast machine one of them could end while it is tried.
    const [db, plain] = [await open(undefined, silentLog, url, 0), await open(0)];
    // What runs in the loop gives it no turn, however often it is tried; a thread may be done before a busy machine comes round.
    let turns = 0;
    for (let i = 0; i < 20 && turns <= 2; i++) turns = await turnsDuring(call(db));
    expect(turns).toBeGreaterThan(2);
    expect(await call(db)).toEqual(await call(plain));
  });

  it("one that no index bounds is answered at once where it does not take long", async () => {
    const [db, plain] = [await open(), await open(0)];
    const first = (one: NoteDb) => one.select("note", { on: true, n: { $ge: 0 } }, { sort: "-id", count: 5 });
    expect(await turnsDuring(first(db))).toBeLessThanOrEqual(2);
    expect(await first(db)).toEqual(await first(plain));
  });

  it("sums are the same, tried or in a thread", async () => {
    const [tried, threaded, plain] = [await open(), await open(undefined, silentLog, url, 0), await open(0)];
    const sums = (one: NoteDb) =>
      one.aggregate("note", {}, { by: ["group"], count: true, sum: ["n", "big", "price"], max: ["text"], scan: true });
    const wanted = await sums(plain);
    expect(await sums(tried)).toEqual(wanted);
    expect(await sums(threaded)).toEqual(wanted);
    const few = (one: NoteDb) => one.aggregate("note", { id: { $lt: 20 }, on: true }, { sum: ["n", "big", "price"], scan: true });
    expect(await few(tried)).toEqual(await few(plain));
  });

  it("one that took long when it was tried is answered all the same, and the next ones too", async () => {
    const [db, plain] = [await open(), await open(0)];
    const slow = { $and: Array.from({ length: 30 }, (_, i) => ({ text: { $not_contains: `${i}nowhere` } })) };
    const counts = [];
    for (let i = 0; i < 3; i++) counts.push(await db.count("note", slow));
    expect(counts).toEqual(Array.from({ length: 3 }, () => total));
    expect(await plain.count("note", slow)).toBe(total);
  });

  it("short ones are answered before anything else has its turn", async () => {
    const db = await open();
    await db.count("note", unserved);
    for (const call of [
      () => db.get("note", 7),
      () => db.list("note", [1, 2, 3]),
      () => db.select("note", { group: "g3" }, { count: 5 }),
      () => db.put("note", row(7)),
    ])
      expect(await turnsDuring(call())).toBeLessThanOrEqual(2);
  });

  it("give all values as they are", async () => {
    const db = await open();
    const { rows } = await db.select("note", { n: 77, on: false }, { count: 2, sort: "text" });
    expect(rows).toEqual([row(77), row(1077)]);
  });

  it("see every write that was acknowledged", async () => {
    const db = await open();
    for (let i = 0; i < 30; i++) {
      await db.update("note", { id: 5, n: 5000 + i });
      expect(await db.count("note", { n: { $ge: 5000 + i } })).toBe(1);
    }
    await db.put("note", row(5));
  });

  it("in a transaction see what it wrote, and beside it do not", async () => {
    const db = await open();
    await db.transaction(async (tx) => {
      await tx.update("note", { id: 6, n: 6000 });
      expect(await tx.count("note", { n: { $ge: 6000 } })).toBe(1);
    });
    let beside: Promise<number> | undefined;
    const outside = await open();
    await db.transaction(async (tx) => {
      await tx.put("note", row(6));
      beside = outside.count("note", { n: { $ge: 6000 } });
      expect(await beside).toBe(1);
    });
    expect(await db.count("note", { n: { $ge: 6000 } })).toBe(0);
  });

  it("write by a filter while reads go on, and before writes that come later", async () => {
    const db = await open();
    const changing = db.updateAll("note", { text: { $contains: "word1" } }, { data: { changed: true } });
    const later = db.update("note", { id: 1, data: { later: true } });
    expect(await db.get("note", 2)).toMatchObject({ id: 2 });
    expect(await turnsDuring(changing)).toBeGreaterThan(2);
    expect(await changing).toEqual({ affected: (total / 100) * 11 });
    await later;
    expect((await db.get("note", 1))?.data).toEqual({ later: true });
    expect((await db.get("note", 10))?.data).toEqual({ changed: true });
    expect((await db.search("note", "word10", { count: 1000 })).rows).toHaveLength(total / 100);
    await db.updateAll("note", { text: { $contains: "word1" } }, { data: null });
    expect(await db.delAll("note", { text: { $contains: "word99" } })).toEqual({ affected: total / 100 });
    expect((await db.search("note", "word99")).rows).toEqual([]);
    await db.bulk(Array.from({ length: total / 100 }, (_, i) => ({ op: "put", table: "note", row: row(i * 100 + 99) }) as never));
  });

  it("fail as on the connection itself", async () => {
    const db = await open();
    await expect(db.updateAll("note", { n: { $ge: 0 } }, { code: "same" })).rejects.toMatchObject({
      code: "already-exists",
      outcome: "none",
      column: "code",
    });
    const other = await openDb({ url, tables: { missing: { id: { primary: 1 }, n: { type: "int" } } } });
    opened.push(other);
    await expect(other.count("missing", { n: 1 })).rejects.toMatchObject({
      code: "drift",
      message: expect.stringContaining("sync()") as unknown,
    });
  });

  it("are waited for by close(), and refused after it", async () => {
    const db = await open();
    const counting = db.count("note", { text: { $contains: "word" } });
    await db.close();
    expect(await counting).toBe(total);
    await expect(db.count("note", unserved)).rejects.toMatchObject({ code: "closed" });
  });

  it("are many at once on a few threads", async () => {
    const db = await open(2);
    const counts = await Promise.all(Array.from({ length: 20 }, (_, i) => db.count("note", { text: { $contains: `word${i + 10} ` } })));
    expect(counts).toEqual(counts.map(() => total / 100));
  });

  it("read a file that is for reads alone", async () => {
    const db = (await openDb({ url, tables, options: { readonly: true } })) as NoteDb;
    opened.push(db);
    const counting = db.count("note", { text: { $contains: "word" } });
    expect(await turnsDuring(counting)).toBeGreaterThan(2);
    expect(await counting).toBe(total);
  });

  it("do not keep a process that has nothing else to do", async () => {
    const program = `
      import { openDb } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
      const tables = { note: { id: { type: "int", primary: 1 }, text: {} } };
      const db = await openDb({ url: ${JSON.stringify(url)}, tables });
      console.log(await db.count("note", { text: { $contains: "word" } }));`;
    const child = spawn(process.execPath, ["--conditions=bk-source", "--import", "tsx", "--input-type=module", "-e", program], {
      cwd: new URL("../..", import.meta.url),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    expect(await once(child, "close")).toEqual([0, null]);
    expect(printed.trim()).toBe(String(total));
  });
});

describe("a statement that is given up", () => {
  const [note] = compileTables(tables as never).values();
  const openDriver = async (): Promise<Driver> => {
    const driver = (await sqliteDriver({ url, options: { threads: 1, threadsFromMb: 0 }, clock: systemClock, log: silentLog })) as Driver;
    opened.push(driver);
    return driver;
  };
  const contains = { kind: "test", column: note!.byName.get("text")!, op: "contains", slots: [0] } as const;
  // A filter that is long in looking at a row: the statement cannot be over before it is given up.
  const slow = {
    kind: "and",
    parts: Array.from({ length: 390 }, () => ({ kind: "or", parts: [contains, { ...contains, op: "eq" }] })),
  } as never;

  it("ends in its thread, and leaves nothing that it wrote", async () => {
    const driver = await openDriver();
    const shapes = {
      reads: {
        verb: "aggregate",
        table: note!,
        path: undefined,
        filter: slow,
        groupBy: [],
        measures: [{ op: "count", column: undefined }],
        after: undefined,
        limit: undefined,
        consistent: false,
      },
      writes: { verb: "delete", target: "filter", table: note!, key: [], guard: slow, returning: "none" },
    } as const;
    for (const shape of [shapes.reads, shapes.writes]) {
      const controller = new AbortController();
      const command = driver.compile(shape as never);
      const running = Promise.resolve(driver.execute(command, ["filler"], controller.signal));
      setTimeout(() => controller.abort(), 100);
      // Had it run to its end, it would have been answered.
      await expect(running).rejects.toMatchObject({ code: "cancelled" });
    }
    const db = await open(0);
    expect(await db.count("note", { text: { $contains: "word" } })).toBe(total);
  });

  it("is not begun when it still waits for a thread", async () => {
    const driver = await openDriver();
    const command = driver.compile({
      verb: "aggregate",
      table: note!,
      path: undefined,
      filter: contains,
      groupBy: [],
      measures: [{ op: "count", column: undefined }],
      after: undefined,
      limit: undefined,
      consistent: false,
    } as never);
    const controller = new AbortController();
    const first = driver.execute(command, ["word"]);
    const second = Promise.resolve(driver.execute(command, ["word"], controller.signal));
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: "cancelled" });
    expect((await first).rows).toEqual([[total]]);
  });

  it("frees its caller at once", async () => {
    const db = await open(1);
    await expect(db.count("note", { text: { $contains: "word" } }, { timeoutMs: 1 })).rejects.toMatchObject({
      code: "timeout",
      outcome: "none",
    });
    expect(await db.count("note", { text: { $contains: "word" } })).toBe(total);
  });
});

describe("where there is no thread", () => {
  it("in memory, in a small file, or with threads=0 a statement is answered at once", async () => {
    const small = join(folder, "small.db");
    for (const db of [
      await open(0),
      await open(undefined, silentLog, "sqlite::memory:"),
      await open(undefined, silentLog, `sqlite:${small}`),
    ]) {
      await db.sync();
      expect(await turnsDuring(db.count("note", unserved))).toBeLessThanOrEqual(2);
    }
  });

  it("a setting that is none is refused", async () => {
    for (const threads of [-1, 1.5, 65, "two"])
      await expect(openDb({ url, tables, options: { threads } })).rejects.toMatchObject({
        code: "invalid",
        message: expect.stringContaining("threads") as unknown,
      });
  });

  const settings = { path: join(folder, "notes.db"), readonly: false, blockMs: 5, setUp: "", wordsFunction: "w", goOnFunction: "g" };
  const statement = { text: "SELECT 1", values: [], writes: false };

  it("one that cannot begin is reported once, and the caller is told to do without", async () => {
    const lines: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void lines.push(message) };
    const threads = new Threads({ settings: () => ({ ...settings, client: join(folder, "nothing.js") }), most: 2, log });
    expect(await Promise.all([1, 2, 3].map(() => threads.run(statement, undefined)))).toEqual([undefined, undefined, undefined]);
    expect(threads.usable).toBe(false);
    expect(lines).toEqual(["sqlite: no thread for long statements; they hold this process up"]);
    await threads.close();
  });

  it("one that ends in the middle is an error, and another one takes its place", async () => {
    const client = join(folder, "client.cjs");
    writeFileSync(
      client,
      `module.exports = class { exec() {} function() {} close() {} prepare(text) {
        return { all: () => (text === "end" ? process.exit(1) : [[text]]), run: () => process.exit(1) };
      } };`,
    );
    const threads = new Threads({ settings: () => ({ ...settings, client }), most: 1, log: silentLog });
    for (const [writes, outcome] of [
      [false, "none"],
      [true, "unknown"],
    ] as const) {
      const ended = threads.run({ text: "end", values: [], writes }, undefined);
      const next = threads.run(statement, undefined);
      await expect(ended).rejects.toMatchObject({ code: "unavailable", outcome });
      expect(await next).toMatchObject({ rows: [["SELECT 1"]] });
    }
    await threads.close();
    await expect(threads.run(statement, undefined)).rejects.toMatchObject({ code: "closed" });
  });
});

it("a thread computes over groups what the process would, sums that come in parts too", async () => {
  const asked = { by: ["group"], count: true, sum: ["big", "n"], max: ["price", "big"], sort: "-group", limit: 3 } as const;
  const [inThread, here] = [await open(), await open(0)];
  let start: string | undefined;
  do {
    const page = await inThread.aggregate("note", {}, { ...asked, start });
    expect(page).toEqual(await here.aggregate("note", {}, { ...asked, start }));
    start = page.next;
  } while (start !== undefined);
  const whole = await inThread.aggregate("note", {}, { sum: ["big"] });
  expect(whole.rows).toEqual([{ sum: { big: 2n ** 62n * BigInt(total) + (BigInt(total) * BigInt(total - 1)) / 2n } }]);
});

it("connections that are opened later are of the same file, wherever the process has moved", async () => {
  const before = process.cwd();
  process.chdir(folder);
  try {
    const db = await open(undefined, silentLog, "sqlite:notes.db?threadsFromMb=0");
    process.chdir(tmpdir());
    expect(await db.count("note", { text: { $contains: "word" } })).toBe(total);
    expect(await db.transaction((tx) => tx.get("note", 3))).toMatchObject({ id: 3 });
  } finally {
    process.chdir(before);
  }
});
