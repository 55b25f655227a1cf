import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type CopyOptions, openDb } from "../src/index.js";
import { defineTables } from "../src/schema/define-tables.js";

const tables = defineTables({
  account: { id: { primary: 1 }, cents: { type: "int" } },
  entry: { account: { primary: 1 }, at: { type: "int", primary: 2 }, cents: { type: "int" }, note: {} },
});
const rows = 6_000;

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "bk-copy-"))));
afterAll(() => rmSync(folder, { recursive: true }));

const open = () => openDb({ tables, pools: { from: `sqlite:${join(folder, "from.db")}`, to: `sqlite:${join(folder, "to.db")}` } });

async function sumsOf(pool: Awaited<ReturnType<typeof open>>, name: "from" | "to") {
  let count = 0;
  let cents = 0;
  for await (const row of pool.pool(name).scan("entry")) {
    count++;
    cents += row.cents ?? 0;
  }
  return { count, cents, accounts: await pool.pool(name).count("account", {}, { all: true }) };
}

/** Copies, and writes down where it is after each step, as an app would. */
const program = `
import { renameSync, writeFileSync } from "node:fs";
import { openDb } from "@bk/db";
const [tables, pools, file] = JSON.parse(process.argv[2]);
const db = await openDb({ tables, pools });
await db.copy({ from: "from", to: "to", count: 50, onProgress: ({ table, rows, resume }) => {
  writeFileSync(file + ".new", JSON.stringify(resume));
  renameSync(file + ".new", file);
  console.log(table, rows);
} });
console.log("done");
`;

describe("a copy in a process that is killed", () => {
  it("goes on in another one from where it was written down, and copies each row", { timeout: 120_000 }, async () => {
    const db = await open();
    await db.pool("from").sync();
    await db.pool("to").sync();
    for (let i = 0; i < 20; i++) await db.pool("from").put("account", { id: `a${i}`, cents: i });
    await db
      .pool("from")
      .bulk(
        Array.from(
          { length: rows },
          (_, at) => ({ op: "put", table: "entry", row: { account: `a${at % 7}`, at, cents: at * 3, note: "x".repeat(50) } }) as const,
        ),
      );
    const file = join(folder, "resume.json");
    const script = join(folder, "copy.mjs");
    writeFileSync(script, program.replace('"@bk/db"', JSON.stringify(new URL("../src/index.ts", import.meta.url).href)));
    const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
    const place = [tables, { from: `sqlite:${join(folder, "from.db")}`, to: `sqlite:${join(folder, "to.db")}` }, file];
    const child = spawn(process.execPath, ["--conditions=bk-source", `--import=${loader}`, script, JSON.stringify(place)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.on("data", (data: Buffer) => {
      printed += data.toString();
      // Some way into the second table.
      if (/^entry \d{4}$/m.test(printed)) child.kill("SIGKILL");
    });
    await once(child, "close");
    expect(child.signalCode).toBe("SIGKILL");
    const before = await sumsOf(db, "to");
    expect(before.count).toBeGreaterThan(0);
    expect(before.count).toBeLessThan(rows);

    const resume = JSON.parse(readFileSync(file, "utf8")) as NonNullable<CopyOptions["resume"]>;
    expect(resume).toEqual({ table: "entry", start: expect.any(String) });
    const copied = await db.copy({ from: "from", to: "to", resume });
    // What was done is not done again, but for a step or two.
    expect(copied["account"]).toBeUndefined();
    expect(copied["entry"]).toBeLessThan(rows - 900);
    expect(await sumsOf(db, "to")).toEqual(await sumsOf(db, "from"));
    await db.close();
  });
});
