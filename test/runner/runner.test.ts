import { describe, expect, it } from "vitest";
import { testDrivers } from "./drivers.js";
import { parseOptions } from "./options.js";
import { formatSummary, summarize, type VitestReport } from "./summary.js";

const file = (status: string, ...tests: [string[], string][]): VitestReport["testResults"][number] => ({
  name: "a.test.ts",
  status,
  assertionResults: tests.map(([ancestorTitles, each]) => ({ ancestorTitles, title: "t", status: each })),
});

describe("summarize", () => {
  const report: VitestReport = {
    testResults: [
      file("failed", [["", "driver: pg"], "passed"], [["driver: pg", "x"], "failed"], [["driver: redis-cluster"], "pending"]),
      file("passed", [["about driver: pg"], "passed"], [[], "todo"]),
      file("failed"),
    ],
  };

  it("counts in all and for each driver, and a file that could not run as a failure", () => {
    expect(summarize(report, [{ driver: "mysql", reason: "away" }])).toEqual({
      passed: 2,
      failed: 2,
      skipped: 2,
      notRun: [{ driver: "mysql", reason: "away" }],
      drivers: { pg: { passed: 1, failed: 1, skipped: 0 }, "redis-cluster": { passed: 0, failed: 0, skipped: 1 } },
    });
  });

  it("leaves out what a driver filter left out, but never a failure", () => {
    const extra: VitestReport = { testResults: [...report.testResults, file("failed", [[], "failed"])] };
    expect(summarize(extra, [], { driverTestsOnly: true })).toMatchObject({ passed: 1, failed: 3, skipped: 1 });
  });

  it("prints a line for each driver and ends with the totals", () => {
    const lines = formatSummary(summarize(report, [{ driver: "mysql", reason: "away" }])).split("\n");
    expect(lines).toContain("pg                      1        1        0");
    expect(lines).toContain("mysql             not run: away");
    expect(lines.at(-1)).toBe("2 passed, 2 failed, 2 skipped");
  });
});

describe("parseOptions", () => {
  it("runs on every driver unless told otherwise", () => {
    expect(parseOptions([])).toEqual({ drivers: testDrivers.map(({ id }) => id), quick: false, driverTestsOnly: false, vitestArgs: [] });
  });

  it("takes the embedded drivers for --quick, the others for --services, and those named by --drivers", () => {
    const embedded = testDrivers.filter(({ services }) => services.length === 0).map(({ id }) => id);
    expect(embedded).toEqual(expect.arrayContaining(["memory", "sqlite", "lmdb", "level"]));
    expect(parseOptions(["--quick"]).drivers).toEqual(embedded);
    const served = testDrivers.filter(({ services }) => services.length > 0).map(({ id }) => id);
    expect(served).toContain("pg");
    expect(parseOptions(["--services"]).drivers).toEqual(served);
    expect(parseOptions(["--quick", "--drivers=redis,pg"]).drivers).toEqual(["pg", "redis"]);
  });

  it("hands the rest to vitest", () => {
    expect(parseOptions(["packages/core", "--drivers=memory", "-t", "x"]).vitestArgs).toEqual(["packages/core", "-t", "x"]);
  });

  it.each(["--drivers=oracle", "--drivers=pg,oracle", "--drivers="])("refuses %s and says which there are", (arg) => {
    expect(() => parseOptions([arg])).toThrow(/memory, sqlite, lmdb, level, pg/);
  });
});
