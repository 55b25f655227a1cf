// Caches beside the clients that they stand on.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startServices } from "../services/index.js";
import type { CacheBenchOptions, CacheBenchResult } from "./cache-worker.js";
import { markdown } from "./report.js";

/** What the ratio to the first contestant, or the microseconds, must not exceed. */
const goals: Readonly<Record<string, { readonly ratio?: number; readonly us?: number }>> = {
  "memory: hit, bk peek": { us: 0.15 },
  "memory: hit, bk get, awaited": { us: 0.5 },
  "Redis: get alone, bk": { ratio: 1.05 },
  "Redis: put alone, bk": { ratio: 1.05 },
  "Redis: 1,000 gets in a tick, bk": { ratio: 0.6 },
  "Redis: 1,000 puts in a tick, bk": { ratio: 0.6 },
};

export async function measureCache(settings: { readonly rounds: number; readonly turnMs: number; readonly built: URL }): Promise<string> {
  const services = await startServices(["redis"]);
  try {
    const url = services.env["BK_TEST_REDIS"];
    if (url === undefined) throw new Error(`Redis cannot be had here: ${services.notRun[0]?.reason ?? "it did not start"}`);
    const options: CacheBenchOptions = { url, rounds: settings.rounds, turnMs: settings.turnMs };
    const child = fork(fileURLToPath(new URL("cache-worker.js", settings.built)), [JSON.stringify(options)], {
      env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
      execArgv: [],
    });
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the benchmark of caches ended with ${String(code)}`);
    });
    const [{ result }] = (await Promise.race([once(child, "message"), ended])) as [{ result: CacheBenchResult }];
    ended.catch(() => undefined);
    return table(result);
  } finally {
    await services.stop();
  }
}

function table(result: CacheBenchResult): string {
  const lines = Object.entries(result).flatMap(([cell, contestants]) => {
    const [first = 1] = Object.values(contestants);
    return Object.entries(contestants).map(([name, us]) => {
      const goal = goals[`${cell}, ${name}`];
      const isOver = (goal?.ratio !== undefined && us / first > goal.ratio) || (goal?.us !== undefined && us > goal.us);
      const wanted = goal === undefined ? "" : goal.us === undefined ? `≤ ${goal.ratio} ×` : `≤ ${goal.us} µs`;
      return [cell, name, us.toPrecision(3), `${(us / first).toFixed(2)}${isOver ? "!" : ""}`, wanted];
    });
  });
  return `\n## Caches\n\n${markdown([["", "", "µs", "ratio", "goal"], ...lines])}\n`;
}
