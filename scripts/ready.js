// Makes a clone ready to run: installs what package-lock.json names and builds the packages, each only when needed.
// Runs on bare Node, before any dependency is there. `--force` builds without looking at times.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packages = ["core", "db", "cache", "queue", "auth", "modules", "server"];
const stamp = join(root, "node_modules/.cache/bk-build");

/**
 * Installs and builds what is missing or stale; says on standard error what it does.
 *
 * @param {{ force?: boolean }} [options]  `force` builds without looking at file times
 */
export function makeReady({ force = false } = {}) {
  if (!existsSync(join(root, "node_modules/.package-lock.json"))) {
    console.error("Installing dependencies (npm ci); the SQLite client may be compiled, which takes a minute or two.");
    run("npm", ["ci"]);
  }
  if (!force && isFresh()) return;
  console.error("Building the packages.");
  const startedAt = new Date();
  run(join(root, "node_modules/.bin/turbo"), ["run", "build", "--output-logs=new-only"]);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, startedAt.toISOString());
}

function isFresh() {
  if (!existsSync(stamp) || !packages.every((name) => existsSync(join(root, "packages", name, "dist/index.js")))) return false;
  // The stamp's own time is when the build ended; what was saved while it ran counts as newer.
  const builtAt = Date.parse(readFileSync(stamp, "utf8"));
  return !packages.some((name) => isNewer(join(root, "packages", name), builtAt)) && changedAt(join(root, "tsconfig.base.json")) <= builtAt;
}

/** @param {string} folder @param {number} builtAt */
function isNewer(folder, builtAt) {
  const sources = readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" }).map((file) => join("src", file));
  return ["package.json", "tsconfig.json", "src", ...sources].some((file) => changedAt(join(folder, file)) > builtAt);
}

/** @param {string} file */
function changedAt(file) {
  return statSync(file).mtimeMs;
}

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
  // Standard output belongs to the program that starts after this.
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    env,
    stdio: ["inherit", process.stderr, "inherit"],
    shell: process.platform === "win32",
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  makeReady({ force: process.argv.includes("--force") });
}
