// `npm run bench -- modules`: open subscribers of bk-server, messages and connections beside their statements, pings beside images.

import { mkdtemp, rm } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";

import { signRequest } from "@bk/auth/client";
import sharp from "sharp";

import { load } from "./http-load.js";
import { median } from "./measure.js";
import type { Memory } from "./memory.js";
import type { ModulesClientOrder, SubscriberKind } from "./modules-client.js";
import { loginOf, moduleCells, moduleRequests, secretOf } from "./modules-requests.js";
import type { ModulesServerOrder } from "./modules-server.js";
import { startWorker, type Worker } from "./processes.js";
import { markdown } from "./report.js";

/** Kilobytes of a subscriber; milliseconds until all have heard of an event; milliseconds by which images delay pings. */
const goals = { memoryKb: 20, eventMs: 1000, delayMs: 20 };
const connections = 50;
const kinds: readonly SubscriberKind[] = ["SSE", "WebSocket"];

export interface ModulesSettings {
  readonly rounds: number;
  readonly turnMs: number;
  /** Open subscribers of each kind. */
  readonly subscribers: number;
  /** What to measure; undefined: all. */
  readonly cells: readonly string[] | undefined;
  readonly built: URL;
  readonly say: (text: string) => void;
}

interface Started {
  readonly port: number;
  readonly ids: readonly string[];
}

type StartWorker = (options: object, built: URL) => Worker;

/** Runs `work` with processes, which end with it. */
async function withWorkers<T>(work: (start: StartWorker, folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "bk-bench-modules-"));
  const workers: Worker[] = [];
  try {
    return await work((options, built) => {
      const worker = startWorker(options as Parameters<typeof startWorker>[0], built);
      workers.push(worker);
      return worker;
    }, folder);
  } finally {
    for (const worker of workers) worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures all, and gives the tables. */
export async function measureModules(settings: ModulesSettings): Promise<string> {
  const tables: string[] = [];
  for (const [name, measure] of Object.entries({ subscribers, calls, pings }))
    if (settings.cells?.includes(name) ?? true) tables.push(await measure(settings));
  return tables.join("\n");
}

const mark = (value: number, goal: number, digits = 0): string => `${value.toFixed(digits)}${value > goal ? "!" : ""}`;

async function subscribers({ subscribers: count, rounds, built, say }: ModulesSettings): Promise<string> {
  const lines: string[][] = [];
  for (const as of kinds) {
    say(`modules: ${count} subscribers by ${as}`);
    const bare = await withWorkers(async (start) => {
      const open = await subscribe(start({ bare: true }, built), start, built, as);
      const sizes = await open.sizes(count);
      return [`${as} of Node alone`, ...sizes.map((size) => size.toFixed(1)), (await open.heard("first", rounds)).toFixed(0), ""];
    });
    const own = await withWorkers(async (start, home) => {
      const open = await subscribe(start({ modules: "server", home, accounts: count }, built), start, built, as);
      const [rss, heap] = await open.sizes(count);
      const each = await open.heard("each", rounds);
      await open.again(count);
      return [
        as,
        mark(rss, goals.memoryKb, 1),
        heap.toFixed(1),
        mark(await open.heard("first", rounds), goals.eventMs),
        mark(each, goals.eventMs),
      ];
    });
    lines.push(bare, own);
  }
  const head = ["", "RSS, kB of a subscriber", "of it heap", "one event to all, ms", "an event for each, ms"];
  const goal = ["goal", `< ${goals.memoryKb}`, "", `≤ ${goals.eventMs}`, `≤ ${goals.eventMs}`];
  return `\n## ${count} open subscribers\n\n${markdown([head, goal, ...lines])}\n`;
}

interface Subscribed {
  /** Opens so many, each of an account of its own; gives the kilobytes that one takes, and those of them in the heap. */
  sizes(count: number): Promise<readonly [rss: number, heap: number]>;
  /** Lets them go, and opens so many of the first account. */
  again(count: number): Promise<void>;
  /** Milliseconds until all have heard of what is told. */
  heard(to: "each" | "first", rounds: number): Promise<number>;
}

/** Subscribers of a server, which is started. */
async function subscribe(server: Worker, start: StartWorker, built: URL, as: SubscriberKind): Promise<Subscribed> {
  const ask = <T>(order: ModulesServerOrder): Promise<T> => server.ask(order) as Promise<T>;
  const { port } = await ask<Started>({ kind: "start" });
  const client = start({ client: "modules", port }, built);
  const tell = <T>(order: ModulesClientOrder): Promise<T> => client.ask(order) as Promise<T>;
  let events = 0;
  async function heard(to: "each" | "first", rounds: number): Promise<number> {
    const times: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const marker = `event${++events}`;
      const last = tell<{ at: number }>({ kind: "heard", marker });
      const { at } = await ask<{ at: number }>({ kind: "publish", marker, to });
      times.push((await last).at - at);
    }
    // The first round brings the code to its speed and does not count.
    return median(times.slice(1));
  }
  return {
    heard,
    async sizes(count) {
      // What the code itself needs, once it runs, is no subscriber's.
      await tell({ kind: "open", as, count: Math.min(500, count), of: "each" });
      await heard("each", 0);
      await tell({ kind: "leave" });
      const before = await ask<Memory>({ kind: "memory" });
      await tell({ kind: "open", as, count, of: "each" });
      const after = await ask<Memory>({ kind: "memory" });
      return [(after.rssKb - before.rssKb) / count, (after.heapKb - before.heapKb) / count];
    },
    async again(count) {
      await tell({ kind: "leave" });
      await tell({ kind: "open", as, count, of: "first" });
    },
  };
}

const accountsOfCalls = 1000;

