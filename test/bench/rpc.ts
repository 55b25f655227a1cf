// `npm run bench -- rpc`: calls a second of services on NATS, beside the client's own requests.

import { startServices } from "../services/index.js";
import { median } from "./measure.js";
import { startWorker, type Worker } from "./processes.js";
import { markdown } from "./report.js";
import { type RpcContestant, rpcContestants } from "./rpc-worker.js";

/** How many calls are under way, and the least ratio to the client's own requests. */
const cells = [
  { name: "one at a time", atOnce: 1, goal: 0.8 },
  { name: "64 at once", atOnce: 64, goal: 4 },
  { name: "512 at once", atOnce: 512, goal: undefined },
] as const;

export interface RpcSettings {
  readonly rounds: number;
  readonly turnMs: number;
  readonly built: URL;
  readonly say: (text: string) => void;
}

interface Turn {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** Measures, the contestants in turn, and gives the table. @throws Error when NATS cannot be had here */
export async function measureRpc({ rounds, turnMs, built, say }: RpcSettings): Promise<string> {
  const services = await startServices(["nats"]);
  const url = services.env["BK_TEST_NATS"];
  if (url === undefined) throw new Error(`NATS cannot be measured here: ${services.notRun[0]?.reason ?? "it did not start"}`);
  const workers: Worker[] = [];
  try {
    for (const rpc of ["server", "client"] as const) {
      const worker = startWorker({ rpc, url }, built);
      workers.push(worker);
      await worker.ask({ kind: "start" });
    }
    const turns = new Map<string, Turn[]>();
    for (const { name, atOnce } of cells) {
      say(`rpc: ${name}`);
      // The first round brings the code to its speed and does not count.
      for (let round = 0; round <= rounds; round++)
        for (let at = 0; at < rpcContestants.length; at++) {
          const contestant = rpcContestants[(at + round) % rpcContestants.length]!;
          const turn = (await workers[1]!.ask({ kind: "turn", contestant, atOnce, ms: turnMs } as { kind: string })) as Turn;
          const key = `${contestant} ${name}`;
          if (round > 0) turns.set(key, [...(turns.get(key) ?? []), turn]);
        }
    }
    return table(turns);
  } finally {
    for (const worker of workers) worker.stop();
    await services.stop();
  }
}

function table(turns: ReadonlyMap<string, readonly Turn[]>): string {
  const of = (contestant: RpcContestant, cell: string): readonly Turn[] => turns.get(`${contestant} ${cell}`)!;
  const ratio = (contestant: RpcContestant, cell: string): number =>
    median(of(contestant, cell).map(({ perSecond }, at) => perSecond / of("nats raw", cell)[at]!.perSecond));
  const lines = [
    ["", ...cells.map(({ name }) => name)],
    ["nats raw, calls a second", ...cells.map(({ name }) => median(of("nats raw", name).map(({ perSecond }) => perSecond)).toFixed(0))],
    ["goal of bk", ...cells.map(({ goal }) => (goal === undefined ? "" : `≥ ${goal}`))],
    ...rpcContestants.map((contestant) => [
      contestant,
      ...cells.map(({ name, goal }) => {
        const own = ratio(contestant, name);
        return `${own.toFixed(2)}${contestant === "bk" && goal !== undefined && own < goal ? "!" : ""}`;
      }),
    ]),
    ...rpcContestants.map((contestant) => [
      `${contestant}, CPU µs of the client`,
      ...cells.map(({ name }) => median(of(contestant, name).map(({ cpuUs }) => cpuUs)).toFixed(1)),
    ]),
  ];
  return `\n## rpc on NATS: calls a second as a ratio to those of the client alone\n\n${markdown(lines)}\n`;
}
