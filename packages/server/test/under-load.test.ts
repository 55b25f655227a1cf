// bk-server in several processes under a steady load, while all that happens to servers happens: what is promised not to fail does not, what
// was acknowledged is there, jobs are done, and listeners have heard of everything. `BK_FULL_E2E=1` does it with 1,000 requests a second.

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { addAccount, authTables } from "@bk/auth";
import { openDb, type TableDefinitions } from "@bk/db";
import { modulesNamed } from "@bk/modules";
import { defineJobs, openQueue } from "@bk/queue";
import { describe, expect, it, onTestFailed, vi } from "vitest";

import { type CliResult, type RunningServer, startServerProcess, temporaryFolder } from "./run-cli.js";
import { childrenNamed, childrenOf, isAlive } from "./processes-of.js";
import { send } from "./two-servers/servers.js";
import { Listener } from "./under-load/listener.js";
import { Load } from "./under-load/load.js";

const isFull = process.env["BK_FULL_E2E"] === "1";
const [perSecond, calmMs, listenerPairs] = isFull ? [1000, 5_000, 2] : [100, 1_000, 1];
const masterKey = "a master key for a server under load, long enough";
const soon = { timeout: 60_000, interval: 50 };
/** What a connection says whose other end is gone. */
const cut = /^(?:ECONNRESET|EPIPE|ECONNREFUSED|ECONNABORTED|socket hang up)$/;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts it again whenever it ends by itself, as a supervisor of the system does. */
class Supervised {
  readonly logs: string[] = [];
  readonly #args: readonly string[];
  #server: RunningServer | undefined;
  #isOver = false;
  #ended: Promise<void> | undefined;

  constructor(args: readonly string[]) {
    this.#args = args;
  }

  get pid(): number {
    return this.#server!.child.pid!;
  }

  async start(): Promise<void> {
    const server = (this.#server = await startServerProcess(this.#args, { env: { BK_MASTER_KEY: masterKey } }));
    server.child.stderr!.on("data", (chunk: Buffer) => this.logs.push(chunk.toString()));
    this.#ended = once(server.child, "exit").then(async () => {
      if (!this.#isOver) await this.start();
    });
  }

