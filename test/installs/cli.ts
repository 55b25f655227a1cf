// `npm run test:installs`: the packed packages installed by npm, pnpm, yarn and bun on a current Node, and an app with one
// driver bundled by esbuild, vite, rollup and webpack, each used as an app would use it.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeReady } from "../../scripts/ready.js";
import { installed } from "../runtimes/installed.js";
import { programOf } from "../runtimes/runtimes.js";
import { bundlers } from "./bundlers.js";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const names = ["core", "db", "cache", "queue", "auth", "modules", "server"];

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Record<string, unknown>;
}

const manifests = names.map((name) => JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")) as Manifest);
const entries = manifests.flatMap(({ name, exports }) =>
  Object.keys(exports)
    // vitest refuses to be loaded outside its runner; whoever makes OpenTelemetry spans has installed its API, and who wants better-auth has that.
    .filter((path) => !["./package.json", "./testing", "./otel", "./better-auth"].includes(path))
    .map((path) => name + path.slice(1)),
);

/** Runs a program and gives what it prints. */
function run(cwd: string, command: string, ...args: string[]): string {
  try {
    const env = { ...process.env, PATH: `${dirname(programOf("node24"))}:${process.env["PATH"]}` };
    return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 300_000 });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${[command, ...args].join(" ")} failed\n${stdout}${stderr}`, { cause: error });
  }
}

/** An app that opens a database, writes and reads a row, and says so. */
function appOf(url: string): string {
  return `import { openDb } from "@bk/db";
const db = await openDb({ url: "${url}", tables: { note: { id: { primary: 1 }, n: { type: "int" } } } });
await db.sync();
await db.put("note", { id: "a", n: 1 });
const rows = [];
for await (const row of db.scan("note", {})) rows.push(row);
await db.close();
if (JSON.stringify(rows) !== '[{"id":"a","n":1}]') throw new Error(JSON.stringify(rows));
console.log("works");
`;
}

const requireAll = entries.map((entry) => `require("${entry}");\n`).join("") + 'console.log("works");\n';

function expectWorks(printed: string): void {
  // A warning would stand beside it.
  if (printed.trim() !== "works") throw new Error(`it printed ${JSON.stringify(printed)}`);
}

const managers: Readonly<Record<string, (folder: string) => void>> = {
  npm: (folder) => void run(folder, "npm", "install", "--no-audit", "--no-fund"),
  pnpm: (folder) =>
    void run(folder, "node", join(installed("pnpm@12.21.0"), "node_modules/pnpm/bin/pnpm.mjs"), "install", "--config.ci=true"),
  // Its cache knows packages by name and version, and would give those of an earlier run.
  yarn: (folder) =>
    void run(
      folder,
      "node",
      join(installed("yarn@1.22.22"), "node_modules/.bin/yarn"),
      "install",
      "--non-interactive",
      "--cache-folder",
      join(folder, ".yarn-cache"),
    ),
  bun: (folder) => void run(folder, programOf("bun"), "install"),
};

/** Makes a folder with an app that depends on the packed packages, and nothing else. */
function writeApp(folder: string, tarballs: Readonly<Record<string, string>>): void {
  mkdirSync(folder);
  const manifest = { name: "app", private: true, type: "module", dependencies: tarballs };
  // The packages are in no registry: those that depend on each other are sent to the tarballs too.
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...manifest, resolutions: tarballs, overrides: tarballs }));
  const overrides = Object.entries(tarballs).map(([name, path]) => `  "${name}": "${path}"\n`);
  writeFileSync(join(folder, "pnpm-workspace.yaml"), `packages: []\noverrides:\n${overrides.join("")}`);
  writeFileSync(join(folder, "app.js"), appOf("sqlite:data/app.db"));
  writeFileSync(join(folder, "memory.js"), appOf("memory:"));
  writeFileSync(join(folder, "require.cjs"), requireAll);
}

let passed = 0;
let failed = 0;
async function check(name: string, work: () => unknown): Promise<void> {
  try {
    await work();
    passed++;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

makeReady();
const folder = mkdtempSync(join(tmpdir(), "bk-installs-"));
try {
  const packed = run(root, "npm", "pack", "--json", "--pack-destination", folder, ...names.map((name) => `./packages/${name}`));
  const files = (JSON.parse(packed) as { name: string; filename: string }[]).map(
    ({ name, filename }) => [name, `file:${join(folder, filename)}`] as const,
  );
  const tarballs = Object.fromEntries(files);
  for (const [name, install] of Object.entries(managers)) {
    const app = join(folder, name);
    writeApp(app, tarballs);
    await check(`${name} installs the packages without a compiler`, () => install(app));
    await check(`${name}: SQLite works, and says nothing`, () => expectWorks(run(app, "node", "app.js")));
    await check(`${name}: every entry can be required`, () => expectWorks(run(app, "node", "require.cjs")));
    if (name === "bun") await check("bun: SQLite works on Bun", () => expectWorks(run(app, programOf("bun"), "app.js")));
  }
  const away = join(folder, "away");
  mkdirSync(away);
  for (const [name, bundle] of Object.entries(bundlers)) {
    for (const [program, target] of [
      ["app.js", "node"],
      ["memory.js", "web"],
    ] as const) {
      const out = join(away, `${name}-${target}`);
      await check(`${name} bundles ${program} for ${target === "node" ? "Node" : "the web"}`, async () => {
        const file = await bundle(join(folder, "npm"), program, out, target);
        // Outside of the folder with the packages, so that the bundle stands alone.
        expectWorks(run(out, "node", file));
      });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
