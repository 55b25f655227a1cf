// Measures an engine: the contestants take turns, cell by cell and round by round, so that what disturbs the machine disturbs all.

import { cells, keyedCells, type Measured } from "./cells.js";
import { contestants } from "./contestants/index.js";
import { startEngine } from "./engines.js";
import { type EngineName, keyedRows } from "./contestant.js";
import { startWorker, type Worker } from "./processes.js";

export interface Settings {
  readonly rows: number;
  readonly rounds: number;
  readonly turnMs: number;
  /** Cells to measure; undefined: all. */
  readonly cells: readonly string[] | undefined;
  /** Contestants beside `raw`; undefined: all. */
  readonly contestants: readonly string[] | undefined;
  /** Folder of the built benchmark. */
  readonly built: URL;
  readonly say: (text: string) => void;
}

export interface CellResult {
  readonly us: number;
  readonly cpuUs: number;
  /** Median of the ratios to `raw` of the same round. */
  readonly ratio: number;
  readonly cpuRatio: number;
}

export interface ContestantResult {
  readonly name: string;
  readonly startMs: number;
  readonly rssMb: number;
  readonly cells: Readonly<Record<string, CellResult>>;
}

export interface EngineResult {
  readonly engine: EngineName;
  readonly rows: number;
  readonly contestants: readonly ContestantResult[];
}

export async function measureEngine(name: EngineName, settings: Settings): Promise<EngineResult> {
  const { say } = settings;
  const engine = await startEngine(name);
  const workers: Worker[] = [];
  const runners: Runner[] = [];
  try {
    const names = Object.keys(contestants[name]).filter((one) => one === "raw" || (settings.contestants?.includes(one) ?? true));
    const rows = Math.min(settings.rows, keyedRows[name] ?? Infinity);
    const startMs = new Map<string, number>();
    for (const contestant of names) {
      say(`${name}: ${contestant} fills its table with ${rows} rows`);
      const url = await engine.database(contestant);
      const options = { engine: name, name: contestant, url, rows, turnMs: settings.turnMs };
      const filler = startWorker(options, settings.built);
      workers.push(filler);
      await filler.ask({ kind: "fill" });
      await workers.pop()!.end();
      await engine.settle(url);
      const worker = startWorker(options, settings.built);
      workers.push(worker);
      runners.push({ contestant, worker });
      startMs.set(contestant, ((await worker.ask({ kind: "start" })) as { startMs: number }).startMs);
    }
    const measured = await measureCells(name, runners, settings);
    const ended = new Map<string, number>();
    for (const { contestant, worker } of runners) ended.set(contestant, ((await worker.end()) as { rssMb: number }).rssMb);
    const results = names.map((contestant) => ({
      name: contestant,
      startMs: startMs.get(contestant)!,
      rssMb: ended.get(contestant)!,
      cells: summarize(measured, contestant),
    }));
    return { engine: name, rows, contestants: results };
  } finally {
    for (const worker of workers) worker.stop();
    await engine.stop();
  }
}

/** Turns of each cell that do not count, before those that do. */
const warmUps = 4;

interface Runner {
  readonly contestant: string;
  readonly worker: Worker;
}

/** By cell, then by contestant: what each round gave. */
type Rounds = Map<string, Map<string, Measured[]>>;

async function measureCells(name: EngineName, workers: readonly Runner[], settings: Settings): Promise<Rounds> {
  const all = keyedRows[name] !== undefined ? keyedCells : Object.keys(cells).filter((cell) => cell !== "put64");
  const wanted = all.filter((cell) => settings.cells?.includes(cell) ?? true);
  const rounds: Rounds = new Map();
  // Goals are for hot code: what a server's first calls pay is told by `start ms`.
  settings.say(`${name}: warming up`);
  for (let i = 0; i < warmUps; i++)
    for (const cell of wanted) if (cell !== "bulk" || i === 0) for (const { worker } of workers) await worker.ask({ kind: "cell", cell });
  for (const cell of wanted) {
    settings.say(`${name}: ${cell}`);
    const found = new Map(workers.map(({ contestant }) => [contestant, [] as Measured[]]));
    rounds.set(cell, found);
    // The first round brings the caches back and does not count.
    for (let round = 0; round <= settings.rounds; round++) {
      const order = workers.map((_, i) => workers[(i + round) % workers.length]!);
      for (const { contestant, worker } of order) {
        const measured = (await worker.ask({ kind: "cell", cell })) as Measured;
        if (round > 0) found.get(contestant)!.push(measured);
      }
    }
  }
  return rounds;
}

function summarize(rounds: Rounds, name: string): Record<string, CellResult> {
  const results: Record<string, CellResult> = {};
  for (const [cell, found] of rounds) {
    const own = found.get(name)!;
    const raw = found.get("raw")!;
    results[cell] = {
      us: median(own.map(({ us }) => us)),
      cpuUs: median(own.map(({ cpuUs }) => cpuUs)),
      ratio: median(own.map(({ us }, i) => us / raw[i]!.us)),
      cpuRatio: median(own.map(({ cpuUs }, i) => cpuUs / raw[i]!.cpuUs)),
    };
  }
  return results;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
