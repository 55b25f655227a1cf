// `npm run docs`: writes docs/reference from code: the error codes, what each driver can do, and the API.
// `npm run docs -- --check` writes nothing and fails when the tables in docs/reference are out of date.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { errorCodes } from "@bk/core";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const reference = join(root, "docs/reference");
const note = "<!-- Made by `npm run docs`; do not edit. -->";

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(([code, { meaning, outcome }]) => [`\`${code}\``, meaning, outcome]);
  const intro =
    "Every error has a `code` to branch on, and an `outcome`: whether the change may have been made. An error may carry another outcome than the usual one.";
  return `${note}\n\n# Error codes\n\n${intro}\n\n${table(["code", "meaning", "outcome"], rows)}\n`;
}

type Facts = Readonly<Record<string, unknown>>;

/** What each driver claims, by its exports named `capabilities` or `…Capabilities`. */
async function claims(): Promise<Map<string, Facts>> {
  const folder = join(root, "packages/db/src/drivers");
  const found = new Map<string, Facts>();
  for (const entry of readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory())) {
    const module = (await import(pathToFileURL(join(folder, entry.name, "index.ts")).href)) as Facts;
    const own = Object.entries(module).filter(([name]) => /^capabilities$|Capabilities$/.test(name));
    if (own.length === 0) throw new Error(`packages/db/src/drivers/${entry.name}/index.ts exports no capabilities`);
    for (const [name, value] of own)
      found.set(name === "capabilities" ? entry.name : name.replace(/Capabilities$/, "").toLowerCase(), value as Facts);
  }
  return found;
}

function capabilitiesPage(drivers: Map<string, Facts>): string {
  const names = [...new Set([...drivers.values()].flatMap((facts) => Object.keys(facts)))];
  const rows = names.map((name) => [`\`${name}\``, ...[...drivers.values()].map((facts) => cellOf(facts[name]))]);
  const intro = "What each driver does by itself. What it does not, the core makes up with the same result, or refuses with `unsupported`.";
  return `${note}\n\n# Capabilities\n\n${intro}\n\n${table(["capability", ...drivers.keys()], rows)}\n`;
}

function cellOf(value: unknown): string {
  if (value === undefined || value === false) return "–";
  if (value === true) return "yes";
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.join(", ");
  if (typeof value !== "object" || value === null) return typeof value === "string" ? value : JSON.stringify(value);
  const parts = Object.entries(value).map(([name, inner]) => `${name}: ${cellOf(inner)}`);
  return parts.length === 0 ? "–" : parts.join("; ");
}

function writeApi(): void {
  const docs = join(root, "docs");
  const { status } = spawnSync(process.execPath, [join(docs, "node_modules/typedoc/bin/typedoc")], { cwd: docs, stdio: "inherit" });
  if (status !== 0) throw new Error(`typedoc ended with ${status}`);
}

const pages = { "errors.md": errorsPage(), "capabilities.md": capabilitiesPage(await claims()) };
if (process.argv.includes("--check")) {
  const stale = Object.entries(pages).filter(
    ([name, text]) => !existsSync(join(reference, name)) || readFileSync(join(reference, name), "utf8") !== text,
  );
  for (const [name] of stale) console.error(`docs/reference/${name} is out of date: run \`npm run docs\``);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  mkdirSync(reference, { recursive: true });
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(reference, name), text);
  writeApi();
}
