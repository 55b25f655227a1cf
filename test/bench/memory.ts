// What a process of the benchmark holds.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Memory {
  readonly rssKb: number;
  readonly heapKb: number;
}

/** What is held after collection. */
export async function memory(): Promise<Memory> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What is freed is given back a little later.
  for (let i = 0; i < 4; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { rssKb: process.memoryUsage.rss() / 1024, heapKb: process.memoryUsage().heapUsed / 1024 };
}
