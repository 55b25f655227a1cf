// Tools that only some tests need: installed from npm on first use, into a folder beside other caches, not into the workspace.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bk-runtimes");

/** The folder in whose `node_modules` the packages are, each given as `name@version`. */
export function installed(...packages: readonly string[]): string {
  const folder = join(cache, packages.join("_").replaceAll("/", "+"));
  if (existsSync(join(folder, "done"))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  execFileSync("npm", ["install", ...flags, ...packages], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(join(folder, "done"), "");
  return folder;
}