  named(title: string): number[] {
    return childrenNamed(this.#server!, title);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<CliResult> {
    this.#isOver = true;
    const result = await this.#server!.stop(signal);
    await this.#ended;
    return result;
  }
}

describe("bk-server under load", () => {
  it("fails no request that it promises to serve, and loses nothing", { timeout: isFull ? 600_000 : 180_000 }, async () => {
    using folder = temporaryFolder();
    const db = await openDb({ url: `sqlite:${folder.file("load.db")}`, tables: tablesOf() });
    await db.sync();
    const login = { login: "root", secret: "secret of root" };
    const reader = { login: "reader", secret: "secret of reader" };
    await addAccount(db as never, { ...login, name: "root", type: "admin" }, { masterKey });
    const { id } = await addAccount(db as never, { ...reader, name: "reader" }, { masterKey });
    const [done, queueUrl] = [folder.file("done"), `db:sqlite:${folder.file("jobs.db")}`];
    writeFileSync(folder.file("jobs.mjs"), jobsNoting(done));
    symlinkSync(`${process.cwd()}/node_modules`, folder.file("node_modules"));
    writeFileSync(folder.file("tables.json"), JSON.stringify(noteTable));
    mkdirSync(folder.file("etc"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const given = {
      "--port": port,
      "--home": folder.path,
      "--db": `sqlite:${folder.file("load.db")}`,
      "--tables": folder.file("tables.json"),
      "--modules": "accounts,messages",
      "--workers": 2,
      "--proxy-workers": 1,
      "--job-workers": 2,
      "--jobs": folder.file("jobs.mjs"),
      "--queue": queueUrl,
      "--restart-delay": "100ms",
      // The machine of a test is busy with the test.
      "--max-delay-ms": 0,
      "--log-level": "warn",
    };
    const server = new Supervised(Object.entries(given).flatMap(([name, value]) => [name, String(value)]));
    onTestFailed(() => void process.stdout.write(server.logs.join("")));
    const queue = await openQueue(queueUrl, { name: "default" });
    const jobs = defineJobs({ note: { run: () => Promise.resolve() } });
    const submitted: number[] = [];
    const submitting = new AbortController();
    let load: Load | undefined;
    try {
      await server.start();
      await vi.waitFor(
        () => expect(["bk: web", "bk: worker", "bk: proxy"].map((title) => server.named(title).length)).toEqual([2, 2, 1]),
        soon,
      );
      expect((await send(url, "/data/put/note", { json: { id: "first", text: "first" }, by: login })).status).toBe(200);
      const listeners = Array.from({ length: 2 * listenerPairs }, (_, n) => new Listener(url, reader, n % 2 === 0 ? "sse" : "socket"));
      await vi.waitFor(() => expect(listeners.every(({ connections }) => connections > 0)).toBe(true), soon);
      // From its first event on, each comes back with the last one that it has seen.
      expect((await send(url, "/message/add", { json: { id, msg: "begin" }, by: login })).status).toBe(200);
      await vi.waitFor(() => expect(listeners.every(({ told }) => told.has("begin"))).toBe(true), soon);

      load = new Load({ url, perSecond, by: login, to: id });
      const asked = submitOn(submitting.signal, async (n) => {
        await jobs.submit(queue, "note", n);
        submitted.push(n);
      });
      const whole = async (): Promise<void> =>
        vi.waitFor(
          () => expect(["bk: web", "bk: worker", "bk: proxy"].map((title) => server.named(title).length)).toEqual([2, 2, 1]),
          soon,
        );
      async function during(name: string, work: () => Promise<void> | void): Promise<void> {
        load!.during(name);
        await work();
        await whole();
        await sleep(calmMs);
        load!.during("nothing");
        await sleep(calmMs / 2);
      }

      await sleep(calmMs);
      await during("rolling restart", async () => {
        const before = childrenOf(server.pid);
        process.kill(server.pid, "SIGUSR2");
        await vi.waitFor(() => expect(before.filter(isAlive)).toEqual([]), soon);
      });
      await during("changed setting", async () => {
        const asking = (): Promise<number> => send(url, "/data/select/note?_count=9", { by: login }).then(({ status }) => status);
        expect(await asking()).toBe(200);
        writeFileSync(folder.file("etc/config"), "max-count=5\n");
        // Both processes have it.
        await vi.waitFor(
          async () => expect(await Promise.all([asking(), asking(), asking(), asking()])).toEqual([400, 400, 400, 400]),
          soon,
        );
      });
      await during("killed job process", () => void process.kill(server.named("bk: worker")[0]!, "SIGKILL"));
      await during("killed proxy", () => void process.kill(server.named("bk: proxy")[0]!, "SIGKILL"));
      await during("killed web process", () => void process.kill(server.named("bk: web")[0]!, "SIGKILL"));
      await during("killed primary", async () => {
        const all = childrenOf(server.pid);
        process.kill(server.pid, "SIGKILL");
        await vi.waitFor(() => expect(all.filter(isAlive)).toEqual([]), soon);
        // Another one is there.
        await vi.waitFor(() => expect(server.named("bk: web")).toHaveLength(2), soon);
      });
      submitting.abort();
      await asked;
      await load.end();

      const report = [...load.phases].map(([name, { requests, longestGapMs }]) => {
        const { length } = load!.failuresDuring(name);
        return `${name}: ${requests} requests, ${length} failed, at most ${longestGapMs.toFixed(0)} ms without one that succeeded`;
      });
      process.stdout.write(`${report.join("\n")}\n`);
      for (const name of ["nothing", "rolling restart", "changed setting", "killed job process"])
        expect(load.failuresDuring(name), name).toEqual([]);
      // What was on its way in the process that was killed: each of its connections has one request at a time. A proxy says that nothing came.
      const killedWeb = load.failuresDuring("killed web process");
      expect(killedWeb.filter(({ what }) => !cut.test(what) && !what.startsWith("502 "))).toEqual([]);
      expect(killedWeb.length).toBeLessThanOrEqual(32);
      // All connections are those of the one proxy; until another one is there they wait.
      const killedProxy = load.failuresDuring("killed proxy");
      expect(killedProxy.filter(({ what }) => !cut.test(what))).toEqual([]);
      expect(killedProxy.length).toBeLessThanOrEqual(64);
      // Web processes finish what they can without the primary, which keeps what they share; then nobody is there for a moment.
      expect(load.failuresDuring("killed primary").filter(({ what }) => !cut.test(what) && !/^50[23] /.test(what))).toEqual([]);

      const stored = new Set<string>();
      for await (const row of db.scan("note")) stored.add(String(row["id"]));
      expect([...load.rows].filter((each) => !stored.has(each))).toEqual([]);
      const lines = (): Set<string> => new Set(existsSync(done) ? readFileSync(done, "utf8").trim().split("\n") : []);
      await vi.waitFor(() => expect(submitted.filter((n) => !lines().has(String(n)))).toEqual([]), soon);
      for (const listener of listeners)
        await vi.waitFor(() => expect([...load!.messages].filter((each) => !listener.told.has(each))).toEqual([]), soon);
      for (const listener of listeners) await listener.stop();
      expect([load.rows.size, load.messages.size, submitted.length].every((count) => count > 0)).toBe(true);
      expect((await server.stop()).code).toBe(0);
    } finally {
      submitting.abort();
      await load?.end();
      await server.stop("SIGKILL");
      await queue.close();
      await db.close();
    }
  });
});

const noteTable = { note: { id: { primary: 1, pub: true }, text: { pub: true } } };

function tablesOf(): TableDefinitions {
  return Object.assign(
    {},
    authTables,
    noteTable,
    ...modulesNamed(["accounts", "messages"]).map(({ tables }) => tables),
  ) as TableDefinitions;
}

/** Jobs that take a moment, so that some run when their process ends. */
const jobsNoting = (file: string): string => `
import { appendFileSync } from "node:fs";
import { defineJobs } from "@bk/queue";
export const jobs = defineJobs({
  note: { run: async (n) => { await new Promise((resolve) => setTimeout(resolve, 100)); appendFileSync(${JSON.stringify(file)}, n + "\\n"); } },
});
`;

/** Calls for one number after another, ten a second. */
async function submitOn(signal: AbortSignal, submit: (n: number) => Promise<void>): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    await submit(n);
    await sleep(100, undefined, { signal }).catch(() => undefined);
  }
}
