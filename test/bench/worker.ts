// One contestant in a process of its own: it makes and fills its table, or measures the cells that it is told to.

import { answerOrders } from "./answer.js";
import { cells } from "./cells.js";
import type { Contestant, EngineName } from "./contestant.js";
import { contestants } from "./contestants/index.js";
import { userId, userOf } from "./users.js";

export interface WorkerOptions {
  readonly engine: EngineName;
  readonly name: string;
  readonly url: string;
  readonly rows: number;
  readonly turnMs: number;
}

export type Order =
  | { readonly kind: "fill" }
  | { readonly kind: "start" }
  | { readonly kind: "cell"; readonly cell: string }
  | { readonly kind: "end" };

const options = JSON.parse(process.argv[2]!) as WorkerOptions;
const load = contestants[options.engine][options.name]!;
const seedRows = 10_000;
let contestant: Contestant | undefined;

async function carryOut(order: Order): Promise<unknown> {
  switch (order.kind) {
    case "fill":
      return fill();
    case "start":
      return start();
    case "cell":
      return cells[order.cell]!({ contestant: contestant!, rows: options.rows, turnMs: options.turnMs });
    case "end": {
      const rssMb = process.memoryUsage.rss() / 2 ** 20;
      await contestant?.close();
      contestant = undefined;
      return { rssMb };
    }
  }
}

async function fill(): Promise<void> {
  const { rows, url, engine } = options;
  const own = await load();
  const { create, open } = own.create === undefined ? await contestants[engine]["raw"]!() : own;
  await create!(url);
  const filler = await open(url);
  for (let from = 0; from < rows; from += seedRows) {
    const users = Array.from({ length: Math.min(seedRows, rows - from) }, (_, i) => userOf(from + i));
    if (filler.bulk !== undefined) await filler.bulk(users);
    else for (let i = 0; i < users.length; i += 500) await Promise.all(users.slice(i, i + 500).map((user) => filler.put(user)));
  }
  await filler.close();
}

/** Loads the library, connects and reads one row; tells how long that took. */
async function start(): Promise<{ startMs: number }> {
  const began = performance.now();
  contestant = await (await load()).open(options.url);
  const row = await contestant.get(userId(1));
  if (row === undefined) throw new Error(`${options.name} does not find its rows`);
  return { startMs: performance.now() - began };
}

answerOrders(carryOut);
