export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export interface NotRun {
  readonly driver: string;
  readonly reason: string;
}

/** What test-results/summary.json holds. */
export interface Summary extends Tally {
  readonly notRun: readonly NotRun[];
  readonly drivers: Record<string, Tally>;
}

/** The part of vitest's JSON report that counts. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly ancestorTitles: readonly string[]; readonly title: string; readonly status: string }[];
  }[];
}

/**
 * Counts a report, in all and for each driver: a test under a `describe("driver: <id>")` counts for that driver.
 *
 * A file that failed without a failed test in it (it could not be loaded, or its setup failed) counts as one failure.
 *
 * @param driverTestsOnly  whether to leave out of the count what no driver's describe contains
 */
export function summarize(report: VitestReport, notRun: readonly NotRun[], { driverTestsOnly = false } = {}): Summary {
  const summary: Summary = { passed: 0, failed: 0, skipped: 0, notRun, drivers: {} };
  for (const file of report.testResults) {
    const failedBefore = summary.failed;
    for (const { ancestorTitles, status } of file.assertionResults) {
      const driver = driverOf(ancestorTitles);
      const field = status === "passed" || status === "failed" ? status : "skipped";
      if (driver !== undefined) (summary.drivers[driver] ??= { passed: 0, failed: 0, skipped: 0 })[field] += 1;
      // With a filter on, what it left out was not asked for; a failure always counts.
      if (driver !== undefined || !driverTestsOnly || field === "failed") summary[field] += 1;
    }
    if (file.status === "failed" && summary.failed === failedBefore) summary.failed += 1;
  }
  return summary;
}

function driverOf(titles: readonly string[]): string | undefined {
  for (const title of titles) {
    const match = /^driver: ([\w-]+)/.exec(title);
    if (match) return match[1];
  }
  return undefined;
}

/** The summary as a table for people; its last line is `N passed, N failed, N skipped`. */
export function formatSummary({ passed, failed, skipped, notRun, drivers }: Summary): string {
  const line = (cells: readonly (string | number)[]): string => {
    const [name, ...counts] = cells;
    return `${String(name).padEnd(16)}${counts.map((count) => String(count).padStart(9)).join("")}`;
  };
  return [
    "",
    line(["driver", "passed", "failed", "skipped"]),
    ...Object.entries(drivers).map(([driver, tally]) => line([driver, tally.passed, tally.failed, tally.skipped])),
    ...notRun.map(({ driver, reason }) => `${driver.padEnd(16)}  not run: ${reason}`),
    "",
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
  ].join("\n");
}
