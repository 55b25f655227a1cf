import { testDrivers } from "./drivers.js";

export interface RunOptions {
  /** Ids of the drivers to run on. */
  readonly drivers: readonly string[];
  /** Leaves out what is long, by `BK_TEST_QUICK`. */
  readonly quick: boolean;
  /** Runs the tests of drivers alone. */
  readonly driverTestsOnly: boolean;
  /** Handed on to vitest. */
  readonly vitestArgs: readonly string[];
}

/**
 * Reads the arguments of `npm test`.
 *
 * @throws Error  for a driver that does not exist
 */
export function parseOptions(args: readonly string[]): RunOptions {
  const embedded = testDrivers.filter((driver) => driver.services.length === 0).map((driver) => driver.id);
  const all = testDrivers.map((driver) => driver.id);
  let drivers: readonly string[] | undefined;
  let quick = false;
  let driverTestsOnly = false;
  const vitestArgs: string[] = [];
  for (const arg of args) {
    if (arg === "--quick") quick = true;
    else if (arg === "--services") driverTestsOnly = true;
    else if (arg.startsWith("--drivers=")) drivers = parseDrivers(arg.slice("--drivers=".length), all);
    else vitestArgs.push(arg);
  }
  const byDefault = quick ? embedded : driverTestsOnly ? all.filter((id) => !embedded.includes(id)) : all;
  return { drivers: drivers ?? byDefault, quick, driverTestsOnly, vitestArgs };
}

function parseDrivers(list: string, all: readonly string[]): string[] {
  const ids = list.split(",").filter((id) => id !== "");
  const unknown = ids.filter((id) => !all.includes(id));
  if (unknown.length > 0) throw new Error(`--drivers: unknown ${unknown.join(", ")}; there are ${all.join(", ")}`);
  if (ids.length === 0) throw new Error(`--drivers: name at least one of ${all.join(", ")}`);
  return all.filter((id) => ids.includes(id));
}
