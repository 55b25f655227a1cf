// Builds the package in the current folder: declarations by the compiler, and one file of JavaScript for each entry point,
// with what several of them use in files of its own. A program that starts reads a few files instead of a hundred.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const typescript = require.resolve("typescript/package.json");
const tsc = join(dirname(typescript), require(typescript).bin.tsc);

// The compiler resolves other workspace packages to their dist, as an installed copy would.
const { status, signal } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.json", "--emitDeclarationOnly"], { stdio: "inherit" });
if (signal) process.kill(process.pid, signal);
if (status !== 0) process.exit(status ?? 1);

/** @type {{ exports: Record<string, string | { "bk-source": string }>, bin?: Record<string, string> }} */
const { exports, bin = {} } = JSON.parse(readFileSync("package.json", "utf8"));
const sources = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : [entry["bk-source"]]));
const programs = Object.values(bin);

const { metafile } = await build({
  entryPoints: [...sources, ...programs.map((path) => path.replace("/dist/", "/src/").replace(/\.js$/, ".ts"))],
  outdir: "dist",
  outbase: "src",
  // Beside the entry points: a file of the package is found from there.
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  packages: "external",
  external: ["node:*"],
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  logLevel: "warning",
});

// What an earlier build left and this one has not made.
const made = new Set(Object.keys(metafile.outputs));
for (const file of readdirSync("dist", { recursive: true, encoding: "utf8" })) {
  const path = join("dist", file).replaceAll("\\", "/");
  const source = join("src", file.replace(/\.d\.ts(\.map)?$/, ".ts"));
  const isStale = /\.d\.ts(\.map)?$/.test(file) ? !existsSync(source) : /\.js(\.map)?$/.test(file) && !made.has(path);
  if (isStale) rmSync(path);
}
for (const program of programs) chmodSync(program, 0o755);
