// `npm run bench -- db`: measures @bk/db, as built, against raw clients and other libraries; `-- http`: bk-server against
// Node's own server and Hono; `-- server`: it in several processes; `-- modules`: its modules; `-- cache`: @bk/cache against its clients; `-- queue`: work queues against others; `-- rpc`: services on NATS; `-- start`: how soon @bk/db answers; `-- types`: what its types cost the compiler.
// With `--write` the tables go into docs/performance.md.

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { makeReady, root } from "../../scripts/ready.js";
import { engineNames, type EngineName } from "./contestant.js";
import { measureEngine, type EngineResult } from "./measure.js";
import { engineTable } from "./report.js";
import { measureStart } from "./start.js";
import { measureQueues } from "./queue.js";
import { measureTypes } from "./types.js";
import { measureCache } from "./cache.js";
import { measureHttp, httpTable } from "./http.js";
import { measureModules } from "./modules.js";
import { measureServer } from "./server.js";
import { measureRpc } from "./rpc.js";
import { writeSections } from "./page.js";
import { extraNames, runExtra, type ExtraName, type ExtraResult } from "./extras.js";

const usage = `usage: npm run bench -- db [options]
  --engines=${engineNames.join(",")}   default: all
  --cells=get,put,…         default: all
  --against=kysely,…        contestants beside raw and bk; default: all
  --extras=${extraNames.join(",")}   default: all; none: --extras=
  --rows=100000 --rounds=5 --turn=75 (ms)
  --no-build                measure what was built last
  --write                   put the tables into docs/performance.md
       npm run bench -- http [--rounds=5] [--turn=1000] [--no-build] [--write]
       npm run bench -- server [--rounds=5] [--turn=1000] [--no-build] [--write]
       npm run bench -- modules [--cells=subscribers,calls,pings] [--subscribers=10000] [--rounds=5] [--turn=1000] [--no-build] [--write]
       npm run bench -- cache [--rounds=5] [--turn=150] [--no-build] [--write]
       npm run bench -- rpc [--rounds=5] [--turn=500] [--no-build] [--write]
       npm run bench -- queue [--rows=10000] [--rounds=4] [--no-build] [--write]
       npm run bench -- start [--rounds=20] [--no-build]
       npm run bench -- types [--rounds=5] [--no-build]
`;

interface Given {
  readonly rounds: number | undefined;
  readonly turnMs: number | undefined;
  readonly rows: number | undefined;
  readonly subscribers: number | undefined;
  readonly cells: readonly string[] | undefined;
}

/** What is measured beside databases; each gives its table. */
const others: Readonly<Record<string, (given: Given) => string | Promise<string>>> = {
  start: ({ rounds = 20 }) => measureStart(root, rounds),
  types: ({ rounds = 5 }) => measureTypes(root, rounds),
  http: async ({ rounds = 5, turnMs = 1000 }) => httpTable(await measureHttp({ rounds, turnMs, built: buildBench(), say })),
  server: ({ rounds = 5, turnMs = 1000 }) => measureServer({ root, rounds, turnMs, built: buildBench(), say }),
  modules: ({ rounds = 5, turnMs = 1000, subscribers = 10_000, cells }) =>
    measureModules({ rounds, turnMs, subscribers, cells, built: buildBench(), say }),
  cache: ({ rounds = 5, turnMs = 150 }) => measureCache({ rounds, turnMs, built: buildBench() }),
  queue: ({ rounds = 4, rows: jobs = 10_000 }) => measureQueues({ jobs, rounds, say }),
  rpc: ({ rounds = 5, turnMs = 500 }) => measureRpc({ rounds, turnMs, built: buildBench(), say }),
};

const numberIn = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      engines: { type: "string", default: engineNames.join(",") },
      cells: { type: "string" },
      against: { type: "string" },
      extras: { type: "string", default: extraNames.join(",") },
      rows: { type: "string", default: "100000" },
      rounds: { type: "string" },
      turn: { type: "string" },
      subscribers: { type: "string" },
      "no-build": { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  const cells = values.cells?.split(",");
  const engines = listOf(values.engines, engineNames);
  const extras = listOf(values.extras, extraNames);
  if (positionals.length > 0 && positionals.every((what) => Object.hasOwn(others, what))) {
    if (!values["no-build"]) makeReady();
    const rows = values.rows === "100000" ? undefined : Number(values.rows);
    const given = {
      rounds: numberIn(values.rounds),
      turnMs: numberIn(values.turn),
      rows,
      subscribers: numberIn(values.subscribers),
      cells,
    };
    for (const what of positionals) {
      const table = `${machine()}\n${await others[what]!(given)}`;
      process.stdout.write(`${table}\n`);
      if (values.write) writeSections({ [what]: table });
    }
    return 0;
  }
  if (positionals.length !== 1 || positionals[0] !== "db" || engines === undefined || extras === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  if (!values["no-build"]) makeReady();
  const settings = {
    rows: Number(values.rows),
    rounds: Number(values.rounds ?? 5),
    turnMs: Number(values.turn ?? 75),
    cells,
    contestants: values.against === undefined ? undefined : ["bk", ...values.against.split(",")],
    built: buildBench(),
    say,
  };
  const begun = machine();
  const results: (EngineResult | ExtraResult)[] = [];
  const failed: string[] = [];
  process.stdout.write(`${begun}\n`);
  const tables: Record<string, string> = {};
  const attempt = async (what: string, work: () => Promise<string>): Promise<void> => {
    try {
      const table = await work();
      tables[what] = `${begun}\n${table}`;
      process.stdout.write(`${table}\n`);
    } catch (error) {
      failed.push(what);
      process.stderr.write(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    }
  };
  for (const engine of engines)
    await attempt(engine, async () => {
      const result = await measureEngine(engine, settings);
      results.push(result);
      return engineTable(result);
    });
  for (const extra of extras)
    await attempt(extra, async () => {
      const result = await runExtra(extra, settings);
      results.push(result);
      return result.text;
    });
  const folder = new URL("test-results/", pathToFileURL(`${root}/`));
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("bench.json", folder), `${JSON.stringify({ node: process.version, settings, results, failed }, null, 2)}\n`);
  if (values.write) writeSections(tables);
  if (failed.length > 0) process.stderr.write(`not measured: ${failed.join(", ")}\n`);
  return failed.length === 0 ? 0 : 1;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function machine(): string {
  return `Node ${process.version}, ${cpus().length} CPUs (${cpus()[0]?.model.trim() ?? "unknown"}), load at the start ${loadavg()[0]!.toFixed(2)}.`;
}

function listOf<Name extends EngineName | ExtraName>(text: string, known: readonly Name[]): Name[] | undefined {
  const names = text === "" ? [] : text.split(",");
  return names.every((name) => (known as readonly string[]).includes(name)) ? (names as Name[]) : undefined;
}

/** Compiles the contestants, so that they run as the packages that they use do: without a loader. */
function buildBench(): URL {
  const folder = new URL("node_modules/.cache/bk-bench/", pathToFileURL(`${root}/`));
  const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", pathToFileURL(`${root}/`)));
  const project = fileURLToPath(new URL("tsconfig.json", import.meta.url));
  const { status } = spawnSync(process.execPath, [tsc, "-p", project, "--outDir", fileURLToPath(folder)], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("the benchmark does not compile");
  writeFileSync(new URL("package.json", folder), '{ "type": "module" }\n');
  return folder;
}
