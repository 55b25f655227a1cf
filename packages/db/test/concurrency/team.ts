// Several processes that do one thing at the same time.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { TaskName } from "./tasks.js";
import type { Answer, Order } from "./worker.js";

const program = fileURLToPath(new URL("./worker.ts", import.meta.url));
const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

export interface Team {
  /** Has every process do the task at once; gives their results. */
  all(task: TaskName): Promise<unknown[]>;
  close(): Promise<void>;
}

/** Starts `size` processes, each with a connection of its own. */
export async function openTeam(size: number, store: { url: string; options?: Readonly<Record<string, unknown>> }): Promise<Team> {
  const workers = Array.from({ length: size }, () =>
    fork(program, { execArgv: ["--conditions=bk-source", `--import=${loader}`], serialization: "advanced" }),
  );
  try {
    await Promise.all(workers.map((worker, me) => order(worker, { ...store, me })));
  } catch (error) {
    for (const worker of workers) worker.kill("SIGKILL");
    throw error;
  }
  return {
    all: (task) => Promise.all(workers.map((worker) => order(worker, { task }))),
    async close() {
      const ends = workers.map((worker) => once(worker, "exit"));
      for (const worker of workers) worker.disconnect();
      await Promise.all(ends);
    },
  };
}

function order(worker: ChildProcess, what: Order): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`a process of the team ended with ${code}`));
    worker.once("exit", ended);
    worker.once("message", (answer: Answer) => {
      worker.off("exit", ended);
      if ("error" in answer) reject(new Error(answer.error));
      else resolve(answer.result);
    });
    worker.send(what);
  });
}
