// Measurements beside the cells: requests to DynamoDB, cost by size of the table and by place of the page, memory of a scan.

import { startEngine } from "./engines.js";
import { median, type Settings } from "./measure.js";
import { startWorker, type Worker } from "./processes.js";
import { markdown } from "./report.js";
import type { Measured } from "./cells.js";
import { startServices } from "../services/index.js";

export const extraNames = ["requests", "sqlite-size", "pg-size"] as const;
export type ExtraName = (typeof extraNames)[number];

export interface ExtraResult {
  readonly extra: ExtraName;
  readonly numbers: Readonly<Record<string, number>>;
  readonly text: string;
}

/** What a number must not exceed. */
type Limits = Readonly<Record<string, number>>;

export async function runExtra(extra: ExtraName, settings: Settings): Promise<ExtraResult> {
  if (extra === "requests") {
    const numbers = await countRequests(settings);
    return { extra, numbers, text: table("DynamoDB: requests on the wire", numbers, { "1,000 gets in a tick": 12 }) };
  }
  const engine = extra === "pg-size" ? "pg" : "sqlite";
  const numbers = await measureSize(engine, settings);
  const limits = {
    "get: large to small table": 1.2,
    "page 1,000 to page 1": 1.2,
    "page 1,000 to page 2": 1.1,
    "scan: growth of RSS, MB": 100,
  };
  return { extra, numbers, text: table(`${engine}: what size costs`, numbers, limits) };
}

function table(title: string, numbers: Readonly<Record<string, number>>, limits: Limits): string {
  const lines = Object.entries(numbers).map(([name, value]) => {
    const limit = limits[name];
    return [name, Number.isInteger(value) ? String(value) : value.toFixed(2), limit === undefined ? "" : `≤ ${limit}`];
  });
  return `\n## ${title}\n\n${markdown([["", "measured", "goal"], ...lines])}\n`;
}

async function countRequests(settings: Settings): Promise<Record<string, number>> {
  const services = await startServices(["dynamodb"]);
  try {
    const url = services.env["BK_TEST_DYNAMODB"];
    if (url === undefined) throw new Error(`DynamoDB cannot be had here: ${services.notRun[0]?.reason ?? "it did not start"}`);
    // DynamoDB Local keeps a database for each access key.
    const own = url.replace(/([?&]accessKeyId=)[^&]*/, `$1bench${process.pid}`);
    const worker = startWorker({ task: "requests", url: own, rows: 2_000 }, settings.built);
    try {
      return (await worker.ask({ kind: "run" })) as Record<string, number>;
    } finally {
      worker.stop();
    }
  } finally {
    await services.stop();
  }
}

const smallRows = 10_000;

async function measureSize(name: "sqlite" | "pg", settings: Settings): Promise<Record<string, number>> {
  const largeRows = settings.rows * 10;
  const engine = await startEngine(name);
  const workers: Worker[] = [];
  try {
    const start = (url: string, rows: number): Worker => {
      const worker = startWorker({ engine: name, name: "bk", url, rows, turnMs: settings.turnMs }, settings.built);
      workers.push(worker);
      return worker;
    };
    const open = async (label: string, rows: number): Promise<{ worker: Worker; url: string }> => {
      settings.say(`${name}: bk fills a table with ${rows} rows`);
      const url = await engine.database(label);
      const filler = start(url, rows);
      await filler.ask({ kind: "fill" });
      await filler.end();
      await engine.settle(url);
      const worker = start(url, rows);
      await worker.ask({ kind: "start" });
      return { worker, url };
    };
    const small = await open("bk_small", smallRows);
    const large = await open("bk_large", largeRows);
    const ratios: number[] = [];
    for (let round = 0; round <= settings.rounds; round++) {
      const few = (await small.worker.ask({ kind: "cell", cell: "get" })) as Measured;
      const many = (await large.worker.ask({ kind: "cell", cell: "get" })) as Measured;
      if (round > 0) ratios.push(many.us / few.us);
    }
    const walker = startWorker({ task: "pages", url: large.url, rows: largeRows }, settings.built);
    workers.push(walker);
    const pages = (await walker.ask({ kind: "run" })) as Record<string, number>;
    const scanner = startWorker({ task: "scan", url: large.url, rows: largeRows }, settings.built);
    workers.push(scanner);
    const scan = (await scanner.ask({ kind: "run" })) as Record<string, number>;
    return { "rows of the large table": largeRows, "get: large to small table": median(ratios), ...pages, ...scan };
  } finally {
    for (const worker of workers) worker.stop();
    await engine.stop();
  }
}
