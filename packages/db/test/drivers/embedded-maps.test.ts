// What the stores in files, LevelDB and LMDB, have of their own: files, processes that end in the middle, processes at once.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { defineTables, openDb } from "@bk/db";
import { afterEach, describe, expect, it } from "vitest";
import { openMap as openLevel } from "../../src/drivers/level/open.js";
import { openMap as openLmdb } from "../../src/drivers/lmdb/open.js";
import { kvStoreOver } from "../../src/engines/kv/ordered-map.js";
import { describeKvStore } from "../../src/testing/kv-store-suite.js";

const tables = defineTables({ log: { lane: { primary: 1 }, at: { type: "int", primary: 2 }, place: { index: 1 } } });

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).reverse()) clean();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "bk-map-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs a program in a process of its own, with `db` open at the URL. */
function runProcess(url: string, program: string): ChildProcessByStdio<null, Readable, null> {
  const start = `
    import { defineTables, openDb } from "@bk/db";
    const tables = defineTables(${JSON.stringify(tables)});
    const db = await openDb({ url: ${JSON.stringify(url)}, tables });`;
  const child = spawn(process.execPath, ["--conditions=bk-source", "--import", "tsx", "--input-type=module", "-e", start + program], {
    cwd: new URL("../..", import.meta.url),
    stdio: ["ignore", "pipe", "inherit"],
  });
  cleanups.push(() => void child.kill("SIGKILL"));
  return child;
}

describe.each(["level", "lmdb"])("driver: %s", (name) => {
  const urlIn = (path: string): string => `${name}:${join(path, "deep/app.data")}`;

  it("finds its rows again, by key and by index, when it is opened anew", async () => {
    const url = urlIn(folder());
    for (const at of [1, 2]) {
      const db = await openDb({ url, tables });
      await db.sync();
      await db.put("log", { lane: "a", at, place: "Rome" });
      await db.close();
    }
    await using db = await openDb({ url, tables });
    expect((await db.select("log", { place: "Rome" })).rows.map(({ at }) => at)).toEqual([1, 2]);
    expect(await db.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
  });

  it("databases of one process share the file, and the last one closes it", async () => {
    const url = urlIn(folder());
    const [first, second] = await Promise.all([openDb({ url, tables }), openDb({ url, tables })]);
    await first.sync();
    await first.put("log", { lane: "a", at: 1 });
    await first.close();
    await expect(first.get("log", { lane: "a", at: 1 })).rejects.toMatchObject({ code: "closed" });
    expect(await second.count("log", { lane: "a" })).toBe(1);
    await second.close();
    await using third = await openDb({ url, tables });
    expect(await third.count("log", { lane: "a" })).toBe(1);
  });

  it("nothing acknowledged is lost when a process is killed in the middle of its writes", { timeout: 60_000 }, async () => {
    const url = urlIn(folder());
    const child = runProcess(
      url,
      `
      await db.sync();
      for (let at = 0; ; at++) {
        await Promise.all([1, 2, 3].map((lane) => db.put("log", { lane: String(lane), at, place: "Rome" })));
        console.log(at);
      }`,
    );
    let last = -1;
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      if (last === 100) break;
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    await using db = await openDb({ url, tables });
    for (const lane of ["1", "2", "3"]) {
      const found: number[] = [];
      for await (const { at } of db.scan("log", { lane })) found.push(at);
      expect(found.length).toBeGreaterThan(last);
      expect(found).toEqual(found.map((_at, i) => i));
    }
    expect(await db.count("log", { place: "Rome" })).toBe(await db.count("log", {}, { all: true }));
  });

  it.each([
    ["", "url"],
    ["//host/app", "url"],
    ["app?speed=9", "speed"],
    ["app?sync=perhaps", "sync"],
  ])("refuses %j, naming the field", async (rest, field) => {
    await expect(openDb({ url: `${name}:${rest}`, tables })).rejects.toMatchObject({ code: "invalid", detail: { field } });
  });

  it("says with its path why a file cannot be opened", async () => {
    const path = folder();
    writeFileSync(join(path, "deep"), "in the way");
    await expect(openDb({ url: urlIn(path), tables })).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining(join(path, "deep/app.data")) as unknown,
    });
    // The failure leaves nothing behind.
    rmSync(join(path, "deep"));
    await using db = await openDb({ url: urlIn(path), tables });
    expect((await db.sync()).created).toEqual(["log"]);
  });

  it("has no native commands", async () => {
    await using db = await openDb({ url: urlIn(folder()), tables });
    await expect(db.native("main", "get x")).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("driver: level", () => {
  it("refuses a folder that another process has open, at once, and opens it afterwards", { timeout: 60_000 }, async () => {
    const url = `level:${join(folder(), "app")}`;
    const child = runProcess(url, `await db.sync(); console.log("open"); setInterval(() => undefined, 1000);`);
    await once(child.stdout, "data");
    await expect(openDb({ url, tables })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("another process") as unknown,
    });
    child.kill("SIGKILL");
    await once(child, "exit");
    await using db = await openDb({ url, tables });
    expect((await db.sync()).created).toEqual([]);
  });

  describeKvStore("level", async () => {
    const path = folder();
    const map = await openLevel(join(path, "app"), { cacheMb: 8 });
    const store = kvStoreOver({ ...map, apply: (checks, puts, deletes) => map.apply(checks, puts, deletes, false) });
    return { store, clean: async () => rmSync(path, { recursive: true, force: true }) };
  });
});

describe("driver: lmdb", () => {
  it("sees what another process has written, as soon as that says so", { timeout: 60_000 }, async () => {
    const url = `lmdb:${join(folder(), "app.mdb")}`;
    await using db = await openDb({ url, tables });
    await db.sync();
    const child = runProcess(
      url,
      `
      for (let at = 0; at < 50; at++) {
        await db.put("log", { lane: "a", at });
        console.log(at);
      }
      await db.close();`,
    );
    for await (const line of createInterface({ input: child.stdout }))
      expect(await db.get("log", { lane: "a", at: Number(line) })).toBeDefined();
    expect(await db.count("log", { lane: "a" })).toBe(50);
  });

  it("refuses an index entry that is longer than the file takes, and does nothing", async () => {
    await using db = await openDb({ url: `lmdb:${join(folder(), "app.mdb")}`, tables });
    await db.sync();
    await expect(db.put("log", { lane: "a", at: 1, place: "x".repeat(5000) })).rejects.toMatchObject({
      code: "too-large",
      outcome: "none",
    });
    expect(await db.get("log", { lane: "a", at: 1 })).toBeUndefined();
    await db.put("log", { lane: "a", at: 1, place: "x".repeat(3900) });
    expect((await db.select("log", { place: "x".repeat(3900) })).rows.length).toBe(1);
    for (const desc of [false, true]) {
      expect((await db.select("log", { place: "x".repeat(5000) }, { desc })).rows).toEqual([]);
      expect((await db.select("log", { place: { $lt: "x".repeat(5000) } }, { desc })).rows.length).toBe(1);
      expect((await db.select("log", { place: { $ge: "x".repeat(5000) } }, { desc })).rows).toEqual([]);
    }
  });

  describeKvStore("lmdb", async () => {
    const path = folder();
    const map = await openLmdb(join(path, "app.mdb"), { sync: false });
    return { store: kvStoreOver(map), clean: async () => rmSync(path, { recursive: true, force: true }) };
  });
});
