import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { silentLog, systemClock } from "@bk/core";
import { defineTables, type Driver, openDb } from "@bk/db";
import { describe, expect, it } from "vitest";

import { jsonFileDriver } from "./json-file-driver.js";

const open = (url: string, options = {}): Promise<Driver> => jsonFileDriver({ url, options, clock: systemClock, log: silentLog });

describe("driver: json-file", () => {
  const tables = defineTables({ photo: { owner: { primary: 1 }, taken: { type: "int", primary: 2 }, place: { index: 1 } } });

  async function inFolder(work: (path: string, folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "bk-json-file-"));
    try {
      await work(join(folder, "deep/data.json"), folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  it("finds its rows again, by key and by index, when it is opened anew", () =>
    inFolder(async (path) => {
      for (const taken of [1, 2]) {
        const db = await openDb({ driver: await open(`json:${path}`), tables });
        await db.sync();
        await db.put("photo", { owner: "ann", taken, place: "Rome" });
        await db.close();
      }
      await using db = await openDb({ driver: await open(`json:${path}`), tables });
      expect((await db.select("photo", { place: "Rome" })).rows.map(({ taken }) => taken)).toEqual([1, 2]);
      expect(await db.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
    }));

  it("writes the file once for all puts of one tick", () =>
    inFolder(async (path) => {
      await using db = await openDb({ driver: await open(`json:${path}`), tables });
      await db.sync();
      await Promise.all(Array.from({ length: 100 }, (_, taken) => db.put("photo", { owner: "ann", taken })));
      expect(db.metrics()["main"]!.groups).toBe(1);
      expect(await db.count("photo", { owner: "ann" })).toBe(100);
    }));

  it("does nothing, and says so, when the file cannot be written", () =>
    inFolder(async (path, folder) => {
      await using db = await openDb({ driver: await open(`json:${path}`), tables, attempts: 1 });
      await db.sync();
      await rm(join(folder, "deep"), { recursive: true });
      await writeFile(join(folder, "deep"), "in the way");
      await expect(db.put("photo", { owner: "ann", taken: 1 })).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
      expect(await db.get("photo", { owner: "ann", taken: 1 })).toBeUndefined();
    }));

  it("leaves a file alone that is not its own", () =>
    inFolder(async (_path, folder) => {
      const path = join(folder, "other.json");
      await writeFile(path, "{ not rows");
      await expect(open(`json:${path}`)).rejects.toMatchObject({ code: "drift" });
      expect(await readFile(path, "utf8")).toBe("{ not rows");
      expect(await readdir(folder)).toEqual(["other.json"]);
    }));

  it.each([
    ["json:", {}, "url"],
    ["json://host/x", {}, "url"],
    ["json:x?speed=9", {}, "speed"],
    ["json:x", { speed: 9 }, "speed"],
  ])("refuses %s with %o, naming the field", async (url, options, field) => {
    await expect(open(url, options)).rejects.toMatchObject({ code: "invalid", detail: { field } });
  });
});
