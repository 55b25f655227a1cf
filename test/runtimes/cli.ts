// `npm run test:runtimes`: the tests that need no server on other runtimes than this one. Arguments name some of them.
import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Runtime, runtimes } from "./runtimes.js";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, "test-results/runtimes");

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Makes one file of each program, so that nothing but the runtime itself is needed to run it. */
async function bundle(): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["suite", "worker"].map((name) => `test/runtimes/${name}.ts`),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    mainFields: ["module", "main"],
    conditions: ["bk-source"],
    alias: { vitest: "./test/runtimes/vitest.ts" },
    // Clients of databases, which are not opened here.
    external: [
      "node:*",
      "pg",
      "mysql2",
      "ioredis",
      "mongodb",
      "@aws-sdk/client-dynamodb",
      "better-sqlite3",
      "lmdb",
      "classic-level",
      "cassandra-driver",
    ],
    logLevel: "warning",
  });
}

async function argumentsOf({ name, runs, flags = [] }: Runtime): Promise<string[]> {
  if (runs === "quick") return [join(root, "scripts/test.js"), "--quick", "packages/core", "packages/db"];
  if (runs === "suite") return [join(folder, "suite.mjs"), "memory", "sqlite", "sqlite-threads"];
  const config = join(folder, `${name}.capnp`);
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .worker)]);
const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  bindings = [(name = "transactions", json = "${flags.length > 0}")],
  compatibilityDate = "2025-11-01",
  compatibilityFlags = [${flags.map((flag) => `"${flag}"`).join(", ")}],
);
`,
  );
  return [config];
}

/** Runs the tests on a runtime, shows what it prints, and gives the counts that it prints last. */
async function run(runtime: Runtime): Promise<Counts> {
  const [program, ...before] = runtime.command();
  const args = [...before, ...(await argumentsOf(runtime))];
  const child = spawn(program!, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const status = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
  const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)].at(-1)?.slice(1).map(Number);
  const [passed = 0, failed = 0, skipped = 0] = counts ?? [];
  const isFine = status === 0 && failed === 0 && passed > 0;
  if (!isFine) console.log(output);
  // A runtime that ended badly without a failed test has failed as a whole.
  return { passed, failed: isFine ? 0 : Math.max(failed, 1), skipped };
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !runtimes.some((runtime) => runtime.name === name));
if (unknown.length > 0) {
  console.error(`unknown runtime ${unknown.join(", ")}; there are ${runtimes.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

await bundle();
const total = { passed: 0, failed: 0, skipped: 0 };
for (const runtime of runtimes.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const { passed, failed, skipped } = await run(runtime);
  console.log(`${runtime.name.padEnd(18)} ${passed} passed, ${failed} failed, ${skipped} skipped`);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
