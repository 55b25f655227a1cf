import { inspect } from "node:util";

import { type Clock, testClock } from "@bk/core";
import { describe, expect, it } from "vitest";

import type { CopyProgress } from "./copy.js";
import { type DbError, defineTables, openDb, table } from "../index.js";

const tables = defineTables({
  price: {
    id: { primary: 1 },
    cents: { type: "int", multiplier: 100, max: 1000 },
    changed: { writeonly: true },
    made: { type: "now", readonly: true },
    tags: { type: "set" },
    code: { value: "new" },
  },
  self: { id: { primary: 1, join: ["id", "n"] }, n: { type: "int" } },
  parts: {
    o: { primary: 1 },
    key: { primary: 2, join: ["a", "b"], unjoin: ["a", "b"] },
    a: { hidden: true },
    b: { type: "int", hidden: true },
  },
  many: { o: { primary: 1 }, at: { type: "int", primary: 2 } },
  open: table({ id: { primary: 1 } }, { open: true }),
});

async function filled(clock?: Clock) {
  const db = await openDb({ pools: { from: "memory:", to: "memory:" }, tables, ...(clock === undefined ? {} : { clock }) });
  const from = db.pool("from");
  await from.put("price", { id: "a", cents: 7, made: 5, tags: ["y", "x"], code: null } as never, { keepNow: true });
  await from.update("price", { id: "a", changed: "later" });
  await from.put("self", { id: "x", n: 1 });
  await from.put("parts", { o: "p", a: "k|", b: -1 });
  for (let at = 0; at < 25; at++) await from.put("many", { o: "m", at });
  await from.put("open", { id: "o", more: { list: [1, null] } } as never);
  return db;
}

describe("copy", () => {
  it("copies rows as they are stored, whatever the rules of their columns do to rows of callers", async () => {
    const db = await filled();
    expect(await db.copy({ from: "from", to: "to" })).toEqual({ price: 1, self: 1, parts: 1, many: 25, open: 1 });
    expect(await db.pool("to").get("price", "a")).toEqual({ id: "a", cents: 700, changed: "later", made: 5, tags: ["x", "y"], code: null });
    for (const name of ["price", "self", "parts", "many", "open"] as const)
      expect((await db.pool("to").select(name)).rows).toEqual((await db.pool("from").select(name)).rows);
    await db.close();
  });

  it("goes on where it was, and copies no table again that was done", async () => {
    const db = await filled();
    const steps: CopyProgress[] = [];
    await db.copy({ from: "from", to: "to", count: 10, onProgress: (step) => steps.push(step) });
    const first = steps.find(({ table }) => table === "many")!;
    expect(await db.copy({ from: "from", to: "to", count: 10, resume: first.resume })).toEqual({ many: 15, open: 1 });
    expect(await db.copy({ from: "from", to: "to", resume: steps.at(-1)!.resume })).toEqual({ open: 0 });
    await db.close();
  });

  it("refuses options that make no sense", async () => {
    const db = await filled();
    for (const options of [
      { cuont: 5 },
      { count: 0 },
      { to: "nowhere" },
      { to: "from" },
      { tables: ["nope"] },
      { resume: { table: "nope" } },
      { resume: { table: "many", start: 5 } },
      { onProgress: true },
    ])
      await expect(db.copy({ from: "from", to: "to", ...options } as never)).rejects.toMatchObject({ name: "DbError", code: "invalid" });
    const signal = AbortSignal.abort();
    await expect(db.copy({ from: "from", to: "to", signal })).rejects.toMatchObject({ name: "DbError", code: "cancelled" });
    await db.close();
  });

  it("reports rows, bytes, speed and the total that it counted", async () => {
    const clock = testClock({ now: 1000 });
    const db = await filled(clock);
    const steps: CopyProgress[] = [];
    const onProgress = (step: CopyProgress): void => {
      steps.push(step);
      clock.advance(500);
    };
    await db.copy({ from: "from", to: "to", tables: ["many"], count: 10, total: true, onProgress });
    expect(steps).toMatchObject([
      { table: "many", rows: 10, total: 25, elapsedMs: 0, rowsPerSecond: 0 },
      { table: "many", rows: 20, total: 25, elapsedMs: 500, rowsPerSecond: 40 },
      { table: "many", rows: 25, total: 25, elapsedMs: 1000, rowsPerSecond: 25, resume: { table: "many", done: true } },
    ]);
    expect(steps[0]!.bytes).toBeGreaterThan(0);
    expect(steps[0]!.bytes).toBeLessThan(steps[2]!.bytes);
    await db.close();
  });

  it("ends with the first row that cannot be copied, naming table and key, and with onRowError goes on", async () => {
    const strict = { thing: { id: { primary: 1 }, code: { unique: 1 } } } as const;
    const db = await openDb({ pools: { from: "memory:", to: "memory:" }, tables: strict });
    const [from, to] = [db.pool("from"), db.pool("to")];
    for (const id of ["a", "b", "c", "d"]) await from.put("thing", { id, code: id });
    await to.put("thing", { id: "other", code: "c" });
    const failure: unknown = await db.copy({ from: "from", to: "to" }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "already-exists", table: "thing", outcome: "some", detail: { affected: 3 } });
    expect((failure as DbError).key).toEqual({ id: "c" });
    expect(inspect(failure)).not.toContain("'c'");
    expect(JSON.stringify(failure)).not.toContain('"c"');
    const failed: DbError[] = [];
    expect(await db.copy({ from: "from", to: "to", onRowError: (error) => failed.push(error) })).toEqual({ thing: 3 });
    expect(failed.map(({ code, table: name, key }) => ({ code, name, key }))).toEqual([
      { code: "already-exists", name: "thing", key: { id: "c" } },
    ]);
    await db.close();
  });

  it("is bounded as a whole by its time, and says how many rows it has copied", async () => {
    const db = await filled();
    const stop = new AbortController();
    const onProgress = ({ table: name }: CopyProgress): void => void (name === "many" && stop.abort());
    const copy = db.copy({ from: "from", to: "to", count: 10, signal: stop.signal, onProgress });
    await expect(copy).rejects.toMatchObject({ code: "cancelled", outcome: "some", detail: { affected: 13 } });
    expect(await db.pool("to").count("open")).toBe(0);
    await db.close();
  });

  it("takes its options when it is called", async () => {
    const db = await filled();
    const options = { from: "from", to: "to", tables: ["many"] } as const;
    const changed: { from: "from"; to: "to"; tables: ("many" | "open")[] } = { ...options, tables: [...options.tables] };
    const copy = db.copy(changed);
    changed.tables.push("open");
    expect(await copy).toEqual({ many: 25 });
    await db.close();
  });

  it("refuses the option pool on the calls of another pool", async () => {
    const db = await filled();
    await expect(db.pool("from").put("self", { id: "q", n: 1 }, { pool: "to" })).rejects.toMatchObject({ code: "invalid" });
    await expect(db.transaction((tx) => tx.put("self", { id: "q", n: 1 }, { pool: "to" }))).rejects.toMatchObject({ code: "invalid" });
    expect(await db.get("self", { id: "q", n: 1 })).toBeUndefined();
    await db.close();
  });
});
