// `npm run bench -- start`: how long a fresh process takes to open a SQLite file and read one row by its key, with @bk/db as
// built and with the client alone. The turns alternate, so that a busy machine slows all of them.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const read = (client: string): string => `${client}
if (row.text !== "b") throw new Error("the row is not there");`;

const openBk = (file: string): string => `import { openDb } from "@bk/db";
const db = await openDb({ url: ${JSON.stringify(`sqlite:${file}`)}, tables: { note: { id: { primary: 1 }, text: {} } } });`;

const programs = (file: string): Readonly<Record<string, string>> => ({
  "node alone": "",
  "better-sqlite3": read(`import Database from "better-sqlite3";
const db = new Database(${JSON.stringify(file)});
const row = db.prepare("SELECT id, text FROM note WHERE id = ?").get("a");
db.close();`),
  "@bk/db": read(`${openBk(file)}
const row = await db.get("note", "a");
await db.close();`),
});

interface Start {
  readonly program: string;
  /** Milliseconds from the start of the process to its end. */
  readonly medianMs: number;
  readonly leastMs: number;
}

/**
 * @param turns  how often each program is started
 * @returns the times as a table
 */
export function measureStart(root: string, turns: number): string {
  // Within the repository, where the packages are found.
  mkdirSync(join(root, "test-results"), { recursive: true });
  const folder = mkdtempSync(join(root, "test-results/start-"));
  try {
    const file = join(folder, "start.db");
    run(folder, "make", `${openBk(file)}\nawait db.sync();\nawait db.put("note", { id: "a", text: "b" });\nawait db.close();`);
    const times = Object.entries(programs(file)).map(([program, source], i) => ({
      program,
      source,
      name: `program${i}`,
      ms: [] as number[],
    }));
    for (let turn = 0; turn < turns; turn++) for (const each of times) each.ms.push(run(folder, each.name, each.source));
    const starts = times.map(({ program, ms }): Start => {
      ms.sort((a, b) => a - b);
      return { program, medianMs: ms[ms.length >> 1]!, leastMs: ms[0]! };
    });
    const [, client, bk] = starts;
    const lines = starts.map(
      ({ program, medianMs, leastMs }) => `${program.padEnd(16)}${medianMs.toFixed(0).padStart(8)}${leastMs.toFixed(0).padStart(8)}`,
    );
    const ratio = `@bk/db takes ${(bk!.leastMs / client!.leastMs).toFixed(2)} times what better-sqlite3 takes (least), ${(bk!.medianMs / client!.medianMs).toFixed(2)} times (median)`;
    return ["start, ms          median   least", ...lines, ratio].join("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(folder: string, name: string, source: string): number {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, source);
  const before = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  const ms = performance.now() - before;
  if (status !== 0) throw new Error(`${name} failed\n${stderr}`);
  return ms;
}
