// Packs each package, installs the tarballs into an empty folder outside the workspace, and uses them there as an app would:
// type-checks every entry under both module resolutions, imports and requires each, and runs the README examples.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { exampleOf } from "./readme-example.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const names = ["core", "db", "cache", "queue", "auth", "modules", "server"];
/** Has no entry, and begins an app. */
const creator = "create-bk-server";
const tsc = join(root, "node_modules/typescript/bin/tsc");

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Record<string, unknown>;
  readonly bin?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
const manifests = names.map((name) => manifestOf(join(root, "packages", name)));
const entries = manifests.flatMap(({ name, exports }) =>
  Object.keys(exports)
    // better-auth's own types do not pass without skipLibCheck, and it is large.
    .filter((path) => path !== "./package.json" && path !== "./better-auth")
    .map((path) => name + path.slice(1)),
);

function run(folder: string, command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 300_000 });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${[command, ...args].join(" ")} failed\n${stdout}${stderr}`, { cause: error });
  }
}

function install(app: string): void {
  const packed = run(root, "npm", "pack", "--json", "--pack-destination", app, ...[...names, creator].map((name) => `./packages/${name}`));
  const tarballs = (JSON.parse(packed) as { filename: string }[]).map(({ filename }) => `./${filename}`);
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Required<Manifest>;
  // vitest, knex and the API of OpenTelemetry are there for the entries that are about them; no database client is, as types must not need one.
  const others = ["@types/node", "vitest", "knex", "@opentelemetry/api"].map((name) => `${name}@${devDependencies[name]}`);
  // A Node without a SQLite client of its own needs one, as the README says.
  const needsClient = process.getBuiltinModule("node:sqlite") === undefined;
  if (needsClient) others.push(`better-sqlite3@${manifestOf(join(root, "node_modules/better-sqlite3")).version}`);
  run(app, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", ...tarballs, ...others);
  if (needsClient) lendSqlite(app);
}

/** Takes the compiled SQLite client from the workspace: compiling it again takes more than a minute. */
function lendSqlite(app: string): void {
  const binary = "node_modules/better-sqlite3/build/Release/better_sqlite3.node";
  if (existsSync(join(root, binary))) {
    mkdirSync(dirname(join(app, binary)), { recursive: true });
    copyFileSync(join(root, binary), join(app, binary));
  } else run(app, "npm", "rebuild", "better-sqlite3");
}

function typeCheck(app: string, resolution: "nodenext" | "bundler"): void {
  const compilerOptions = {
    target: "es2022",
    lib: ["es2023", "esnext.disposable", "dom"],
    types: ["node"],
    module: resolution === "nodenext" ? "nodenext" : "esnext",
    moduleResolution: resolution,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    outDir: `out-${resolution}`,
  };
  const file = join(app, `tsconfig.${resolution}.json`);
  writeFileSync(file, JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  run(app, process.execPath, tsc, "-p", file);
}

function writeApp(app: string): string[] {
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  writeFileSync(join(app, "entries.ts"), entries.map((entry, i) => `import * as entry${i} from "${entry}";\nvoid entry${i};\n`).join(""));
  return names.flatMap((name) => {
    const example = exampleOf(readFileSync(join(root, "packages", name, "README.md"), "utf8"));
    if (example === undefined) throw new Error(`packages/${name}/README.md has no block marked <!-- example: run -->`);
    writeFileSync(join(app, `example-${name}.ts`), `${example}\nexport {};\n`);
    return `example-${name}.js`;
  });
}

/** Loads each entry in a process of its own, as a module and by `require`, which a top-level await would break. */
function load(app: string): void {
  // vitest refuses to be loaded outside its runner.
  for (const entry of entries.filter((each) => !each.endsWith("/testing"))) {
    run(app, process.execPath, "--input-type=module", "-e", `await import("${entry}")`);
    run(app, process.execPath, "--no-warnings", "--input-type=commonjs", "-e", `require("${entry}")`);
  }
}

/** The app that `npm create bk-server` begins compiles, and passes its tests, with what is installed here. */
function create(app: string): void {
  run(app, join("node_modules/.bin", creator), "shop");
  const shop = join(app, "shop");
  symlinkSync(join(app, "node_modules"), join(shop, "node_modules"));
  run(shop, process.execPath, tsc);
  run(shop, process.execPath, "--test", "dist/test/");
}

const app = mkdtempSync(join(tmpdir(), "bk-install-"));
try {
  const examples = writeApp(app);
  install(app);
  for (const resolution of ["nodenext", "bundler"] as const) typeCheck(app, resolution);
  load(app);
  create(app);
  for (const example of examples) run(app, process.execPath, join("out-nodenext", example));
  for (const command of manifests.flatMap(({ bin = {} }) => Object.keys(bin))) run(app, join("node_modules/.bin", command), "--help");
  console.log(
    `${entries.length} entries and ${examples.length} README examples work from the packed packages, and so does an app that ${creator} begins.`,
  );
} finally {
  rmSync(app, { recursive: true, force: true });
}