async function calls({ rounds, turnMs, built, say }: ModulesSettings): Promise<string> {
  return withWorkers(async (start, folder) => {
    const server = start({ modules: "server", home: join(folder, "server"), accounts: accountsOfCalls }, built);
    const sql = start({ modules: "sql", home: join(folder, "sql"), accounts: accountsOfCalls }, built);
    const { port, ids } = (await server.ask({ kind: "start" })) as Started;
    await sql.ask({ kind: "start" });
    const lines: string[][] = [];
    for (const cell of moduleCells) {
      say(`modules: ${cell}/add`);
      const turns: { readonly own: number; readonly plain: number; readonly cpuUs: number }[] = [];
      let first = 0;
      // The first round brings the code to its speed and does not count.
      for (let round = 0; round <= rounds; round++) {
        // More than are asked for in a turn.
        const requests = await moduleRequests(cell, ids, first, Math.ceil(turnMs * 6));
        const { perSecond: plain } = (await sql.ask({ kind: "turn", cell, ms: turnMs } as ModulesServerOrder)) as { perSecond: number };
        const before = (await server.ask({ kind: "cpu" })) as { cpuUs: number };
        const begun = performance.now();
        const answers = await load({ port, requests, connections, ms: turnMs });
        const own = answers / ((performance.now() - begun) / 1000);
        const after = (await server.ask({ kind: "cpu" })) as { cpuUs: number };
        if (round > 0) turns.push({ own, plain, cpuUs: (after.cpuUs - before.cpuUs) / answers });
        first += requests.length;
      }
      lines.push([
        `${cell}/add`,
        median(turns.map(({ plain }) => plain)).toFixed(0),
        median(turns.map(({ own }) => own)).toFixed(0),
        median(turns.map(({ own, plain }) => own / plain)).toFixed(2),
        median(turns.map(({ plain }) => 1e6 / plain)).toFixed(0),
        median(turns.map(({ cpuUs }) => cpuUs)).toFixed(0),
      ]);
    }
    const head = ["", "statements alone, a second", "signed, over HTTP, a second", "ratio", "statements, µs", "CPU of the server, µs"];
    return `\n## messages and connections on SQLite, ${connections} connections\n\n${markdown([head, ...lines])}\n`;
  });
}

/** Uploads that run side by side. */
const uploads = 4;

async function pings({ rounds, turnMs, built, say }: ModulesSettings): Promise<string> {
  say("modules: pings beside images");
  return withWorkers(async (start, home) => {
    const server = start({ modules: "server", home, accounts: uploads }, built);
    const { port } = (await server.ask({ kind: "start" })) as Started;
    const client = start({ client: "modules", port }, built);
    const { width, height, image } = await photo();
    // Whoever uploads is elsewhere in truth: the processors are the server's first.
    setPriority(10);
    const without: number[] = [];
    const beside: number[] = [];
    let scaled = 0;
    for (let round = 0; round <= rounds; round++) {
      const pinged = async (): Promise<number[]> =>
        ((await client.ask({ kind: "ping", ms: turnMs } as ModulesClientOrder)) as { times: number[] }).times;
      const alone = await pinged();
      const over = new AbortController();
      const loops = Array.from({ length: uploads }, (_, account) => uploadUntil(over.signal, port, account, image));
      const busy = await pinged();
      over.abort();
      const done = (await Promise.all(loops)).reduce((sum, count) => sum + count, 0);
      if (round === 0) continue;
      without.push(...alone);
      beside.push(...busy);
      scaled += done;
    }
    const at = (times: readonly number[], part: number): number => times.toSorted((a, b) => a - b)[Math.floor(times.length * part)]!;
    const delay = at(beside, 0.99) - at(without, 0.99);
    const line = (name: string, times: readonly number[], more: string): string[] => [
      name,
      at(times, 0.5).toFixed(2),
      at(times, 0.99).toFixed(2),
      more,
    ];
    const table = [
      ["", "median, ms", "99th percentile, ms", "later, ms"],
      ["goal", "", "", `≤ ${goals.delayMs}`],
      line("pings alone", without, ""),
      line("while images are scaled", beside, mark(delay, goals.delayMs, 1)),
    ];
    const what = `${without.length} pings, one each 5 ms; ${scaled} images of ${width} × ${height} scaled to 200 × 200 by ${uploads} side by side`;
    return `\n## ${what}\n\n${markdown(table)}\n`;
  });
}

/** A picture as a phone takes them: 12 megapixels, some of it fine. */
async function photo(): Promise<{ readonly width: number; readonly height: number; readonly image: Buffer }> {
  const [width, height] = [4000, 3000];
  const noise = {
    create: { width, height, channels: 3 as const, background: "#888", noise: { type: "gaussian" as const, mean: 128, sigma: 8 } },
  };
  return { width, height, image: await sharp(noise).jpeg({ quality: 80 }).toBuffer() };
}

/** Uploads an image as a browser does, again and again. @returns  how often */
async function uploadUntil(over: AbortSignal, port: number, account: number, image: Buffer): Promise<number> {
  const url = `http://127.0.0.1:${port}/account/put/icon`;
  let count = 0;
  while (!over.aborted) {
    const form = new FormData();
    form.set("_width", "200");
    form.set("_height", "200");
    form.set("icon", new Blob([image], { type: "image/jpeg" }), "photo.jpg");
    const request = new Request(url, { method: "POST", body: form });
    const contentType = request.headers.get("content-type")!;
    const body = new Uint8Array(await request.arrayBuffer());
    const headers = await signRequest({ method: "POST", url, contentType, body, login: loginOf(account), secret: secretOf(account) });
    const response = await fetch(url, { method: "POST", headers, body });
    if (response.status !== 200) throw new Error(`the server answers ${response.status}: ${await response.text()}`);
    await response.arrayBuffer();
    count++;
  }
  return count;
}
