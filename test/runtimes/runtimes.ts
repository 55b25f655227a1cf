// The JavaScript runtimes that the packages are tried on; npm has packages with their programs.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { installed } from "./installed.js";

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
  const program = join(installed(`${from}@${version}`), "node_modules", from, path);
  if (!existsSync(program)) throw new Error(`${from}@${version} has no ${path}`);
  return program;
}

/** A way to run the tests: the program with its arguments before those of the tests. */
export interface Runtime {
  readonly name: string;
  readonly command: () => readonly string[];
  /** The quick suite by vitest, the behaviour suite as one program, or as a worker. */
  readonly runs: "quick" | "suite" | "worker";
  /** Of a worker: without AsyncLocalStorage there are no transactions. */
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
