// `npm test`: starts the servers that the drivers need, runs vitest, counts, and stops the servers.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { testDrivers } from "./runner/drivers.js";
import { parseOptions, type RunOptions } from "./runner/options.js";
import { formatSummary, type NotRun, summarize, type Summary, type VitestReport } from "./runner/summary.js";
import { startServices } from "./services/index.js";
import { recipes } from "./services/registry.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const results = join(root, "test-results");
const reportFile = join(results, "vitest.json");

let vitest: ChildProcess | undefined;
let stopSignal: NodeJS.Signals | undefined;

async function run(options: RunOptions): Promise<number> {
  await mkdir(results, { recursive: true });
  await Promise.all([reportFile, join(results, "summary.json")].map((file) => rm(file, { force: true })));

  const names = testDrivers.filter((driver) => options.drivers.includes(driver.id)).flatMap((driver) => driver.services);
  if (names.length > 0) console.log(`Starting ${names.join(", ")}.`);
  const services = await startServices(names);
  try {
    const status = stopSignal ? 1 : await runVitest(options, services.env);
    const summary = await readSummary(options, services.notRun, status);
    await writeFile(join(results, "summary.json"), `${JSON.stringify(summary, undefined, 2)}\n`);
    const complete = summary.notRun.length === 0 || process.env["CI"] !== "true";
    if (!complete) console.error("\nWith CI=true every driver has to run.");
    console.log(formatSummary(summary));
    return status === 0 && summary.failed === 0 && complete ? 0 : 1;
  } finally {
    await services.stop();
  }
}

function runVitest({ drivers, quick, driverTestsOnly, vitestArgs }: RunOptions, serviceEnv: Record<string, string>): Promise<number> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  // A server that was not asked for must not be reached by a variable left over in the shell.
  for (const { variable } of recipes) delete env[variable];
  Object.assign(env, serviceEnv, { BK_TEST_DRIVERS: drivers.join(",") });
  if (quick) {
    env["BK_TEST_QUICK"] = "1";
    env["BK_MODEL_STEPS"] ??= "5000";
  }

  const args = [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${reportFile}`,
  ];
  // The guides and imports run whole programs: not in the minute that `--quick` takes.
  if (quick) args.push("--exclude=test/e2e/**");
  if (driverTestsOnly) args.push("--testNamePattern=driver: ", "--passWithNoTests");
  // A process group of its own: Ctrl-C reaches it once, through `stop`, and with it all its workers.
  vitest = spawn(process.execPath, [...args, ...vitestArgs], { cwd: root, env, stdio: ["ignore", "inherit", "inherit"], detached: true });
  return new Promise((resolve, reject) => {
    vitest!.on("error", reject);
    vitest!.on("exit", (code) => {
      vitest = undefined;
      resolve(code ?? 1);
    });
  });
}

async function readSummary(options: RunOptions, notRun: readonly NotRun[], status: number): Promise<Summary> {
  let report: VitestReport = { testResults: [] };
  try {
    report = JSON.parse(await readFile(reportFile, "utf8")) as VitestReport;
  } catch (error) {
    // Without a report the run has failed; the count below says so.
    console.error(`vitest left no report: ${error instanceof Error ? error.message : String(error)}`);
    status ||= 1;
  }
  const summary = summarize(report, [...notRun, ...untested(options, report, notRun)], options);
  if (status !== 0 && summary.failed === 0) {
    console.error(`vitest ended with ${status} though no test failed: see its output above.`);
    summary.failed = 1;
  }
  return summary;
}

/** Drivers that were wanted and had their server, but for which no test ran. */
function untested({ drivers, vitestArgs }: RunOptions, report: VitestReport, notRun: readonly NotRun[]): NotRun[] {
  // Whoever names files or tests does not expect all drivers.
  if (vitestArgs.length > 0) return [];
  const tallies = summarize(report, []).drivers;
  return drivers
    .filter((id) => !notRun.some(({ driver }) => driver === id))
    .filter((id) => (tallies[id]?.passed ?? 0) + (tallies[id]?.failed ?? 0) === 0)
    .map((driver) => ({ driver, reason: "no test ran on it" }));
}

function stop(signal: NodeJS.Signals): void {
  const again = stopSignal !== undefined;
  stopSignal = signal;
  if (vitest?.pid === undefined) return;
  try {
    process.kill(-vitest.pid, again ? "SIGKILL" : signal);
  } catch (error) {
    // It has just ended by itself.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

try {
  process.exitCode = await run(parseOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
if (stopSignal) process.exitCode = stopSignal === "SIGINT" ? 130 : 143;
