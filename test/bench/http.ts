// `npm run bench -- http`: requests a second of bk-server beside Node's own HTTP server and Hono, which read the same row by hand.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "./http-load.js";
import { type HttpCell, httpCells, httpRequests, httpServers, type HttpServerName } from "./http-requests.js";
import { median } from "./measure.js";
import { startWorker, type Worker } from "./processes.js";
import { markdown } from "./report.js";

/** Least ratios of requests a second to those of `node`. */
const goals: Readonly<Record<HttpCell, number>> = { ping: 0.85, get: 0.95, "signed get": 1.1 };
const connections = 50;
/** How much longer the first round is: code runs at a third of its speed for some two seconds. */
const warmUpTurns = 3;

export interface HttpSettings {
  readonly rounds: number;
  readonly turnMs: number;
  readonly built: URL;
  readonly say: (text: string) => void;
}

interface Turn {
  readonly perSecond: number;
  /** The server's own work for one request. */
  readonly cpuUs: number;
}

export type HttpResult = Readonly<Record<HttpServerName, Readonly<Record<HttpCell, Turn & { readonly ratio: number }>>>>;

export async function measureHttp(settings: HttpSettings): Promise<HttpResult> {
  const folder = await mkdtemp(join(tmpdir(), "bk-bench-http-"));
  const workers: Worker[] = [];
  try {
    const servers: { name: HttpServerName; worker: Worker; port: number }[] = [];
    for (const name of httpServers) {
      const worker = startWorker({ server: name, file: join(folder, `${name}.db`) }, settings.built);
      workers.push(worker);
      const { port } = (await worker.ask({ kind: "start" })) as { port: number };
      servers.push({ name, worker, port });
    }
    const turns = new Map<string, Turn[]>();
    for (const cell of httpCells) {
      settings.say(`http: ${cell}`);
      const requests = { ours: await httpRequests(cell, true), simple: await httpRequests(cell, false) };
      // The first round brings the code to its speed and does not count.
      for (let round = 0; round <= settings.rounds; round++)
        for (let i = 0; i < servers.length; i++) {
          const { name, worker, port } = servers[(i + round) % servers.length]!;
          const ms = round === 0 ? warmUpTurns * settings.turnMs : settings.turnMs;
          const turn = await takeTurn(worker, port, name === "bk" ? requests.ours : requests.simple, ms);
          const key = `${name} ${cell}`;
          if (round > 0) turns.set(key, [...(turns.get(key) ?? []), turn]);
        }
    }
    return summarize(turns);
  } finally {
    for (const worker of workers) worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function takeTurn(worker: Worker, port: number, requests: readonly string[], ms: number): Promise<Turn> {
  const before = (await worker.ask({ kind: "cpu" })) as { cpuUs: number };
  const start = performance.now();
  const answers = await load({ port, requests, connections, ms });
  const seconds = (performance.now() - start) / 1000;
  const after = (await worker.ask({ kind: "cpu" })) as { cpuUs: number };
  return { perSecond: answers / seconds, cpuUs: (after.cpuUs - before.cpuUs) / answers };
}

function summarize(turns: ReadonlyMap<string, readonly Turn[]>): HttpResult {
  const of = (name: HttpServerName, cell: HttpCell): HttpResult[HttpServerName][HttpCell] => {
    const own = turns.get(`${name} ${cell}`)!;
    const node = turns.get(`node ${cell}`)!;
    return {
      perSecond: median(own.map(({ perSecond }) => perSecond)),
      cpuUs: median(own.map(({ cpuUs }) => cpuUs)),
      ratio: median(own.map(({ perSecond }, i) => perSecond / node[i]!.perSecond)),
    };
  };
  const cellsOf = (name: HttpServerName): [HttpServerName, HttpResult[HttpServerName]] => [
    name,
    Object.fromEntries(httpCells.map((cell) => [cell, of(name, cell)])) as HttpResult[HttpServerName],
  ];
  return Object.fromEntries(httpServers.map(cellsOf)) as HttpResult;
}

/** Requests a second as a ratio to those of `node`; a ratio under its goal has an exclamation mark. */
export function httpTable(result: HttpResult): string {
  const isMissed = (name: HttpServerName, cell: HttpCell): boolean => name === "bk" && result[name][cell].ratio < goals[cell];
  const lines = [
    ["", ...httpCells],
    ["node, requests a second", ...httpCells.map((cell) => result.node[cell].perSecond.toFixed(0))],
    ["goal of bk", ...httpCells.map((cell) => `≥ ${goals[cell]}`)],
    ...httpServers.map((name) => [
      name,
      ...httpCells.map((cell) => `${result[name][cell].ratio.toFixed(2)}${isMissed(name, cell) ? "!" : ""}`),
    ]),
    ...httpServers.map((name) => [`${name}, CPU µs`, ...httpCells.map((cell) => result[name][cell].cpuUs.toFixed(0))]),
  ];
  return `\n## http, ${connections} connections: requests a second as a ratio to node:http\n\n${markdown(lines)}\n`;
}
