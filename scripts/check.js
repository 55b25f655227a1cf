// `npm run check`: everything that is looked at without running tests. `npm run check -- types lint` runs some steps alone.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { makeReady, root } from "./ready.js";

const packages = ["core", "db", "cache", "queue", "auth", "modules", "server"].map((name) => join("packages", name));
/** A program alone: it has no types. */
const creator = join("packages", "create-bk-server");
const bin = (/** @type {string} */ name) => join(root, "node_modules/.bin", name);

/** @type {Record<string, [command: string, ...args: string[]][]>} */
const steps = {
  types: [[bin("tsc"), "--noEmit", "-p", "tsconfig.json"]],
  lint: [[bin("oxlint"), "--type-aware", "--deny-warnings"]],
  format: [[bin("oxfmt"), "--check"]],
  knip: [[bin("knip")]],
  docs: [[process.execPath, "scripts/run-ts.js", "scripts/docs.ts", "--check"]],
  publint: [...packages, creator].map((folder) => [bin("publint"), "run", "--strict", folder]),
  attw: packages.map((folder) => [bin("attw"), "--pack", "--profile", "esm-only", "--no-emoji", "--format", "ascii", folder]),
  install: [[process.execPath, "scripts/run-ts.js", "scripts/install-test.ts"]],
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(steps);
const unknown = wanted.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`unknown step ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}`);
  process.exit(2);
}

// The others read sources.
if (wanted.some((name) => ["publint", "attw", "install"].includes(name))) makeReady();
const failed = wanted.filter((name) => !passes(name));
console.log(failed.length === 0 ? "\nAll checks passed." : `\nFailed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** @param {string} name */
function passes(name) {
  const startedAt = Date.now();
  console.log(`\n── ${name}`);
  let ok = true;
  for (const [command, ...args] of steps[name] ?? []) {
    const { status, error, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    if (error) throw error;
    // What went well needs no page of output.
    if (status !== 0) console.log(stdout);
    ok &&= status === 0;
  }
  console.log(`${ok ? "ok" : "FAILED"} in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return ok;
}
