import { silentLog, systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";

import { type Driver, openDb } from "../index.js";
import type { Capabilities, Reply, Shape, Values } from "../driver.js";
import { memoryDriver } from "../drivers/memory/index.js";
import { leastCapabilities } from "../testing/least-capabilities.js";

const tables = {
  note: { id: { primary: 1 }, n: { type: "int" }, text: {} },
  small: { id: { primary: 1 }, n: { type: "int" } },
} as const;

/** The rows of each reply, and the most bytes of text that one had. */
interface Counted {
  rows: number[];
  bytes: number;
}

/** An engine that filters and sorts nothing by itself, and counts what it gives. */
async function openCounted(more: Partial<Capabilities> = {}) {
  const capabilities = { ...leastCapabilities, sorts: ["text"], ...more } as const;
  const inner = (await memoryDriver({ url: "memory:", options: {}, clock: systemClock, log: silentLog }, { capabilities })) as Driver;
  const counted: Counted = { rows: [], bytes: 0 };
  const count = (command: unknown, reply: Reply): Reply => {
    if ((command as { shape: Shape }).shape.verb !== "select") return reply;
    const bytes = reply.rows.flat().reduce((sum: number, value) => sum + (typeof value === "string" ? value.length : 0), 0);
    counted.rows.push(reply.rows.length);
    counted.bytes = Math.max(counted.bytes, bytes);
    return reply;
  };
  const driver: Driver = {
    ...inner,
    execute(command: unknown, values: Values, signal) {
      const reply = inner.execute(command, values, signal);
      return reply instanceof Promise ? reply.then((done) => count(command, done)) : count(command, reply);
    },
  };
  return { db: await openDb({ driver, tables }), counted };
}

const total = 250;
const textBytes = 100_000;
const mostBytes = 4 * 1024 * 1024;
const id = (i: number): string => String(i).padStart(4, "0");

async function openFilled(more?: Partial<Capabilities>) {
  const opened = await openCounted(more);
  for (let i = 0; i < total; i++) await opened.db.put("note", { id: id(i), n: (i * 7) % total, text: "x".repeat(textBytes) });
  return opened;
}

const allIds = Array.from({ length: total }, (_, i) => id(i));

describe("rows that are large", () => {
  it("are filtered by the core a few megabytes at a time", async () => {
    const { db, counted } = await openFilled();
    const { rows } = await db.select("note", { n: { $lt: 5 } }, { count: 1000, scan: true, select: ["id", "text"] });
    expect(rows.map((row) => row.id)).toEqual(allIds.filter((_, i) => (i * 7) % total < 5));
    expect(await db.count("note", { text: { $contains: "x" } }, { scan: true })).toBe(total);
    expect(await db.updateAll("note", { text: { $contains: "x" } }, { n: 1 }, { scan: true })).toEqual({ affected: total });
    expect(counted.bytes).toBeLessThanOrEqual(mostBytes);
    await db.close();
  });

  it("are sorted by the core a few megabytes at a time, keeping those of the page", async () => {
    const { db, counted } = await openFilled();
    const seen: (number | null)[] = [];
    let start: string | undefined;
    do {
      const page = await db.select("note", {}, { sort: "n", count: 100, scan: true, ...(start === undefined ? {} : { start }) });
      seen.push(...page.rows.map((row) => row.n));
      start = page.next;
    } while (start !== undefined);
    expect(seen).toEqual(allIds.map((_, i) => i));
    expect(counted.bytes).toBeLessThanOrEqual(mostBytes);
    await db.close();
  });

  it("are scanned a few megabytes at a time where nobody says how many a page has", async () => {
    const { db, counted } = await openFilled();
    const pages: number[] = [];
    for await (const rows of db.scan("note").pages()) pages.push(rows.length);
    expect(pages.reduce((sum, rows) => sum + rows)).toBe(total);
    // One row more than a page has tells whether there is a next one.
    expect(counted.bytes).toBeLessThanOrEqual(mostBytes + textBytes + 100);
    const given: number[] = [];
    for await (const rows of db.scan("note", {}, { count: 100 }).pages()) given.push(rows.length);
    expect(given).toEqual([100, 100, 50]);
    await db.close();
  });
});

describe("rows that are small", () => {
  it("are read by thousands, from the first batch on once it is known", async () => {
    const { db, counted } = await openCounted();
    await db.bulk(Array.from({ length: 5000 }, (_, i) => ({ op: "put", table: "small", row: { id: id(i), n: i } }) as const));
    for (const requests of [6, 3]) {
      counted.rows = [];
      expect(await db.count("small", { n: { $ge: 0 } }, { scan: true })).toBe(5000);
      expect(counted.rows).toHaveLength(requests);
    }
    counted.rows = [];
    const sorted = await db.select("small", {}, { sort: "-n", count: 3, scan: true });
    expect(sorted.rows.map((row) => row.n)).toEqual([4999, 4998, 4997]);
    expect(Math.max(...counted.rows)).toBe(2000);
    await db.close();
  });
});
