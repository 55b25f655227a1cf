import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { compileTables } from "./compile-table.js";
import type { ColumnDefinition } from "./definition.js";
import { generatorOf } from "./generated-values.js";

function generatorFor(definition: ColumnDefinition): ReturnType<typeof generatorOf> {
  return generatorOf(
    compileTables({ t: { id: { primary: 1 }, c: definition } })
      .get("t")!
      .byName.get("c")!,
  );
}

describe("generatorOf", () => {
  it("makes uuids of 32 hex digits after the prefix", () => {
    const clock = testClock();
    const made = Array.from({ length: 100 }, () => String(generatorFor({ type: "uuid", prefix: "p_" })!(clock)));
    for (const id of made) expect(id).toMatch(/^p_[0-9a-f]{32}$/);
    expect(new Set(made).size).toBe(100);
  });

  it("makes tuuids that rise strictly, whatever the clock does", () => {
    const clock = testClock({ now: Date.UTC(2024, 0, 1) });
    const generate = generatorFor({ type: "tuuid" })!;
    const made: string[] = [];
    for (const step of [0, 0, 1, 5, 0, -1000, 0, 2000]) {
      clock.set(clock.now() + step);
      for (let i = 0; i < 50; i++) made.push(String(generate(clock)));
    }
    for (const id of made) expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(made).toEqual([...new Set(made)].sort());
    expect(Number.parseInt(made[0]!.slice(0, 12), 16)).toBe(Date.UTC(2024, 0, 1));
  });

  it("draws each integer of the range", () => {
    const clock = testClock();
    const generate = generatorFor({ type: "random", min: -1, max: 2 })!;
    const counts = new Map<unknown, number>();
    for (let i = 0; i < 4000; i++) {
      const value = generate(clock);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([-1, 0, 1, 2]);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
  });

  it("draws from the widest range without leaving it", () => {
    const clock = testClock();
    const { MIN_SAFE_INTEGER: min, MAX_SAFE_INTEGER: max } = Number;
    const generate = generatorFor({ type: "random", min, max })!;
    for (let i = 0; i < 100; i++) expect(Number.isSafeInteger(generate(clock))).toBe(true);
  });

  it("makes nothing for other types", () => expect(generatorFor({ type: "text" })).toBeUndefined());
});
