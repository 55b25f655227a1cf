// The JavaScript runtimes that the packages are tried on. They come from npm, into a folder of their own beside other caches.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bk-runtimes");
const system = `${process.platform}-${process.arch}`;
const isLinux = process.platform === "linux";

interface Binary {
  /** The npm package with the program for this system. */
  readonly package: string;
  readonly version: string;
  readonly path: string;
}

const node = (version: string): Binary => ({ package: `node-${system}`, version, path: "bin/node" });
const binaries = {
  node22: node("22"),
  node24: node("24"),
  bun: { package: `@oven/bun-${system.replace("arm64", "aarch64")}`, version: "1.4.5", path: "bin/bun" },
  deno: { package: `@deno/${system}${isLinux ? "-glibc" : ""}`, version: "2.9.6", path: "deno" },
  workerd: { package: `@cloudflare/workerd-${system.replace("x64", "64")}`, version: "1.20261117.1", path: "bin/workerd" },
} satisfies Record<string, Binary>;

/** The path of a runtime's program, which is installed when it is missing. */
export function programOf(name: keyof typeof binaries): string {
  const { package: from, version, path } = binaries[name];
  const folder = join(cache, `${from}@${version}`.replace("/", "+"));
  const program = join(folder, "node_modules", from, path);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  execFileSync("npm", ["install", ...flags, `${from}@${version}`], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  return program;
}

/** A way to run the tests: the program with its arguments before those of the tests. */
export interface Runtime {
  readonly name: string;
  readonly command: () => readonly string[];
  /** What runs on it: the quick suite by vitest, the behaviour suite as one program, or as a worker. */
  readonly runs: "quick" | "suite" | "worker";
  /** Whether a worker is given AsyncLocalStorage, without which there are no transactions. */
  readonly flags?: readonly string[];
}

export const runtimes: readonly Runtime[] = [
  { name: "node@22", command: () => [programOf("node22")], runs: "quick" },
  { name: "node@24", command: () => [programOf("node24")], runs: "quick" },
  { name: "node-without-eval", command: () => [programOf("node24"), "--disallow-code-generation-from-strings"], runs: "suite" },
  { name: "bun", command: () => [programOf("bun")], runs: "suite" },
  { name: "deno", command: () => [programOf("deno"), "run", "--allow-all", "--quiet"], runs: "suite" },
  { name: "workerd", command: () => [programOf("workerd"), "test"], runs: "worker", flags: [] },
  { name: "workerd-als", command: () => [programOf("workerd"), "test"], runs: "worker", flags: ["nodejs_als"] },
];
