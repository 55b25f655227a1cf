// What the types of an app cost: the compiler is run on one of 50 tables and 300 calls, against @bk/db as built.

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { typesProgram } from "./types-program.js";

const numbers = ["Types", "Instantiations", "Check time", "Total time"] as const;
const sizes = [
  { tables: 50, columns: 20, calls: 0 },
  { tables: 50, columns: 20, calls: 300 },
] as const;

/** The table of what the compiler reports, the median of several runs. */
export function measureTypes(root: string, rounds: number): string {
  // Within the repository, so that packages are found as an app finds them.
  const folder = join(root, "node_modules/.cache/bk-types");
  const rows = sizes.map((size) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(typesProgram(size))) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const settings = {
      extends: join(root, "tsconfig.base.json"),
      compilerOptions: { noEmit: true },
      files: Object.keys(typesProgram(size)),
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    const runs = Array.from({ length: rounds }, () => compile(root, folder));
    const medians = numbers.map((name) => runs.map((run) => run.get(name) ?? NaN).sort((a, b) => a - b)[Math.floor(rounds / 2)]!);
    return `| ${[`${size.tables} × ${size.columns}`, size.calls, ...medians].join(" | ")} |`;
  });
  rmSync(folder, { recursive: true, force: true });
  return [`| tables × columns | calls | ${numbers.join(" | ")} |`, `|${"---:|".repeat(numbers.length + 2)}`, ...rows].join("\n");
}

function compile(root: string, folder: string): ReadonlyMap<string, number> {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout, status, error } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false", "--extendedDiagnostics"], {
    encoding: "utf8",
  });
  if (error !== undefined || status !== 0) throw error ?? new Error(stdout);
  return new Map([...stdout.matchAll(/^([A-Z][a-z ]+):\s+([\d.]+)/gm)].map(([, name, value]) => [name!, Number(value)]));
}
