import { CronExpressionParser } from "cron-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { scheduleOf } from "./schedule.js";

const at = (text: string): number => Date.parse(text);
const times = (pattern: string, zone: string, from: string, count: number): string[] => {
  const schedule = scheduleOf(pattern, zone, "test");
  const found: string[] = [];
  for (let ms = schedule.next(at(from)); ms !== undefined && found.length < count; ms = schedule.next(ms))
    found.push(new Date(ms).toISOString());
  return found;
};

describe("patterns", () => {
  it("have seconds first, or none, or a name", () => {
    expect(times("0 1 1 * * 1,3", "UTC", "2026-11-29T00:00:00Z", 2)).toEqual(["2026-11-30T01:01:00.000Z", "2026-12-02T01:01:00.000Z"]);
    expect(times("30 4 * * *", "UTC", "2026-11-29T00:00:00Z", 1)).toEqual(["2026-11-29T04:30:00.000Z"]);
    expect(times("@daily", "UTC", "2026-11-29T00:00:00Z", 1)).toEqual(["2026-11-30T00:00:00.000Z"]);
    expect(times("*/20 * * * * *", "UTC", "2026-11-29T00:00:01Z", 2)).toEqual(["2026-11-29T00:00:20.000Z", "2026-11-29T00:00:40.000Z"]);
    expect(times("0 0 12 * JAN SUN", "UTC", "2026-11-29T00:00:00Z", 1)).toEqual(["2027-01-03T12:00:00.000Z"]);
    expect(times("0 0 12 29 2 *", "UTC", "2026-11-29T00:00:00Z", 1)).toEqual(["2028-02-29T12:00:00.000Z"]);
  });

  it("are due once a day where clocks change, and by the hour where they say so", () => {
    // Clocks go from 2:00 to 3:00 on March 29: half past two ends with the gap.
    expect(times("0 30 2 * * *", "Europe/Rome", "2026-03-28T12:00:00Z", 2)).toEqual([
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
    // They go from 3:00 to 2:00 on October 25: half past two comes twice, and counts once.
    expect(times("0 30 2 * * *", "Europe/Rome", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
    expect(times("0 0 * * * *", "Europe/Rome", "2026-10-24T23:30:00Z", 4)).toEqual([
      "2026-10-25T00:00:00.000Z",
      "2026-10-25T01:00:00.000Z",
      "2026-10-25T02:00:00.000Z",
      "2026-10-25T03:00:00.000Z",
    ]);
    expect(times("0 0 * * * *", "Europe/Rome", "2026-03-29T00:30:00Z", 2)).toEqual([
      "2026-03-29T01:00:00.000Z",
      "2026-03-29T02:00:00.000Z",
    ]);
  });

  it("give the last time as well, a moment that is due included", () => {
    const schedule = scheduleOf("0 0 * * * *", "UTC", "test");
    expect(schedule.last(at("2026-01-01T10:00:00.000Z"))).toBe(at("2026-01-01T10:00:00Z"));
    expect(schedule.last(at("2026-01-01T10:59:59.999Z"))).toBe(at("2026-01-01T10:00:00Z"));
    expect(schedule.next(at("2026-01-01T10:00:00.000Z"))).toBe(at("2026-01-01T11:00:00Z"));
  });

  it("agree with another reader of patterns", () => {
    const field = (low: number, high: number): fc.Arbitrary<string> =>
      fc.oneof(
        fc.constant("*"),
        fc.integer({ min: low, max: high }).map(String),
        fc
          .tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }))
          .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
        fc.integer({ min: 2, max: 6 }).map((step) => `*/${step}`),
      );
    const pattern = fc
      .tuple(field(0, 59), field(0, 59), field(0, 23), fc.constant("*"), field(1, 12), field(0, 6))
      .map((fields) => fields.join(" "));
    const zone = fc.constantFrom("UTC", "Asia/Tokyo", "Asia/Kolkata");
    fc.assert(
      fc.property(
        pattern,
        zone,
        fc.date({ min: new Date("2024-01-01"), max: new Date("2030-01-01"), noInvalidDate: true }),
        (text, tz, from) => {
          const theirs = CronExpressionParser.parse(text, { currentDate: from, tz }).next().getTime();
          expect(scheduleOf(text, tz, "test").next(from.getTime())).toBe(theirs);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    ["61 * * * * *", "UTC", /entry 1: the pattern "61 .* cannot be read: .*second/],
    ["* * *", "UTC", /cannot be read/],
    ["0 0 0 1 1 * 2030", "UTC", /cannot be read/],
    ["", "UTC", /cannot be read/],
    ["0 0 12 30 2 *", "UTC", /never due/],
    [5, "UTC", /must be a pattern/],
    ["@daily", "Mars/Base", /"Mars\/Base" is no time zone/],
  ])("%j in %s is refused", (pattern, zone, message) => {
    expect(() => scheduleOf(pattern, zone, "entry 1")).toThrow(
      expect.objectContaining({ code: "invalid", message: expect.stringMatching(message) }),
    );
  });
});
